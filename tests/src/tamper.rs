//! Tampering: every change of a file of evidence must be found. The campaign behind "what a
//! data-protection officer can prove".
//!
//! A small real case gives a whole export and the sender's evidence. Each byte of each value is changed,
//! values are cut, rows left out, swapped, doubled and called erased. Then an evil broker, one that holds the
//! log's key, rewrites the log and signs it anew; the check that finds each of its lies is named.

mod evil;

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use schleuse_broker::config::{Config, files};
use schleuse_client::{
    Bundle, Client, Evidence, Expectations, LogQuery, SealingKeys, TrustAnchors,
};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use serde_json::{Value, json};

use crate::broker::{BrokerProcess, write_config};
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, RawClient, erase};

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
    fn failed(&self, json: &[u8], complete: bool) -> Vec<&'static str> {
        let mut expected = Expectations::new(&self.anchors.log_key).trust(&self.anchors.trust);
        if complete {
            expected = expected.complete();
        }
        let report = match (Evidence::from_json(json), Bundle::from_json(json)) {
            (Ok(evidence), _) => evidence.check(&expected),
            (_, Ok(bundle)) => bundle.check(&expected),
            _ => return vec!["format"],
        };
        report.checks.iter().filter(|check| !check.passed).map(|check| check.name).collect()
    }

    /// Writes a file for the second verifier, with the checks that fail, and those that do if the file
    /// must be complete.
    fn keep(&mut self, json: &[u8]) {
        let Some(out) = self.out else { return };
        let name = format!("{:05}.json", self.kept);
        self.kept += 1;
        fs::write(out.join(&name), json).unwrap();
        let [failed, if_complete] = [false, true].map(|must| self.failed(json, must).join(","));
        let line = format!("{name}\t{failed}\t{if_complete}\n");
        let verdicts = out.join("verdicts.txt");
        let mut all = fs::read_to_string(&verdicts).unwrap_or_default();
        all.push_str(&line);
        fs::write(verdicts, all).unwrap();
    }

    /// A change that some check must find.
    fn must_fail(&mut self, what: &str, document: &Value, keep: bool) -> Vec<&'static str> {
        self.must_fail_if(what, document, keep, false)
    }

    /// A change that some check must find, if the file has to be complete.
    fn must_fail_if(
        &mut self,
        what: &str,
        document: &Value,
        keep: bool,
        complete: bool,
    ) -> Vec<&'static str> {
        let json = serde_json::to_vec(document).unwrap();
        let failed = self.failed(&json, complete);
        self.report.changed += 1;
        if failed.is_empty() {
            self.report.undetected.push(what.to_owned());
        }
        if keep {
            self.keep(&json);
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
        let is_export = document == &export;
        assert_eq!(desk.failed(&json, is_export), Vec::<&str>::new(), "untouched, it is sound");
        desk.keep(&json);
        change_bytes(&mut desk, document, stride, kept);
    }
    change_rows(&mut desk, &export, "/rows");
    change_rows(&mut desk, &evidence, "/records");
    hide(&mut desk, &export);
    evil::evil_broker(&mut desk, &export, &signer);
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

/// Somebody whose consent covered a message, and who was erased afterwards.
async fn erase_somebody(broker: &BrokerProcess) {
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let sent = jobcenter.send(&Draft::new(&case.jobcenter_reference, DRV)).await.unwrap();
    case.lotse.revoke(&case.consent).await.unwrap();
    let officer = RawClient::connect(broker.address, "projekt", "dpo").await;
    let number = sent.receipt.unwrap().record_number;
    let rows = officer.whole_log().await;
    let row = rows.iter().find(|row| row.record_number == number).unwrap();
    erase(broker.address, &row.participant_reference).await;
}

