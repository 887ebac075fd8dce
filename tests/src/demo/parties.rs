//! Who takes part, and how each of them calls the program `schleuse`.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use jiff::{Timestamp, ToSpan as _};
use serde_json::Value;

use super::acts::Tally;
use super::clock::StageClock;
use crate::broker::{BrokerProcess, program};

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
/// The medical service: what it sends is a professional secret (§ 203 StGB).
pub(super) const MEDICAL_SERVICE: Party = system(
    "agentur-fuer-arbeit-regensburg",
    "Ärztlicher Dienst",
    "aerztlicher-dienst",
    "Ärztlicher Dienst der Agentur für Arbeit",
);
pub(super) const LOTSE: Party = Party {
    agency: "lotsenstelle",
    name: "lotse-l-01",
    display: "Lotse",
    function: "lotse",
    function_name: "Lotsendienst",
};
/// The other Lotse of the same body.
pub(super) const DEPUTY: Party = Party { name: "lotse-l-02", display: "Deputy", ..LOTSE };
pub(super) const OFFICER: Party = Party {
    agency: "projekt",
    name: "dpo-d-01",
    display: "Data-protection officer",
    function: "",
    function_name: "",
};
/// The other person of the project, whose word an erasure needs too.
pub(super) const SECOND_OFFICER: Party =
    Party { name: "dpo-d-02", display: "Second officer", ..OFFICER };
pub(super) const EVALUATION: Party = Party {
    agency: "oth-regensburg",
    name: "evaluation",
    display: "Evaluation",
    function: "",
    function_name: "",
};
/// All who work with participants, but for the Lotse.
pub(super) const AGENCIES: [Party; 6] =
    [JOBCENTER, DRV, KRANKENKASSE, BEZIRK, SOZIALHILFE, MEDICAL_SERVICE];

impl Party {
    /// As recipients are written.
    pub(super) fn address(self) -> String {
        format!("{}/{}", self.agency, self.function)
    }
}

/// Hours after which the demonstration renews all certificates: they live 30 days.
const RENEWAL_HOURS: i64 = 25 * 24;

/// Where and when everything happens.
pub(super) struct Stage {
    pub(super) folder: PathBuf,
    clock: StageClock,
    now: RefCell<Timestamp>,
    renewed: RefCell<Timestamp>,
    broker: RefCell<Option<BrokerProcess>>,
    /// Where it listens, or listened last.
    address: Cell<Option<SocketAddr>>,
    pub(super) tally: Tally,
}

impl Stage {
    /// Keys and certificates at the beginning of the story; the broker does not run yet.
    pub(super) fn new(folder: &Path, begin: Timestamp) -> Self {
        let clock = StageClock::starting(folder, begin);
        let stage = Self {
            folder: folder.to_owned(),
            clock,
            now: RefCell::new(begin),
            renewed: RefCell::new(begin),
            broker: RefCell::new(None),
            address: Cell::new(None),
            tally: Tally::default(),
        };
        stage.certs(&["generate", "--region"]);
        stage
    }

    /// Starts the broker; it must not be running.
    pub(super) fn open(&self) {
        let environment = self.clock.environment();
        let broker = BrokerProcess::start_in(&self.folder, "info", &environment).unwrap();
        self.address.set(Some(broker.address));
        assert!(self.broker.replace(Some(broker)).is_none(), "the broker runs already");
    }

    /// Drains and stops the broker; returns its exit code.
    pub(super) fn close(&self) -> Option<i32> {
        self.broker.take().and_then(BrokerProcess::terminate)
    }

    /// Takes the running broker out of the demonstration's hands.
    pub(super) fn leave(&self) -> BrokerProcess {
        self.broker.take().expect("the broker runs")
    }

    /// Where the broker listens, or listened last.
    pub(super) fn address(&self) -> SocketAddr {
        self.address.get().expect("the broker was started")
    }

    /// Time goes by until an instant. Certificates and revocation lists are renewed on the way, and the
    /// broker is started anew with them, as its operator would do each month.
    pub(super) fn wait_until(&self, until: &str) {
        let until: Timestamp = until.parse().unwrap();
        assert!(until > *self.now.borrow(), "time goes forwards only");
        loop {
            let due = *self.renewed.borrow() + RENEWAL_HOURS.hours();
            if until <= due {
                break;
            }
            assert_eq!(self.close(), Some(0), "the broker drains and stops");
            self.clock.show(due);
            self.certs(&["renew"]);
            self.renewed.replace(due);
            self.open();
        }
        self.clock.show(until);
        self.now.replace(until);
    }

    fn certs(&self, arguments: &[&str]) {
        let done = Command::new(program("schleuse-certs-dev"))
            .args(arguments)
            .arg("--out")
            .arg(self.folder.join("pki"))
            .envs(self.clock.environment())
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Where the certificate of a party lies, with its key.
    pub(super) fn certificate(&self, party: Party) -> String {
        self.file(&format!("pki/agencies/{}/{}.pem", party.agency, party.name))
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
        vec![
            ("SCHLEUSE_ENDPOINT", format!("https://localhost:{}", self.address().port())),
            ("SCHLEUSE_TRUST", self.file("pki/trust.toml")),
            ("SCHLEUSE_CERTIFICATE", self.certificate(party)),
            ("SCHLEUSE_STATE", self.file(&format!("state/{}-{}", party.agency, party.name))),
        ]
    }

    /// The environment in which a program lives by the simulated clock.
    pub(super) fn clock(&self) -> [(&'static str, String); 6] {
        self.clock.environment()
    }

    /// A program of this workspace that lives by the simulated clock.
    pub(super) fn command(&self, name: &str) -> Command {
        let mut command = Command::new(program(name));
        command.envs(self.clock.environment());
        command
    }

    /// Runs the program for a party.
    pub(super) fn run(&self, party: Party, arguments: &[&str]) -> Output {
        self.command("schleuse")
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
