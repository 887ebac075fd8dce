//! A broker that lost records: it is found out, permits nothing, and returns only reconciled.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use schleuse_client::{Client, ClientError, ConsentBuilder, ConsentId, ParticipantReference};
use schleuse_proto::v1;

use super::reason;
use super::rights::copy_folder;
use crate::broker::{BrokerProcess, program, write_config};
use crate::pki::Pki;
use crate::raw::{DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient};

/// A client of the SDK that keeps its state.
async fn client(
    address: std::net::SocketAddr,
    agency: &str,
    name: &str,
    state: &Path,
) -> Result<Client, ClientError> {
    builder(address, agency, name, state).connect().await
}

fn builder(
    address: std::net::SocketAddr,
    agency: &str,
    name: &str,
    state: &Path,
) -> schleuse_client::ClientBuilder {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    Client::builder()
        .endpoint(format!("https://{address}"))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .state_dir(state)
}

/// A broker in a folder, with two consents of one participant from the Jobcenter: to the DRV's `zentrale` and,
/// for the second, the same again.
struct Site {
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Site {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = write_config(folder.path(), Pki::shared().path(), "");
        let text = std::fs::read_to_string(&config).unwrap();
        let other_volume = folder.path().join("volume2");
        std::fs::create_dir(&other_volume).unwrap();
        let text = text.replace("[log]", "[log]\nstate_file = \"volume2/newest\"");
        std::fs::write(&config, text).unwrap();
        Self { folder, config }
    }

    fn start(&self) -> BrokerProcess {
        BrokerProcess::start(self.folder.path()).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a command of the broker's program.
    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(program("schleuse-broker"))
            .args(arguments)
            .arg("--config")
            .arg(&self.config)
            .current_dir(self.folder.path())
            .output()
            .unwrap()
    }

    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, error) = (output.stdout, String::from_utf8(output.stderr).unwrap());
        assert!(output.status.success(), "{arguments:?}: {error}");
        String::from_utf8(out).unwrap()
    }

    /// Puts an old copy of the data in the place of the data.
    fn roll_back(&self, copy: &Path) {
        std::fs::remove_dir_all(self.path("data")).unwrap();
        copy_folder(copy, &self.path("data"));
    }
}

struct Story {
    participant: ParticipantReference,
    jobcenter: ParticipantReference,
    revoked: ConsentId,
    kept: ConsentId,
}

fn consent(participant: &ParticipantReference, purpose: &str) -> ConsentBuilder {
    use schleuse_client::{Clock as _, Grant, SystemClock};
    let recipient = "drv-bayern-sued/zentrale".parse().unwrap();
    let now = SystemClock.now_ms();
    let grant = Grant::for_months(&[JOBCENTER], recipient, purpose, &["termine"], now - 1000, 12);
    ConsentBuilder::new(participant.clone())
        .grant(grant.unwrap())
        .text("2026-1", "Ich willige ein.", "de")
        .review_by(now + 1_000_000_000)
}

impl Story {
    /// Two consents, of two purposes.
    async fn begin(lotse: &Client) -> Self {
        let (participant, _) = lotse.register_participant().await.unwrap();
        let jobcenter = lotse.assign_reference(&participant, JOBCENTER).await.unwrap();
        let revoked = lotse.record_consent(&consent(&participant, "fallkonferenz")).await.unwrap();
        let kept = lotse.record_consent(&consent(&participant, "rueckmeldung")).await.unwrap();
        let (revoked, kept) = (revoked.consent_id, kept.consent_id);
        Self { participant, jobcenter, revoked, kept }
    }

    fn draft(&self, purpose: &str, kind: &str) -> Draft {
        Draft {
            purpose: purpose.to_owned(),
            kind: kind.to_owned(),
            ..Draft::new(self.jobcenter.as_text(), DRV)
        }
    }

    fn of_revoked(&self) -> Draft {
        self.draft("fallkonferenz", "fallkonferenz.request")
    }

    fn of_kept(&self) -> Draft {
        self.draft("rueckmeldung", "rueckmeldung.note")
    }
}