/// A small case, as the project's officer exports it, and as its sender files it.
async fn documents(broker: &BrokerProcess) -> (Value, Value) {
    erase_somebody(broker).await;
    let case = Case::open(broker.address).await;
    let jobcenter = RawClient::connect(broker.address, JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address, DRV, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let mut messages: Vec<_> = (0..2).map(|_| draft.message(JOBCENTER)).collect();
    jobcenter.seal_batch(&mut messages);
    let mut outcomes = jobcenter.submit(messages).await.unwrap();
    let delivery = drv.fetch("zentrale", 1).await.remove(0);
    drv.acknowledge(vec![delivery.message_number]).await.unwrap();
    assert!(jobcenter.ask(&draft).await.unwrap().covered);
    case.lotse.revoke(&case.consent).await.unwrap();
    assert!(!jobcenter.ask(&draft).await.unwrap().covered);
    let task_number = jobcenter.request_consent(&draft).await.unwrap().record_number;
    let request = v1::CloseTaskRequest { task_number, result: v1::TaskResult::Done.into() };
    case.lotse.planning().close_task(request).await.unwrap();
    outcomes.push(jobcenter.send(&draft).await.unwrap());
    for agency in [JOBCENTER, DRV] {
        publish(broker, agency).await;
    }
    outcomes.push(jobcenter.send(&Draft::about_nobody(DRV)).await.unwrap());
    assert_eq!(drv.fetch("zentrale", 1).await.len(), 1, "it needs no consent");
    let records: Vec<u64> =
        outcomes.iter().map(|outcome| outcome.receipt.as_ref().unwrap().record_number).collect();
    let query = LogQuery::new("control of a small case");
    let export = client(broker, "projekt", "dpo").await.export(&query).await.unwrap();
    let evidence = client(broker, JOBCENTER, "system").await.evidence(&records).await.unwrap();
    let value = |json: Vec<u8>| serde_json::from_slice(&json).unwrap();
    (value(export.to_json().unwrap()), value(evidence.to_json().unwrap()))
}

/// Publishes an agency's `zentrale`.
async fn publish(broker: &BrokerProcess, agency: &str) {
    let keys = SealingKeys::load(&Pki::shared().leaf(agency, "sealing.toml")).unwrap();
    let keys: Vec<_> = keys.public_keys().cloned().collect();
    let functions = [("zentrale".to_owned(), "Zentrale".to_owned())];
    let client = client(broker, agency, "system").await;
    client.directory().publish(agency, &functions, &keys, 1_000_000_000).await.unwrap();
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

/// The row of an element of `rows` or `records`.
fn row_of(element: &mut Value) -> &mut Value {
    if element.get("row").is_some() { &mut element["row"] } else { element }
}

/// Swaps, doubles and renumbers rows, and calls them erased.
fn change_rows(desk: &mut Desk<'_>, document: &Value, place: &str) {
    let count = document.pointer(place).unwrap().as_array().unwrap().len();
    for index in 0..count {
        let change = |what: &str, change: &dyn Fn(&mut Vec<Value>)| {
            let mut tampered = document.clone();
            change(tampered.pointer_mut(place).unwrap().as_array_mut().unwrap());
            (format!("{place}/{index} {what}"), tampered)
        };
        let changes = [
            change("swapped", &|rows| rows.swap(index.saturating_sub(1), index.max(1))),
            change("doubled", &|rows| rows.insert(index, rows[index].clone())),
            change("renumbered", &|rows| {
                let row = row_of(&mut rows[index]);
                row["record_number"] = json!(row["record_number"].as_u64().unwrap() + 1);
            }),
            change("called erased, or not", &|rows| {
                let row = row_of(&mut rows[index]);
                row["erased"] = json!(!row["erased"].as_bool().unwrap());
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

/// Leaves out what a complete export shows: each row, each document, each findings of a permit.
fn hide(desk: &mut Desk<'_>, export: &Value) {
    let rows = export["rows"].as_array().unwrap();
    for (index, row) in rows.iter().enumerate() {
        let mut hidden = export.clone();
        hidden["rows"].as_array_mut().unwrap().remove(index);
        let failed = desk.must_fail_if(&format!("row {index} left out"), &hidden, true, true);
        assert!(failed.contains(&"completeness"), "row {index} left out: {failed:?}");
        let is_permit =
            matches!(entry(row).event, Some(Event::HandedOut(_) | Event::MessageDecided(_)));
        if is_permit {
            let mut silent = export.clone();
            silent["rows"][index]["findings"] = json!("");
            silent["rows"][index]["findings_salt"] = json!("");
            let failed = desk.must_fail(&format!("row {index} without findings"), &silent, true);
            assert_eq!(failed, ["permits"], "row {index} without findings");
        }
        if row["participant_reference"] != "" {
            let mut silent = export.clone();
            silent["rows"][index]["participant_reference"] = json!("");
            let must_tell = match entry(row).event {
                Some(Event::MessageDecided(event)) => event.accepted,
                Some(Event::HandedOut(_) | Event::ConsentRecorded(_)) => true,
                _ => false,
            };
            if must_tell {
                let what = format!("row {index} about nobody");
                let failed = desk.must_fail(&what, &silent, true);
                assert_eq!(failed, ["participants", "permits"], "{what}");
            }
        }
        if row["document"] != "" {
            let mut secret = export.clone();
            secret["rows"][index]["document"] = json!("");
            secret["rows"][index]["document_signature"] = json!({ "certificate": "", "value": "" });
            let failed = desk.must_fail(&format!("row {index} without document"), &secret, true);
            assert_eq!(failed, ["permits"], "row {index} without document");
        }
    }
}

fn bytes(row: &Value, field: &str) -> Vec<u8> {
    STANDARD.decode(row[field].as_str().unwrap()).unwrap()
}

fn entry(row: &Value) -> v1::LogEntry {
    v1::LogEntry::decode(bytes(row, "body").as_slice()).unwrap()
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
