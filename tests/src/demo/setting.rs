//! Before the story begins: keys, the broker, the directory.

use std::collections::BTreeSet;
use std::net::TcpStream;
use std::path::Path;

use super::parties::{
    AGENCIES, DEPUTY, EVALUATION, JOBCENTER, LOTSE, OFFICER, SECOND_OFFICER, Stage,
};
use super::{claim, say};
use crate::broker::write_config;

/// When the story begins. Its clock is simulated, see `clock`.
const BEGIN: &str = "2027-01-11T08:00:00Z";
/// Places of both Jobcenter, as in the model project.
const PLACES: &str = "[[places]]\njobcenter = \"jobcenter-stadt-regensburg\"\ncount = 30\n\
                      [[places]]\njobcenter = \"jobcenter-landkreis-regensburg\"\ncount = 15\n";
/// Longer than the story.
const KEY_DAYS: &str = "1095";

/// Certificates, a running broker, and a directory.
pub(super) fn build(folder: &Path) -> Stage {
    say("\nBefore the story: keys and certificates");
    let stage = Stage::new(folder, BEGIN.parse().unwrap());
    let config = write_config(folder, &folder.join("pki"), "");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text + PLACES).unwrap();
    stage.open();
    let others = [LOTSE, DEPUTY, OFFICER, SECOND_OFFICER, EVALUATION];
    let parties = AGENCIES.into_iter().chain(others);
    let certificates: BTreeSet<Vec<u8>> =
        parties.map(|party| std::fs::read(stage.certificate(party)).unwrap()).collect();
    claim(
        "each agency, Lotse, officer and the evaluation has a certificate of its own",
        certificates.len() == AGENCIES.len() + others.len(),
    );
    claim(
        &format!("the broker listens on {} with its embedded store", stage.address()),
        TcpStream::connect(stage.address()).is_ok() && folder.join("data").is_dir(),
    );
    directory(&stage);
    stage
}

fn directory(stage: &Stage) {
    say("\nThe directory: who can receive what, and the keys to seal for them");
    for party in AGENCIES.into_iter().chain([LOTSE]) {
        let function = format!("{}={}", party.function, party.function_name);
        let sealing = stage.sealing(party);
        let mut arguments = vec!["agency", "publish", "--name", party.display];
        arguments.extend(["--function", &function, "--sealing", &sealing, "--days", KEY_DAYS]);
        stage.ask(party, &arguments);
    }
    let listed = stage.ask(JOBCENTER, &["directory", "list"]);
    claim("seven entries, each signed by its agency", listed.as_array().map(Vec::len) == Some(7));
    let mut arguments = vec!["directory", "add-contact", "--id", "schuldnerberatung-regensburg"];
    arguments.extend(["--name", "Schuldnerberatung Regensburg", "--kind", "beratungsstelle"]);
    arguments.extend(["--offer", "Schuldner- und Insolvenzberatung", "--topic", "schulden"]);
    arguments.extend(["--region", "Regensburg", "--reach", "0941 0000-7"]);
    stage.ask(LOTSE, &arguments);
    let found = stage.ask(JOBCENTER, &["directory", "search", "schulden"]);
    claim(
        "the Lotse adds a debt counselling that is not connected, and everybody finds it",
        found["hits"].to_string().contains("schuldnerberatung-regensburg"),
    );
}