/// Everything that permits is refused by its name, everything that only ends or reads is served.
async fn permits_nothing(address: std::net::SocketAddr, story: &Story) {
    let jobcenter = RawClient::connect(address, JOBCENTER, "system").await;
    let drv = RawClient::connect(address, DRV, "system").await;
    for draft in [story.of_revoked(), story.of_kept()] {
        let refused = jobcenter.send(&draft).await.unwrap_err();
        assert_eq!(reason(&refused), "ERROR_REASON_LOG_BEHIND", "{refused:?}");
    }
    let fetch = v1::FetchRequest { functions: vec!["zentrale".into()], max_messages: 10 };
    let refused = drv.messages().fetch(fetch).await.unwrap_err();
    assert_eq!(reason(&refused), "ERROR_REASON_LOG_BEHIND");
    let dpo = RawClient::connect(address, "projekt", "dpo").await;
    assert!(!dpo.whole_log().await.is_empty());
}

/// A backup at t0, a revocation at t1, the backup restored: nothing passes under the revoked consent at any time,
/// the first client notices, and afterwards the log is reconciled.
///
/// INVARIANT (anti-rollback).
#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_does_not_bring_a_revoked_consent_back() {
    let site = Site::new();
    let state = site.path("lotse-state");
    let broker = site.start();
    let lotse = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap();
    let story = Story::begin(&lotse).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    jobcenter.send(&story.of_revoked()).await.unwrap();
    let kept_message = jobcenter.send(&story.of_kept()).await.unwrap();
    let kept_message = kept_message.receipt.unwrap().record_number;

    // t0: a backup, while the broker runs.
    for folder in ["backups", "keyring"] {
        std::fs::create_dir(site.path(folder)).unwrap();
    }
    let keygen = Command::new(program("schleuse-broker"))
        .args(["backup-keygen", "--stem", "offline"])
        .current_dir(site.folder.path())
        .output()
        .unwrap();
    assert!(keygen.status.success());
    let backup = [
        "backup",
        "--public-key",
        "offline.pub",
        "--out",
        "backups",
        "--keyring",
        "keyring",
        "--name",
        "t0",
    ];
    let said = site.said(&backup);
    assert!(said.contains("records in"), "{said}");
    // Nothing readable in it: not even what the journal has in the clear.
    let bytes = std::fs::read(site.path("backups/t0.backup")).unwrap();
    let reference = schleuse_broker::domain::ids::Reference::parse_text(story.jobcenter.as_text());
    for text in [JOBCENTER.as_bytes(), b"fallkonferenz", reference.unwrap().bytes()] {
        assert!(!bytes.windows(text.len()).any(|window| window == text));
    }

    // t1: a new revision, its revocation, and something after it.
    let consents = lotse.list_consents(&story.participant).await.unwrap();
    let first = consents.iter().find(|one| one.consent_id == story.revoked).unwrap();
    let again = consent(&story.participant, "fallkonferenz");
    lotse.revise_consent(first, &again).await.unwrap();
    lotse.revoke_consent(story.revoked).await.unwrap();
    for _ in 0..5 {
        lotse.register_participant().await.unwrap();
    }
    let newest = lotse.checkpoints().newest().unwrap().size;
    drop(lotse);
    assert_eq!(broker.terminate(), Some(0));

    // The backup comes back. The state file on the other volume is lost with the rest.
    std::fs::remove_dir_all(site.path("data")).unwrap();
    std::fs::remove_file(site.path("volume2/newest")).unwrap();
    let restore = [
        "restore",
        "--backup",
        "backups/t0.backup",
        "--key",
        "keyring/t0.key",
        "--secret",
        "offline.secret",
    ];
    let said = site.said(&restore);
    assert!(said.contains("reconcile"), "{said}");
    let again = site.run(&restore);
    let error = String::from_utf8(again.stderr).unwrap();
    assert!(!again.status.success() && error.contains("is not empty"), "{error}");

    // Even before anybody has shown anything, nothing passes.
    let broker = site.start();
    permits_nothing(broker.address, &story).await;
    // The first client notices.
    let noticed = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap_err();
    assert!(matches!(noticed, ClientError::RolledBack { .. }), "{noticed}");
    permits_nothing(broker.address, &story).await;
    assert_eq!(broker.terminate(), Some(0));
    assert!(site.path("data/shown-checkpoint").exists());

    // The operator looks, collects the Lotse's revocations, and reconciles.
    let kept = state.join("revocations");
    let kept = kept.to_str().unwrap();
    let size_before = std::fs::metadata(site.path("data/segment-00000000.log")).unwrap().len();
    let said = site.said(&["reconcile", "--revocations", kept]);
    assert!(said.contains("1 of 1 revocations") && said.contains("nothing was changed"), "{said}");
    assert_eq!(
        std::fs::metadata(site.path("data/segment-00000000.log")).unwrap().len(),
        size_before
    );
    let said = site.said(&["reconcile", "--revocations", kept, "--yes"]);
    assert!(said.contains("1 of 1 revocations that were brought were replayed"), "{said}");
    assert!(said.contains("1 consents were suspended"), "{said}");
    assert!(site.said(&["fsck"]).contains("the journal is whole"));
    let said = site.said(&["reconcile"]);
    assert!(said.contains("there is nothing to reconcile"), "{said}");

    // Nothing is erased until the project's officer has looked: what was lost may have forbidden it.
    let broker = site.start();
    let project = RawClient::connect(broker.address, "projekt", "dpo").await;
    let holds = project.rights().list_holds(v1::ListHoldsRequest {}).await.unwrap().into_inner();
    assert_eq!(holds.holds.len(), 1);
    let kind = v1::RunKind::Retention.into();
    let run = v1::PreviewRunRequest { kind, ..v1::PreviewRunRequest::default() };
    let held = project.rights().preview_run(run).await.unwrap_err();
    assert_eq!(reason(&held), "ERROR_REASON_ON_HOLD");

    // The client follows only when it is told to.
    let forked = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap_err();
    assert!(matches!(forked, ClientError::Forked { .. }), "{forked}");
    let unchecked = builder(broker.address, LOTSE_AGENCY, "lotse-l-01", &state);
    let unchecked = unchecked.connect_unchecked().await.unwrap();
    let accepted = unchecked.accept_reconciliation().await.unwrap();
    assert_eq!(accepted.abandoned.size, newest);
    assert!(accepted.followed.size >= newest, "no number of a lost record is used again");
    let lotse = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap();

    // The revoked consent stays revoked; the other one waits for the Lotse's word, and with it its message.
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    for draft in [story.of_revoked(), story.of_kept()] {
        let outcome = jobcenter.send(&draft).await.unwrap();
        assert_eq!(outcome.result(), v1::SubmitResult::NotCovered);
    }
    assert!(drv.fetch("zentrale", 10).await.is_empty());
    let consents = lotse.list_consents(&story.participant).await.unwrap();
    let state_of = |id| consents.iter().find(|one| one.consent_id == id).unwrap();
    assert_eq!(state_of(story.revoked).state, v1::ConsentState::Revoked);
    let suspended = state_of(story.kept);
    assert_eq!(suspended.state, v1::ConsentState::Suspended);
    lotse.confirm_consent(suspended, None).await.unwrap();
    let deliveries = drv.fetch("zentrale", 10).await;
    let numbers: Vec<u64> = deliveries.iter().map(|delivery| delivery.message_number).collect();
    assert_eq!(numbers, [kept_message]);
    let outcome = jobcenter.send(&story.of_kept()).await.unwrap();
    assert_eq!(outcome.result(), v1::SubmitResult::Accepted);

    // With its key destroyed the backup is of no use to anybody.
    let destroy = Command::new(program("schleuse-broker"))
        .args(["backup-keys", "--keyring", "keyring", "--destroy-older-than", "0"])
        .current_dir(site.folder.path())
        .output()
        .unwrap();
    assert!(String::from_utf8(destroy.stdout).unwrap().contains("destroyed"));
    assert!(!site.path("keyring/t0.key").exists());
    drop(broker);
    std::fs::remove_dir_all(site.path("data")).unwrap();
    assert!(!site.run(&restore).status.success());
}

