//! Tampering: every change of a file of evidence must be found. The campaign behind "what a
//! data-protection officer can prove".
//!
//! A small real case gives a whole export and the sender's evidence. Each byte of each value is changed,
//! values are cut, rows dropped from the leaf hashes, swapped and doubled. Then an evil broker, one that
//! holds the log's key, rewrites the log and signs it anew; the check that finds each of its lies is named.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use schleuse_broker::config::{Config, files};
use schleuse_broker::journal::checkpoint::CheckpointSigner;
use schleuse_client::{Bundle, Client, Evidence, LogQuery, TrustAnchors};
use schleuse_proto::skeleton::{Skeleton, commitment, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{self, Case, DRV, Draft, JOBCENTER, RawClient};

/// What the campaign found.
#[derive(Clone, Debug, Default)]
pub struct TamperReport {
    /// Changed files that were checked.
    pub changed: u64,
    /// Changes that no check found: must be empty.
    pub undetected: Vec<String>,
}

/// Checks files and keeps some of them for a second verifier.
struct Desk<'a> {
    anchors: TrustAnchors,
    out: Option<&'a Path>,
    report: TamperReport,
    kept: usize,
}

impl Desk<'_> {
    /// Names of the failed checks of a file; "format" if it cannot be read.
    fn failed(&self, json: &[u8]) -> Vec<&'static str> {
        let (key, trust) = (&self.anchors.log_key, &self.anchors.trust);
        let report = match (Evidence::from_json(json), Bundle::from_json(json)) {
            (Ok(evidence), _) => evidence.verify_signatures(key, trust),
            (_, Ok(bundle)) => bundle.verify_signatures(key, trust),
            _ => return vec!["format"],
        };
        report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    /// Writes a file with its verdict for the second verifier.
    fn keep(&mut self, json: &[u8], sound: bool) {
        let Some(out) = self.out else { return };
        let name = format!("{:05}.json", self.kept);
        self.kept += 1;
        fs::write(out.join(&name), json).unwrap();
        let line = format!("{name} {sound}\n");
        let verdicts = out.join("verdicts.txt");
        let mut all = fs::read_to_string(&verdicts).unwrap_or_default();
        all.push_str(&line);
        fs::write(verdicts, all).unwrap();
    }

    /// A change that some check must find.
    fn must_fail(&mut self, what: &str, document: &Value, keep: bool) -> Vec<&'static str> {
        let json = serde_json::to_vec(document).unwrap();
        let failed = self.failed(&json);
        self.report.changed += 1;
        if failed.is_empty() {
            self.report.undetected.push(what.to_owned());
        }
        if keep {
            self.keep(&json, failed.is_empty());
        }
        failed
    }
}

/// Runs the campaign: all bits of every `stride`-th byte of each value. Every `kept`-th change is also
/// written into a folder, with its verdict in `verdicts.txt`.
pub async fn run(stride: usize, kept: usize, out: Option<&Path>) -> TamperReport {
    let folder = tempfile::tempdir().unwrap();
    let config = write_config(folder.path(), Pki::shared().path(), "");
    let broker = BrokerProcess::start(folder.path()).unwrap();
    let (export, evidence) = documents(&broker).await;
    assert_eq!(broker.terminate(), Some(0));
    let anchors = TrustAnchors::load(&Pki::shared().path().join("trust.toml")).unwrap();
    let signer = files::signer(&Config::load(&config).unwrap(), &anchors.log_key).unwrap();
    if let Some(out) = out {
        copy_public(Pki::shared().path(), &out.join("pki"));
    }
    let mut desk = Desk { anchors, out, report: TamperReport::default(), kept: 0 };
    for document in [&export, &evidence] {
        let json = serde_json::to_vec(document).unwrap();
        assert_eq!(desk.failed(&json), Vec::<&str>::new(), "untouched, it is sound");
        desk.keep(&json, true);
        change_bytes(&mut desk, document, stride, kept);
    }
    change_rows(&mut desk, &export, "/rows");
    change_rows(&mut desk, &evidence, "/records");
    evil_broker(&mut desk, &export, &signer);
    desk.report
}

