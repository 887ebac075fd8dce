//! A small region at work against a real broker, with the program that users try it with.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::site::{grants, text_of};
use crate::broker::{BrokerProcess, program, write_config};

#[test]
fn a_region_loses_no_message_and_gets_no_wrong_decision() {
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    let made = Command::new(program("schleuse-certs-dev"))
        .args(["generate", "--region", "--out"])
        .arg(&pki)
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    write_config(folder.path(), &pki, "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let played = Command::new(program("schleuse"))
        .args(["simulate", "--participants", "8", "--messages", "150", "--revoke-every", "10"])
        .arg("--json")
        .arg("--pki")
        .arg(&pki)
        .arg("--endpoint")
        .arg(format!("https://localhost:{}", broker.address.port()))
        .output()
        .unwrap();
    let said = String::from_utf8(played.stdout).unwrap();
    assert!(played.status.success(), "{said} {}", String::from_utf8_lossy(&played.stderr));
    let said: serde_json::Value = serde_json::from_str(&said).unwrap();
    let count = |key: &str| said[key].as_u64().unwrap();
    assert_eq!(count("sent"), 150);
    assert!(count("taken_over") > 50 && count("revocations") >= 10, "{said}");
    assert_eq!(broker.terminate(), Some(0));
}

/// Runs the program in the name of somebody of the region; its JSON.
fn run(pki: &Path, broker: SocketAddr, who: &str, arguments: &[&str]) -> Value {
    let output = Command::new(program("schleuse"))
        .args(arguments)
        .arg("--json")
        .env("SCHLEUSE_ENDPOINT", format!("https://localhost:{}", broker.port()))
        .env("SCHLEUSE_TRUST", pki.join("trust.toml"))
        .env("SCHLEUSE_CERTIFICATE", pki.join("agencies").join(who).with_extension("pem"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn a_simulation_leaves_the_messages_of_others_where_they_are() {
    const JOBCENTER: &str = "jobcenter-stadt-regensburg";
    const TO: &str = "drv-bayern-sued/reha-beratung";
    let folder = tempfile::tempdir().unwrap();
    let pki = folder.path().join("pki");
    let mut made = Command::new(program("schleuse-certs-dev"));
    let made = made.args(["generate", "--region", "--out"]).arg(&pki).output().unwrap();
    assert!(made.status.success(), "{made:?}");
    write_config(folder.path(), &pki, "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let (lotse, system) = ("lotsenstelle/lotse-l-01", format!("{JOBCENTER}/system"));
    let run = |who: &str, arguments: &[&str]| run(&pki, broker.address, who, arguments);
    let keys = pki.display().to_string();
    let simulate = ["simulate", "--pki", &keys, "--participants", "4", "--messages", "20"];
    run(&system, &simulate);

    // Of a kind that the simulation does not know, and a participant who is none of its own.
    let own = text_of(&run(lotse, &["lotse", "participant", "register"]), "participant");
    let reference = |agency: &str| {
        let of = ["lotse", "participant", "reference", "--participant", &own, "--agency", agency];
        text_of(&run(lotse, &of), "reference")
    };
    let participant = reference(JOBCENTER);
    reference("drv-bayern-sued");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let granted = file("grants.toml", &grants("zuleitung", &[(JOBCENTER, TO, &["termine"])]));
    let text = file("text.txt", "Ich bin einverstanden.");
    let record = ["lotse", "consent", "record", "--participant", &own, "--grants", &granted];
    let signed = ["--text", &text, "--text-version", "1", "--evidence", &text];
    run(lotse, &[&record[..], &signed].concat());
    let send = ["agency", "send", "--participant", &participant, "--to", TO];
    let label = ["--as", "fallmanagement", "--category", "termine", "--purpose", "zuleitung"];
    let kind = ["--kind", "ueberleitung.plan"];
    let example = run(&system, &["agency", "kinds", "show", "ueberleitung.plan", "--example"]);
    let content = file("content.json", &example.to_string());
    let send = [&send[..], &label, &kind, &["--json-content", &content]].concat();
    let message = text_of(&run(&system, &send), "message");

    let played = run(&system, &simulate);
    assert_eq!(played["foreign"], 1, "{played}");
    assert_eq!((&played["missing"], &played["stopped_receiving"]), (&0.into(), &0.into()));
    let track = run(&system, &["agency", "track", &message]);
    assert_ne!(track[0]["state"], "taken-up");
    assert!(played["taken_over"].as_u64().unwrap() > 0, "{played}");
}