/// What is restored is the whole backup or nothing that starts.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_changed_or_cut_is_not_restored_and_what_is_left_does_not_start() {
    let site = Site::new();
    let broker = site.start();
    let lotse = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &site.path("state")).await;
    Story::begin(&lotse.unwrap()).await;
    assert_eq!(broker.terminate(), Some(0));
    let keygen = Command::new(program("schleuse-broker"))
        .args(["backup-keygen", "--stem", "offline"])
        .current_dir(site.folder.path())
        .output();
    assert!(keygen.unwrap().status.success());
    let backup = [
        "backup",
        "--public-key",
        "offline.pub",
        "--out",
        ".",
        "--keyring",
        ".",
        "--name",
        "whole",
    ];
    site.said(&backup);
    let again = site.run(&backup);
    assert!(!again.status.success(), "an existing backup is not replaced");
    let whole = std::fs::read(site.path("whole.backup")).unwrap();
    let restore = |name: &str| {
        let _absent = std::fs::remove_dir_all(site.path("data"));
        let backup = format!("{name}.backup");
        let arguments =
            ["restore", "--backup", &backup, "--key", "whole.key", "--secret", "offline.secret"];
        let output = site.run(&arguments);
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    };
    assert!(restore("whole").0);
    for at in [0, 20, 40, whole.len() / 2, whole.len() - 1] {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        std::fs::write(site.path("changed.backup"), changed).unwrap();
        std::fs::write(site.path("cut.backup"), &whole[..at]).unwrap();
        for name in ["changed", "cut"] {
            let (restored, said) = restore(name);
            assert!(!restored && said.contains("schleuse-broker: "), "{name} at {at}: {said}");
            // Nothing was written, or nothing that permits or can be reconciled.
            if site.path("data").exists() {
                let reconciled = site.run(&["reconcile", "--yes"]);
                assert!(!reconciled.status.success(), "{name} at {at}");
            }
        }
    }
    let mut foreign = std::fs::read_to_string(site.path("whole.key")).unwrap();
    foreign.insert(40, 'A');
    std::fs::write(site.path("whole.key"), foreign).unwrap();
    assert!(!restore("whole").0);
}

