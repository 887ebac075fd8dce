//! The program `schleuse` with attachments.

use std::path::Path;
use std::process::{Command, Output};

use crate::attachments::{ATTACHED, Site};
use crate::broker::{TestBroker, program};
use crate::pki::Pki;
use crate::raw::{DRV, JOBCENTER};

async fn run(site: &Site, agency: &str, arguments: Vec<String>) -> Output {
    let pki = Pki::shared();
    let mut command = Command::new(program("schleuse"));
    command
        .args(arguments)
        .arg("--json")
        .env("SCHLEUSE_ENDPOINT", format!("https://localhost:{}", site.broker.port()))
        .env("SCHLEUSE_TRUST", pki.path().join("trust.toml"))
        .env("SCHLEUSE_CERTIFICATE", pki.leaf(agency, "system").with_extension("pem"))
        .env("SCHLEUSE_STATE", site.folder.path().join(format!("cli-{agency}")))
        .env("SCHLEUSE_SEALING", pki.path().join("agencies").join(agency).join("sealing.toml"));
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn send(site: &Site, attached: &[String]) -> Vec<String> {
    let mut arguments: Vec<String> = ["agency", "send", "--to", "drv-bayern-sued/zentrale"]
        .into_iter()
        .chain(["--as", "zentrale", "--purpose", "fallkonferenz", "--text", "anbei"])
        .chain(["--kind", "fallkonferenz.note", "--category", "termine", "--participant"])
        .map(str::to_owned)
        .collect();
    arguments.push(site.jobcenter_reference.clone());
    for one in attached {
        arguments.extend(["--attach".to_owned(), one.clone()]);
    }
    arguments
}

fn with(path: &Path, categories: &str) -> String {
    format!("{}:{categories}", path.display())
}

#[tokio::test(flavor = "multi_thread")]
async fn files_go_and_come_with_the_program() {
    let broker = TestBroker::start().await;
    let site = Site::open(broker.address()).await;
    let (path, data) = site.file("plan.bin", 3 * 1024 * 1024 + 5, 1);
    let folder = site.folder.path().join("in").display().to_string();
    let inbox = |acknowledge: bool| {
        let mut arguments = vec!["agency", "inbox", "--function", "zentrale"];
        arguments.extend(["--attachments-dir", &folder]);
        arguments.extend(acknowledge.then_some("--acknowledge"));
        arguments.into_iter().map(str::to_owned).collect::<Vec<String>>()
    };

    // One attachment is not covered: nothing is sent, and only that is said.
    let uncovered = [with(&path, ATTACHED), with(&path, "gesundheit")];
    let output = run(&site, JOBCENTER, send(&site, &uncovered)).await;
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said["result"], "not-covered");
    assert_eq!(said["statutory"]["norm"], "§ 20 SGB IX, § 119 SGB IX");
    // The channel depends on purpose and kind alone: of the message itself, or of an attachment.
    let mut norms = Vec::new();
    for (kind, purpose) in
        [("unterlagen.request", "unterlagen"), ("zustaendigkeit.note", "zustaendigkeit")]
    {
        let mut arguments = send(&site, &uncovered);
        for (from, to) in [("fallkonferenz.note", kind), ("fallkonferenz", purpose)] {
            arguments.iter_mut().filter(|one| *one == from).for_each(|one| to.clone_into(one));
        }
        let output = run(&site, JOBCENTER, arguments).await;
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(said["result"], "not-covered");
        norms.push(said["statutory"]["norm"].as_str().unwrap().to_owned());
    }
    let papers = "§§ 60, 65 SGB I, § 67a Abs. 2 SGB X, § 100 SGB X";
    assert_eq!(norms, [papers, "§§ 14, 15 SGB IX, § 16 Abs. 2 SGB I"]);
    let output = run(&site, DRV, inbox(true)).await;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said, serde_json::json!([]));

    let output = run(&site, JOBCENTER, send(&site, &uncovered[..1])).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let progress = String::from_utf8(output.stderr).unwrap();
    assert!(progress.contains("plan.bin: 3145733 of 3145733 bytes"), "{progress}");
    let output = run(&site, DRV, inbox(true)).await;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(said.as_array().unwrap().len(), 1, "parts are not shown: {said}");
    assert_eq!(said[0]["content"]["envelope"]["attachments"][0]["name"], "plan.bin");
    let saved = said[0]["attachments_saved"][0].as_str().unwrap();
    assert_eq!(std::fs::read(saved).unwrap(), data);

    let output = run(&site, JOBCENTER, send(&site, &vec![with(&path, ATTACHED); 17])).await;
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