/// Copies certificates and the trust file, so that a second verifier has them.
fn copy_public(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_public(&path, &target);
        } else if path.extension().is_some_and(|kind| kind == "pem" || kind == "toml") {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// A small case, as the project's officer exports it, and as its sender files it.
async fn documents(broker: &BrokerProcess) -> (Value, Value) {
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let mut messages: Vec<_> = (0..2).map(|_| draft.message(JOBCENTER)).collect();
    jobcenter.seal_batch(&mut messages);
    let mut outcomes = jobcenter.submit(messages).await.unwrap();
    let delivery = drv.fetch("zentrale", 1).await.remove(0);
    drv.acknowledge(vec![delivery.message_number]).await.unwrap();
    case.lotse.revoke(&case.consent).await.unwrap();
    outcomes.push(jobcenter.send(&draft).await.unwrap());
    let records: Vec<u64> =
        outcomes.iter().map(|outcome| outcome.receipt.as_ref().unwrap().record_number).collect();
    let query = LogQuery::new("control of a small case");
    let export = client(broker, "projekt", "dpo").await.export(&query).await.unwrap();
    let evidence = client(broker, JOBCENTER, "system").await.evidence(&records).await.unwrap();
    let value = |json: Vec<u8>| serde_json::from_slice(&json).unwrap();
    (value(export.to_json().unwrap()), value(evidence.to_json().unwrap()))
}

async fn client(broker: &BrokerProcess, agency: &str, name: &str) -> Client {
    let pki = Pki::shared().path();
    let leaf = pki.join("agencies").join(agency).join(name);
    Client::builder()
        .endpoint(format!("https://localhost:{}", broker.address.port()))
        .trust_file(pki.join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .connect()
        .await
        .unwrap()
}

/// Places of all byte values in a document.
fn byte_places(value: &Value, place: &str, places: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, inner) in fields {
                let is_text =
                    ["format", "log_key", "participant_reference"].contains(&name.as_str());
                if !is_text {
                    byte_places(inner, &format!("{place}/{name}"), places);
                }
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                byte_places(inner, &format!("{place}/{index}"), places);
            }
        }
        Value::String(_) => places.push(place.to_owned()),
        _ => {}
    }
}

/// Changes bits of every value, and cuts it.
fn change_bytes(desk: &mut Desk<'_>, document: &Value, stride: usize, kept: usize) {
    let mut places = Vec::new();
    byte_places(document, "", &mut places);
    let mut count = 0;
    for place in places {
        let text = document.pointer(&place).unwrap().as_str().unwrap();
        let bytes = STANDARD.decode(text).unwrap();
        for at in (0..bytes.len()).step_by(stride) {
            // Eight bits, and the value cut here.
            for change in 0..=8 {
                let cut = change == 8;
                // Empty findings without their salt are findings that are not shown, which is allowed.
                let sibling = place.strip_suffix("_salt").and_then(|p| document.pointer(p));
                if cut && at == 0 && sibling.is_some_and(|findings| findings == "") {
                    continue;
                }
                let mut changed = bytes.clone();
                if cut {
                    changed.truncate(at);
                } else {
                    changed[at] ^= 1 << change;
                }
                let mut tampered = document.clone();
                *tampered.pointer_mut(&place).unwrap() = STANDARD.encode(changed).into();
                count += 1;
                desk.must_fail(
                    &format!("{place} byte {at} change {change}"),
                    &tampered,
                    count % kept == 0,
                );
            }
        }
    }
}

