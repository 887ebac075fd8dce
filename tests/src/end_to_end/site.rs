//! A folder from which the program `schleuse` is run in the name of every party, against a broker.

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::broker::{BrokerProcess, program, repository, write_config};
use crate::pki::Pki;
use crate::raw::LOTSE_AGENCY;

/// Where programs run; what they keep lies in one folder.
pub(super) struct Site {
    folder: tempfile::TempDir,
    address: SocketAddr,
    /// A broker of the site's own, which lives as long as it.
    _broker: Option<BrokerProcess>,
}

impl Site {
    /// With a broker of its own.
    pub(super) fn start() -> Self {
        Self::with("")
    }

    /// With a broker of its own and limits.
    pub(super) fn with(limits: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        write_config(folder.path(), Pki::shared().path(), limits);
        let broker = BrokerProcess::start(folder.path()).unwrap();
        Self { folder, address: broker.address, _broker: Some(broker) }
    }

    /// For a broker that runs already.
    pub(super) fn at(address: SocketAddr) -> Self {
        Self { folder: tempfile::tempdir().unwrap(), address, _broker: None }
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub(super) fn write(&self, name: &str, text: &str) -> String {
        std::fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// Private sealing keys of an agency.
    pub(super) fn sealing(&self, agency: &str) -> String {
        Pki::shared().leaf(agency, "sealing.toml").display().to_string()
    }

    fn command(&self, agency: &str, name: &str) -> Command {
        let leaf = Pki::shared().leaf(agency, name).with_extension("pem");
        let mut command = Command::new(program("schleuse"));
        command
            .env("SCHLEUSE_ENDPOINT", format!("https://localhost:{}", self.address.port()))
            .env("SCHLEUSE_TRUST", Pki::shared().path().join("trust.toml"))
            .env("SCHLEUSE_CERTIFICATE", leaf)
            .env("SCHLEUSE_STATE", self.path(&format!("state-{agency}-{name}")))
            .env("SCHLEUSE_CATALOGUE", repository().join("ops/reference/catalogue.toml"))
            .env("SCHLEUSE_CASE_FILE", self.path(&format!("case-{agency}.jsonl")))
            .env("SCHLEUSE_CONTACT", "Lotsin, Telefon 0941 0000")
            .env("SCHLEUSE_CONFERENCES", self.path(&format!("conferences-{agency}")));
        command
    }

    /// Exit code, and the JSON that the program printed.
    pub(super) fn run(&self, agency: &str, name: &str, arguments: &[&str]) -> (i32, Value) {
        let output = self.command(agency, name).args(arguments).arg("--json").output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        let complained = String::from_utf8_lossy(&output.stderr);
        let value = serde_json::from_str(&said);
        let value = value.unwrap_or_else(|_| panic!("{arguments:?}: {said}{complained}"));
        (output.status.code().unwrap(), value)
    }

    /// The JSON that the program printed; it succeeds.
    pub(super) fn ask(&self, agency: &str, name: &str, arguments: &[&str]) -> Value {
        let (code, value) = self.run(agency, name, arguments);
        assert_eq!(code, 0, "{arguments:?}: {value}");
        value
    }

    /// What the program prints for people; it succeeds.
    pub(super) fn text(&self, agency: &str, name: &str, arguments: &[&str]) -> String {
        let output = self.command(agency, name).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Exit code, and what the program said on standard error, when this line is typed.
    pub(super) fn typed(
        &self,
        agency: &str,
        name: &str,
        arguments: &[&str],
        line: &str,
    ) -> (i32, String) {
        let mut command = self.command(agency, name);
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Who is refused before the question reads no answer.
        let _unread = writeln!(child.stdin.take().unwrap(), "{line}");
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().unwrap(), said)
    }

    /// Exit code, and what the program said: to standard output, and on standard error.
    pub(super) fn said(&self, agency: &str, arguments: &[&str]) -> (i32, String, String) {
        outcome(self.command(agency, "system").args(arguments))
    }

    /// As [`Site::said`], without a variable of the environment.
    pub(super) fn said_without(
        &self,
        variable: &str,
        agency: &str,
        arguments: &[&str],
    ) -> (i32, String, String) {
        let mut command = self.command(agency, "system");
        outcome(command.env_remove(variable).args(arguments))
    }

    /// Exit code and what was said on standard error, if results go to a device that takes none.
    pub(super) fn unwritten(&self, agency: &str, arguments: &[&str]) -> (i32, String) {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = self.command(agency, "system").args(arguments).stdout(full).output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
    }

    pub(super) fn lotse(&self, arguments: &[&str]) -> Value {
        self.ask(LOTSE_AGENCY, "lotse-l-01", arguments)
    }

    /// Publishes one function of an agency.
    pub(super) fn publish(&self, agency: &str, function: &str) {
        let sealing = self.sealing(agency);
        let publish = ["agency", "publish", "--name", "Stelle", "--function", function];
        self.ask(agency, "system", &[&publish[..], &["--sealing", &sealing, "--yes"]].concat());
    }

    /// Registers a participant; the Lotse's reference.
    pub(super) fn register(&self) -> String {
        text_of(&self.lotse(&["lotse", "participant", "register"]), "participant")
    }

    /// The reference by which an agency addresses a participant.
    pub(super) fn reference(&self, own: &str, agency: &str) -> String {
        let reference = ["lotse", "participant", "reference", "--participant", own];
        text_of(&self.lotse(&[&reference[..], &["--agency", agency]].concat()), "reference")
    }

    /// Records a consent with grants as (from, to, categories) of one purpose; its identifier.
    pub(super) fn consent(
        &self,
        own: &str,
        purpose: &str,
        rows: &[(&str, &str, &[&str])],
    ) -> String {
        let file = self.write("grants.toml", &grants(purpose, rows));
        let text = self.write("text.txt", "Ich bin einverstanden.");
        let record = ["lotse", "consent", "record", "--participant", own, "--grants", &file];
        let with = ["--text", &text, "--text-version", "1", "--evidence", &text];
        text_of(&self.lotse(&[&record[..], &with].concat()), "consent")
    }
}

fn outcome(command: &mut Command) -> (i32, String, String) {
    let output = command.output().unwrap();
    let [out, error] = [output.stdout, output.stderr].map(|it| String::from_utf8(it).unwrap());
    (output.status.code().unwrap(), out, error)
}

/// A grants file for `consent record`, for twelve months.
pub(super) fn grants(purpose: &str, rows: &[(&str, &str, &[&str])]) -> String {
    let row = |(from, to, categories): &(&str, &str, &[&str])| {
        format!(
            "[[grant]]\nfrom = [\"{from}\"]\nto = \"{to}\"\npurpose = \"{purpose}\"\n\
             categories = {categories:?}\nmonths = 12\n"
        )
    };
    rows.iter().map(row).collect()
}

/// A text of an object.
pub(super) fn text_of(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}")).to_owned()
}
