//! One record of the log as it came, checked against its skeleton.

use schleuse_proto::Message as _;
use schleuse_proto::evidence::{Digest, decode_canonical, sha256};
use schleuse_proto::skeleton::{SKELETON_BYTES, Skeleton, commitment, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::describe;
use super::safeguard::Safeguard;
use crate::error::{ClientError, EvidenceFault};
use crate::ids::ParticipantReference;

/// One record of the log, checked against its skeleton.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// Number of the record.
    pub record_number: u64,
    /// Its public facts.
    pub skeleton: Skeleton,
    /// What happened; none if it was erased.
    pub entry: Option<v1::LogEntry>,
    /// What decided, for a Lotse and the officer of the project.
    pub findings: Option<v1::Findings>,
    /// The document of a recorded consent, for a Lotse and the officer of the project. It is canonical
    /// and the one that the entry names by its hash.
    pub document: Option<v1::ConsentDocument>,
    /// The document of a release, an objection or the end of a participation, for a Lotse and the officer of the
    /// project. It is canonical and the one that the entry names by its hash.
    pub safeguard: Option<Safeguard>,
    /// Our own reference of the participant. Told by the broker, not covered by the leaf hash.
    pub participant_reference: Option<ParticipantReference>,
    /// The row as it came.
    pub wire: v1::LogRow,
}

impl LogRow {
    /// Checks a row in itself: skeleton, number, commitment to the body, type of the event, findings,
    /// document. Of an erased one nothing but the skeleton may be left.
    ///
    /// # Errors
    /// Says what is wrong.
    pub fn parse(wire: v1::LogRow) -> Result<Self, ClientError> {
        let number = wire.record_number;
        let wrong = |why| ClientError::evidence(EvidenceFault::LogRow { number, why });
        let skeleton = parse_skeleton(&wire).map_err(wrong)?;
        let reference = Some(wire.participant_reference.as_str()).filter(|r| !r.is_empty());
        let reference = reference.map(ParticipantReference::parse).transpose();
        let reference = reference.map_err(|_| wrong("malformed reference of the participant"))?;
        let (entry, findings, document, safeguard) = if wire.erased {
            check_erased(&wire, &skeleton).map_err(wrong)?;
            (None, None, None, None)
        } else {
            let entry = parse_entry(&wire, &skeleton).map_err(wrong)?;
            let findings = parse_findings(&wire, &skeleton).map_err(wrong)?;
            let (document, safeguard) = parse_document(&wire, &entry).map_err(wrong)?;
            (Some(entry), findings, document, safeguard)
        };
        Ok(Self {
            record_number: number,
            skeleton,
            entry,
            findings,
            document,
            safeguard,
            participant_reference: reference,
            wire,
        })
    }

    /// What happened; none if it was erased.
    #[must_use]
    pub fn event(&self) -> Option<&Event> {
        self.entry.as_ref()?.event.as_ref()
    }

    /// Who caused it; none if it was erased or the broker itself did.
    #[must_use]
    pub fn caused_by(&self) -> Option<&v1::Actor> {
        self.entry.as_ref()?.actor.as_ref()
    }

    /// Type of the record; also known of an erased one.
    #[must_use]
    pub fn record_type(&self) -> v1::RecordType {
        v1::RecordType::try_from(i32::from(self.skeleton.record_type)).unwrap_or_default()
    }

    /// Time of the record, Unix milliseconds.
    #[must_use]
    pub fn time_ms(&self) -> i64 {
        i64::try_from(self.skeleton.time_ms).unwrap_or(i64::MAX)
    }

    /// RFC 9162 leaf hash of the record.
    #[must_use]
    pub fn leaf_hash(&self) -> Digest {
        leaf_hash(&self.skeleton.encode())
    }

    /// The event in a few plain words.
    #[must_use]
    pub fn summary(&self) -> String {
        describe::summary(self)
    }

    /// Who caused it: `agency/role` with the person if there is one.
    #[must_use]
    pub fn actor(&self) -> String {
        describe::actor(self)
    }

    /// The row as JSON.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        describe::row_json(self)
    }
}