/// A copy of the files, as a snapshot of the machine would be: no command marks it, so the others must notice.
#[tokio::test(flavor = "multi_thread")]
async fn a_rolled_back_machine_is_stopped_by_the_first_client_and_by_its_own_state_file() {
    let site = Site::new();
    let state = site.path("lotse-state");
    let broker = site.start();
    let lotse = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap();
    let story = Story::begin(&lotse).await;
    assert_eq!(broker.terminate(), Some(0));
    let old = site.path("old");
    copy_folder(&site.path("data"), &old);
    let broker = site.start();
    let lotse = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap();
    lotse.revoke_consent(story.revoked).await.unwrap();
    drop(lotse);
    assert_eq!(broker.terminate(), Some(0));

    // By its own file on another volume: at once.
    site.roll_back(&old);
    let broker = site.start();
    permits_nothing(broker.address, &story).await;
    assert_eq!(broker.terminate(), Some(0));

    // Without that file: by the first client that connects, and from then on also after a restart.
    site.roll_back(&old);
    std::fs::remove_file(site.path("volume2/newest")).unwrap();
    let broker = site.start();
    let noticed = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap_err();
    assert!(matches!(noticed, ClientError::RolledBack { .. }), "{noticed}");
    permits_nothing(broker.address, &story).await;
    assert_eq!(broker.terminate(), Some(0));
    let broker = site.start();
    permits_nothing(broker.address, &story).await;
    assert_eq!(broker.terminate(), Some(0));

    // A broker that grew past what its clients know is found out too.
    site.roll_back(&old);
    let broker = site.start();
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    for _ in 0..20 {
        jobcenter.send(&story.of_kept()).await.unwrap();
    }
    let noticed = client(broker.address, LOTSE_AGENCY, "lotse-l-01", &state).await.unwrap_err();
    assert!(matches!(noticed, ClientError::Forked { .. }), "{noticed}");
    permits_nothing(broker.address, &story).await;
}

/// What somebody shows must be signed by the log's own key: nobody else can stop a broker.
#[tokio::test(flavor = "multi_thread")]
async fn a_checkpoint_of_another_key_stops_nothing() {
    let site = Site::new();
    let broker = site.start();
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let latest = v1::LatestCheckpointRequest::default();
    let note = drv.checkpoints().latest_checkpoint(latest).await.unwrap().into_inner().checkpoint;
    let text = String::from_utf8(note.to_vec()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    lines[1] = "999999";
    let forged = format!("{}\n", lines.join("\n"));
    let too_long = "x".repeat(100_000);
    for known in [forged.as_str(), "", "nonsense", too_long.as_str()] {
        let request = v1::LatestCheckpointRequest { known_checkpoint: known.to_owned().into() };
        let answer = drv.checkpoints().latest_checkpoint(request).await;
        if known.is_empty() {
            answer.unwrap();
        } else {
            assert_eq!(reason(&answer.unwrap_err()), "ERROR_REASON_INVALID_FIELD", "{known:.20}");
        }
    }
    assert!(drv.fetch("zentrale", 1).await.is_empty());
}