/// Swaps and doubles rows, and gives them each other's parts.
fn change_rows(desk: &mut Desk<'_>, document: &Value, place: &str) {
    let count = document.pointer(place).unwrap().as_array().unwrap().len();
    for index in 1..count {
        let change = |what: &str, change: &dyn Fn(&mut Vec<Value>)| {
            let mut tampered = document.clone();
            change(tampered.pointer_mut(place).unwrap().as_array_mut().unwrap());
            (format!("{place}/{index} {what}"), tampered)
        };
        let changes = [
            change("swapped", &|rows| rows.swap(index - 1, index)),
            change("doubled", &|rows| rows.insert(index, rows[index].clone())),
            change("renumbered", &|rows| {
                let row = if place == "/rows" { &mut rows[index] } else { &mut rows[index]["row"] };
                row["record_number"] = json!(row["record_number"].as_u64().unwrap() + 1);
            }),
        ];
        for (what, tampered) in changes {
            desk.must_fail(&what, &tampered, true);
        }
    }
    for field in document.as_object().unwrap().keys() {
        let mut tampered = document.clone();
        tampered.as_object_mut().unwrap().remove(field);
        desk.must_fail(&format!("without {field}"), &tampered, true);
    }
}

/// Records as an evil broker may change them.
type Entries = Vec<(Skeleton, v1::LogEntry)>;
type Change<'a> = &'a dyn Fn(&mut Entries);

/// The rows of an export as an evil broker rewrites them.
struct Forgery<'a> {
    export: &'a Value,
    signer: &'a CheckpointSigner,
    entries: Entries,
}

impl Forgery<'_> {
    /// Commits to the entries anew, as only the broker can: commitments, leaves, root, signature.
    fn sign(self) -> Value {
        let mut export = self.export.clone();
        let template = export["rows"][0].clone();
        let salt: [u8; 16] =
            STANDARD.decode(template["salt"].as_str().unwrap()).unwrap().try_into().unwrap();
        let findings_of = |number: u64| -> (Value, Value, [u8; 32]) {
            let rows = self.export["rows"].as_array().unwrap();
            let row = rows.iter().find(|row| row["record_number"] == number).unwrap_or(&rows[0]);
            let bytes = STANDARD.decode(row["findings"].as_str().unwrap()).unwrap();
            let salt = STANDARD.decode(row["findings_salt"].as_str().unwrap()).unwrap();
            let digest = commitment(&salt.try_into().unwrap(), &bytes);
            (row["findings"].clone(), row["findings_salt"].clone(), digest)
        };
        let (mut rows, mut leaves) = (Vec::new(), Vec::new());
        for (mut skeleton, entry) in self.entries {
            let body = entry.encode_to_vec();
            let (findings, findings_salt, findings_commitment) = findings_of(skeleton.number);
            skeleton.body_commitment = commitment(&salt, &body);
            skeleton.findings_commitment = findings_commitment;
            let encoded = skeleton.encode();
            leaves.push(leaf_hash(&encoded));
            rows.push(json!({
                "record_number": skeleton.number,
                "skeleton": STANDARD.encode(encoded),
                "salt": STANDARD.encode(salt),
                "body": STANDARD.encode(body),
                "findings": findings,
                "findings_salt": findings_salt,
                "participant_reference": "",
            }));
        }
        let size = leaves.len() as u64;
        let note = self.signer.sign(size, &crate::log_root(&leaves)).unwrap();
        export["rows"] = rows.into();
        export["leaf_hashes"] = STANDARD.encode(leaves.concat()).into();
        export["checkpoint"] = STANDARD.encode(note).into();
        export
    }
}

