//! A small region at work against a real broker, with the program that users try it with.

use std::process::Command;

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