fn parse_skeleton(wire: &v1::LogRow) -> Result<Skeleton, &'static str> {
    let bytes: &[u8; SKELETON_BYTES] =
        wire.skeleton.as_ref().try_into().map_err(|_| "malformed skeleton")?;
    let skeleton = Skeleton::decode(bytes).map_err(|_| "malformed skeleton")?;
    if skeleton.number != wire.record_number {
        return Err("the skeleton is of another record");
    }
    Ok(skeleton)
}

/// Nothing but the skeleton may be left.
fn check_erased(wire: &v1::LogRow, skeleton: &Skeleton) -> Result<(), &'static str> {
    let left = [&wire.salt, &wire.body, &wire.findings, &wire.findings_salt, &wire.document];
    if left.into_iter().any(|bytes| !bytes.is_empty()) || !is_unsigned(wire) {
        return Err("it is called erased, but not all of its contents are");
    }
    match v1::RecordType::try_from(i32::from(skeleton.record_type)) {
        Ok(v1::RecordType::Unspecified) | Err(_) => Err("an erased record of no known type"),
        Ok(_) => Ok(()),
    }
}

fn parse_entry(wire: &v1::LogRow, skeleton: &Skeleton) -> Result<v1::LogEntry, &'static str> {
    let salt: &[u8; 16] = wire.salt.as_ref().try_into().map_err(|_| "the salt is not 16 bytes")?;
    if commitment(salt, &wire.body) != skeleton.body_commitment {
        return Err("the body is not the one that the log commits to");
    }
    let entry = v1::LogEntry::decode(wire.body.clone());
    let entry = entry.map_err(|_| "the body is not a log entry")?;
    let is_of_type = describe::record_type(&entry)
        .is_some_and(|known| i32::from(known) == i32::from(skeleton.record_type));
    if is_of_type { Ok(entry) } else { Err("the event is not of the record's type") }
}

/// The findings of a row, if it shows them.
fn parse_findings(
    wire: &v1::LogRow,
    skeleton: &Skeleton,
) -> Result<Option<v1::Findings>, &'static str> {
    if wire.findings_salt.is_empty() && wire.findings.is_empty() {
        return Ok(None);
    }
    let salt = wire.findings_salt.as_ref().try_into();
    let salt: &[u8; 16] = salt.map_err(|_| "the salt of the findings is not 16 bytes")?;
    if commitment(salt, &wire.findings) != skeleton.findings_commitment {
        return Err("the findings are not those that the log commits to");
    }
    let findings = v1::Findings::decode(wire.findings.clone());
    findings.map(Some).map_err(|_| "the findings are malformed")
}

/// The document of a recorded consent, or of what stands beside it.
type Documents = (Option<v1::ConsentDocument>, Option<Safeguard>);

/// The document of a row, if the row shows it.
fn parse_document(wire: &v1::LogRow, entry: &v1::LogEntry) -> Result<Documents, &'static str> {
    if wire.document.is_empty() {
        let unsigned = is_unsigned(wire);
        return if unsigned { Ok((None, None)) } else { Err("a signature without its document") };
    }
    let signature = wire.document_signature.as_ref();
    if !signature.is_some_and(|s| !s.certificate.is_empty() && !s.value.is_empty()) {
        return Err("a document without its signature");
    }
    let event = entry.event.as_ref();
    if let Some((_, hash)) = Safeguard::named(event) {
        if hash != sha256(&[&wire.document]).as_slice() {
            return Err("the document is not the one that the body names");
        }
        return Ok((None, Some(Safeguard::read(event, &wire.document)?)));
    }
    let Some(Event::ConsentRecorded(recorded)) = &entry.event else {
        return Err("a document beside an event that has none");
    };
    if recorded.document_hash != sha256(&[&wire.document]).as_slice() {
        return Err("the document is not the one that the body names");
    }
    let document: v1::ConsentDocument =
        decode_canonical(&wire.document).map_err(|_| "the document is malformed")?;
    if document.consent_id != recorded.consent_id || document.revision != recorded.revision {
        return Err("the document is of another consent or revision");
    }
    Ok((Some(document), None))
}

fn is_unsigned(wire: &v1::LogRow) -> bool {
    let signature = wire.document_signature.as_ref();
    signature.is_none_or(|s| s.certificate.is_empty() && s.value.is_empty())
}