/// A broker that holds the log's key rewrites what happened.
fn evil_broker(desk: &mut Desk<'_>, export: &Value, signer: &CheckpointSigner) {
    let rows = export["rows"].as_array().unwrap();
    let bytes = |row: &Value, field: &str| STANDARD.decode(row[field].as_str().unwrap()).unwrap();
    let entries: Entries = rows
        .iter()
        .map(|row| {
            let skeleton = bytes(row, "skeleton").as_slice().try_into().unwrap();
            let entry = v1::LogEntry::decode(bytes(row, "body").as_slice()).unwrap();
            (Skeleton::decode(&skeleton).unwrap(), entry)
        })
        .collect();
    assert_eq!(entries.len() as u64, entries.last().unwrap().0.number + 1, "the whole log");
    let forged = |change: Change<'_>| {
        let mut entries = entries.clone();
        change(&mut entries);
        Forgery { export, signer, entries }.sign()
    };
    let honest = forged(&|_| ());
    assert_eq!(desk.failed(&serde_json::to_vec(&honest).unwrap()), Vec::<&str>::new());

    for (what, expected, lie) in lies(&forged) {
        let failed = desk.must_fail(what, &lie, true);
        assert!(failed.contains(&expected), "{what}: found by {failed:?}, not by {expected}");
    }
}

/// Lies, each with the check that must find it.
fn lies(forged: &dyn Fn(Change<'_>) -> Value) -> [(&'static str, &'static str, Value); 5] {
    [
        (
            "a message of another purpose",
            "signatures",
            forged(&|entries| {
                let decided = find(entries, |event| matches!(event, Event::MessageDecided(_)));
                let Event::MessageDecided(decided) = decided else { unreachable!() };
                let mut label = v1::Label::decode(decided.label.clone()).unwrap();
                label.purpose = "rueckmeldung".into();
                decided.label = label.encode_to_vec().into();
            }),
        ),
        (
            "a hand-out to another agency",
            "hand-outs",
            forged(&|entries| {
                let handed_out = find(entries, |event| matches!(event, Event::HandedOut(_)));
                let Event::HandedOut(handed_out) = handed_out else { unreachable!() };
                handed_out.recipient = Some(raw::address(raw::BEZIRK, "zentrale"));
            }),
        ),
        (
            "a hand-out after the message was stopped",
            "stopped messages",
            forged(&|entries| {
                let stopped = find(entries, |event| matches!(event, Event::MessageStopped(_)));
                let Event::MessageStopped(stopped) = stopped else { unreachable!() };
                let message_number = stopped.message_number;
                again(entries, &|event| {
                    event.message_number = message_number;
                    event.consent_reference = bytes::Bytes::from_static(&[0; 16]);
                });
            }),
        ),
        (
            "a hand-out under a revoked consent",
            "revoked consents",
            forged(&|entries| {
                again(entries, &|event| event.message_number = 1_000);
            }),
        ),
        (
            "a revocation of another consent",
            "signatures",
            forged(&|entries| {
                let revoked = find(entries, |event| matches!(event, Event::ConsentRevoked(_)));
                let Event::ConsentRevoked(revoked) = revoked else { unreachable!() };
                revoked.consent_id = bytes::Bytes::from_static(&[3; 16]);
            }),
        ),
    ]
}

fn find(entries: &mut Entries, is: impl Fn(&Event) -> bool) -> &mut Event {
    let found = entries.iter_mut().find_map(|(_, entry)| entry.event.as_mut().filter(|e| is(e)));
    found.expect("the case has such an event")
}

/// Adds another hand-out at the end, made from one that there is.
fn again(entries: &mut Entries, change: &dyn Fn(&mut v1::HandedOut)) {
    let is = |entry: &v1::LogEntry| matches!(entry.event, Some(Event::HandedOut(_)));
    let (mut skeleton, mut entry) = entries.iter().find(|(_, e)| is(e)).unwrap().clone();
    let last = &entries.last().unwrap().0;
    (skeleton.number, skeleton.time_ms) = (last.number + 1, last.time_ms);
    let Some(Event::HandedOut(event)) = &mut entry.event else { unreachable!() };
    change(event);
    entries.push((skeleton, entry));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn no_change_of_evidence_stays_unseen() {
        let report = run(41, usize::MAX, None).await;
        assert!(report.changed > 300, "{report:?}");
        assert_eq!(report.undetected, Vec::<String>::new());
    }
}
