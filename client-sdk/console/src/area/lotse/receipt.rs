//! The receipt of a consent: a page to print for the participant, with the code to ask again.

use std::path::Path as FilePath;

use schleuse_client::{ConsentReceipt, LogQuery, RECEIPT_TYPES, Texts, hex};

use super::consent::{Consent, find};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Path;

/// Why the log is read; stands there. German whatever the language of the page: the participant may read it.
const REASON: &str = "Quittung einer Einwilligung";

/// Where the text of a hash lies in the folder of the console.
pub(super) fn text_file(folder: &FilePath, hash: &[u8]) -> std::path::PathBuf {
    folder.join("texts").join(format!("{}.txt", hex(hash)))
}

/// The text of a consent, if it was recorded on this machine.
fn texts(desk: &Desk, consent: &Consent) -> Result<Texts, Failed> {
    let hash = consent.record.document.text.clone().unwrap_or_default().hash;
    let path = text_file(&desk.home()?.folder, &hash);
    // Without the file the receipt names the hash alone.
    Ok(Texts::new(std::fs::read_to_string(path).ok()))
}

pub(super) async fn show(desk: Desk, Path((reference, consent)): Path<(String, String)>) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let failed = |error| desk.failed(error);
    let participant = &consent.person.reference;
    let query = LogQuery::new(REASON);
    let query = query.participant(participant).types(&RECEIPT_TYPES);
    let rows = desk.client.query_all(&query).await.map_err(failed)?.rows;
    let (texts, now_ms) = (texts(&desk, &consent)?, desk.client.now_ms());
    let id = consent.record.consent_id;
    let names = consent.offices.and_codes(desk.names());
    let receipt = ConsentReceipt::new(&rows, participant, id, &names, &texts, now_ms);
    let receipt = receipt.map_err(failed)?.of_person(&consent.person.entry.display_name);
    desk.document(receipt.to_html().map_err(failed)?)
}
