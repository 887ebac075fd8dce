//! Who takes part, and how each of them calls the program `schleuse`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::broker::program;

/// Somebody with a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Party {
    pub(super) agency: &'static str,
    pub(super) name: &'static str,
    pub(super) display: &'static str,
    /// Function that receives.
    pub(super) function: &'static str,
    pub(super) function_name: &'static str,
}

const fn system(
    agency: &'static str,
    display: &'static str,
    function: &'static str,
    function_name: &'static str,
) -> Party {
    Party { agency, name: "system", display, function, function_name }
}

pub(super) const JOBCENTER: Party =
    system("jobcenter-stadt-regensburg", "Jobcenter", "fallmanagement", "Fallmanagement");
pub(super) const DRV: Party = system("drv-bayern-sued", "DRV", "reha-beratung", "Reha-Beratung");
pub(super) const KRANKENKASSE: Party =
    system("krankenkasse-nord", "Krankenkasse", "krankengeld", "Krankengeld");
pub(super) const BEZIRK: Party =
    system("bezirk-oberpfalz", "Bezirk", "eingliederungshilfe", "Eingliederungshilfe");
pub(super) const SOZIALHILFE: Party =
    system("sozialhilfe-regensburg", "Sozialhilfeträger", "grundsicherung", "Grundsicherung");
pub(super) const LOTSE: Party = Party {
    agency: "lotsenstelle",
    name: "lotse-l-01",
    display: "Lotse",
    function: "lotse",
    function_name: "Lotsendienst",
};
pub(super) const OFFICER: Party = Party {
    agency: "projekt",
    name: "dpo",
    display: "Data-protection officer",
    function: "",
    function_name: "",
};
pub(super) const AGENCIES: [Party; 5] = [JOBCENTER, DRV, KRANKENKASSE, BEZIRK, SOZIALHILFE];

impl Party {
    /// As recipients are written.
    pub(super) fn address(self) -> String {
        format!("{}/{}", self.agency, self.function)
    }
}

/// Where everything happens.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    pub(super) address: SocketAddr,
}

impl Stage {
    pub(super) fn new(folder: &Path, address: SocketAddr) -> Self {
        Self { folder: folder.to_owned(), address }
    }

    pub(super) fn sealing(&self, party: Party) -> String {
        self.file(&format!("pki/agencies/{}/sealing.toml", party.agency))
    }

    pub(super) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// Writes a file into the folder and returns its path.
    pub(super) fn write(&self, name: &str, content: &str) -> String {
        let path = self.file(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// The environment in which a party calls the program.
    pub(super) fn environment(&self, party: Party) -> Vec<(&'static str, String)> {
        let leaf = format!("pki/agencies/{}/{}", party.agency, party.name);
        vec![
            ("SCHLEUSE_ENDPOINT", format!("https://localhost:{}", self.address.port())),
            ("SCHLEUSE_TRUST", self.file("pki/trust.toml")),
            ("SCHLEUSE_CERTIFICATE", self.file(&format!("{leaf}.pem"))),
            ("SCHLEUSE_STATE", self.file(&format!("state/{}-{}", party.agency, party.name))),
        ]
    }

    /// Runs the program for a party.
    pub(super) fn run(&self, party: Party, arguments: &[&str]) -> Output {
        Command::new(program("schleuse"))
            .args(arguments)
            .arg("--json")
            .envs(self.environment(party))
            .output()
            .unwrap()
    }

    /// Runs it and takes its JSON; anything but success ends the demonstration.
    pub(super) fn ask(&self, party: Party, arguments: &[&str]) -> Value {
        let output = self.run(party, arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        let complained = String::from_utf8_lossy(&output.stderr);
        assert!(
            output.status.success(),
            "{} {arguments:?}: {} {said} {complained}",
            party.display,
            output.status
        );
        serde_json::from_str(&said).unwrap()
    }
}

/// A text inside a JSON answer.
pub(super) fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
