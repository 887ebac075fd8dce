//! A log for tests: its key signs any checkpoint that it is told to sign, and its rows say what they are
//! told to say.

mod runs;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use schleuse_proto::Message as _;
use schleuse_proto::evidence::{Digest, consent_reference, sha256};
use schleuse_proto::skeleton::{SKELETON_BYTES, Skeleton, commitment, leaf_hash};
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;
use signed_note::{Note, Signature, key_id};
use tlog_tiles::{Checkpoint, Hash};

use crate::ids::Receipt;
use crate::log::{Bundle, Evidence, LogAnswer, LogRow, record_type, tree_root};

pub(crate) use runs::{run_approved, run_of, run_proposed, run_withdrawn};

/// Sends in these tests.
pub(crate) const JOBCENTER: &str = "jobcenter-stadt-regensburg";
/// Receives.
pub(crate) const DRV: &str = "drv-bayern-sued";
/// Records consents.
pub(crate) const LOTSENSTELLE: &str = "lotsenstelle";
/// The consent of these tests.
pub(crate) const CONSENT: &[u8] = &[9; 16];
/// Time of record 0; each record is a second later than the one before.
pub(crate) const START_MS: i64 = 1_790_000_000_000;
/// How long the grants of these tests hold from [`START_MS`] on.
pub(crate) const GRANT_MS: i64 = 100_000;

const NAME: &str = "schleuse.example/log";

fn key() -> (Ed25519KeyPair, Vec<u8>) {
    let key = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = [&[1], key.public_key().as_ref()].concat();
    (key, public)
}

pub(crate) fn log_key() -> String {
    let (_, public) = key();
    format!("{NAME}+{:08x}+{}", key_id(NAME, &public), STANDARD.encode(public))
}

pub(crate) fn sign(size: u64, root: Digest) -> Vec<u8> {
    let (key, public) = key();
    let text = Checkpoint::new(NAME, size, Hash(root), "").unwrap().to_bytes();
    let signature = key.sign(&text).as_ref().to_vec();
    let signature = Signature::new(NAME.to_owned(), key_id(NAME, &public), signature).unwrap();
    Note::new(&text, &[signature]).unwrap().to_bytes()
}

/// A reference of a participant.
pub(crate) fn reference(letter: char) -> String {
    letter.to_string().repeat(26)
}

pub(crate) fn address(agency: &str, function: &str) -> v1::Address {
    v1::Address { agency: agency.to_owned(), function: function.to_owned() }
}

pub(crate) fn actor(agency: &str, role: &str) -> v1::Actor {
    let certificate_serial = Bytes::from_static(&[7, 1]);
    let (agency, role) = (agency.to_owned(), role.to_owned());
    v1::Actor { agency, role, person: String::new(), certificate_serial }
}

/// A record in the making.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) event: Event,
    pub(crate) actor: Option<v1::Actor>,
    pub(crate) findings: Option<v1::Findings>,
    pub(crate) document: Vec<u8>,
    pub(crate) document_signature: Option<v1::Signature>,
    pub(crate) participant: String,
    pub(crate) time_ms: Option<i64>,
    pub(crate) erased: bool,
}

impl Entry {
    pub(crate) fn of(event: Event) -> Self {
        Self {
            event,
            actor: None,
            findings: Some(v1::Findings::default()),
            document: Vec::new(),
            document_signature: None,
            participant: String::new(),
            time_ms: None,
            erased: false,
        }
    }

    /// Whom it is about.
    pub(crate) fn about(mut self, letter: char) -> Self {
        self.participant = reference(letter);
        self
    }

    pub(crate) fn about_nobody(mut self) -> Self {
        self.participant = String::new();
        self
    }

    pub(crate) fn by(mut self, agency: &str, role: &str) -> Self {
        self.actor = Some(actor(agency, role));
        self
    }

    pub(crate) fn at(mut self, time_ms: i64) -> Self {
        self.time_ms = Some(time_ms);
        self
    }

    pub(crate) fn erased(mut self) -> Self {
        self.erased = true;
        self
    }

    pub(crate) fn findings(mut self, change: impl FnOnce(&mut v1::Findings)) -> Self {
        change(self.findings.as_mut().unwrap());
        self
    }

    fn skeleton(&self, number: u64) -> Skeleton {
        let entry = self.entry();
        let kind = record_type(&entry).unwrap();
        let findings = self.findings.clone().unwrap_or_default().encode_to_vec();
        let default = START_MS + i64::try_from(number).unwrap() * 1000;
        Skeleton {
            record_type: u8::try_from(i32::from(kind)).unwrap(),
            epoch: 1,
            number,
            time_ms: u64::try_from(self.time_ms.unwrap_or(default)).unwrap(),
            body_commitment: commitment(&[3; 16], &entry.encode_to_vec()),
            findings_commitment: commitment(&[4; 16], &findings),
            private_commitment: [0; 32],
            payload_digest: [0; 32],
        }
    }

    fn entry(&self) -> v1::LogEntry {
        v1::LogEntry { actor: self.actor.clone(), event: Some(self.event.clone()) }
    }

    /// The record as the officer of the project sees it.
    pub(crate) fn row(&self, number: u64) -> v1::LogRow {
        let skeleton = Bytes::copy_from_slice(&self.skeleton(number).encode());
        if self.erased {
            return v1::LogRow {
                record_number: number,
                skeleton,
                erased: true,
                ..Default::default()
            };
        }
        let findings = self.findings.as_ref();
        v1::LogRow {
            record_number: number,
            skeleton,
            salt: Bytes::from_static(&[3; 16]),
            body: self.entry().encode_to_vec().into(),
            findings: findings.map(|f| f.encode_to_vec().into()).unwrap_or_default(),
            findings_salt: findings.map(|_| Bytes::from_static(&[4; 16])).unwrap_or_default(),
            participant_reference: self.participant.clone(),
            document: self.document.clone().into(),
            document_signature: self.document_signature.clone(),
            erased: false,
        }
    }
}

/// The whole log of these entries.
pub(crate) fn whole(entries: &[Entry]) -> Bundle {
    some(entries, 0, |_| true)
}

/// Rows of a log of these entries and of some more records that the query does not show.
pub(crate) fn some(entries: &[Entry], more: u8, shows: impl Fn(u64) -> bool) -> Bundle {
    let entries = runs::with_run(entries);
    let rows = entries.iter().zip(0..).map(|(entry, number)| entry.row(number));
    let rows: Vec<LogRow> = rows.map(|row| LogRow::parse(row).unwrap()).collect();
    let mut leaves: Vec<Digest> = rows.iter().map(LogRow::leaf_hash).collect();
    leaves.extend((0..more).map(|number| leaf_hash(&[number; SKELETON_BYTES])));
    let root = tree_root(&leaves.iter().collect::<Vec<_>>());
    let size = u64::try_from(leaves.len()).unwrap();
    let answer = LogAnswer {
        rows: rows.into_iter().filter(|row| shows(row.record_number)).collect(),
        receipt: Receipt { record_number: size - 1, leaf_hash: [0; 32] },
        checkpoint: sign(size, root).into(),
        truncated: false,
    };
    Bundle::new(&log_key(), &answer, leaves.concat())
}

/// Evidence of one record in a log of these entries.
pub(crate) fn evidence(entries: &[Entry], number: u64) -> Evidence {
    let mut stored = Stored(Vec::new());
    let mut leaves = Vec::new();
    for (entry, number) in entries.iter().zip(0..) {
        let leaf = leaf_hash(&entry.skeleton(number).encode());
        let hashes = tlog_tiles::stored_hashes_for_record_hash(number, Hash(leaf), &stored);
        stored.0.extend(hashes.unwrap());
        leaves.push(leaf);
    }
    let size = u64::try_from(leaves.len()).unwrap();
    let path = tlog_tiles::prove_record(size, number, &stored).unwrap();
    let path = path.into_iter().map(|hash| Bytes::copy_from_slice(&hash.0)).collect();
    let root = tree_root(&leaves.iter().collect::<Vec<_>>());
    let response = v1::ReadOwnRecordsResponse {
        rows: vec![entries[usize::try_from(number).unwrap()].row(number)],
        proofs: vec![v1::InclusionProof { record_number: number, path }],
        checkpoint: sign(size, root).into(),
    };
    Evidence::new(&log_key(), response).unwrap()
}

struct Stored(Vec<Hash>);

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[usize::try_from(*index).unwrap()]).collect())
    }
}

/// From the Jobcenter to the DRV, for one purpose.
pub(crate) fn grant(categories: &[&str]) -> v1::Grant {
    v1::Grant {
        senders: vec![JOBCENTER.to_owned()],
        recipient: Some(address(DRV, "reha-beratung")),
        purpose: "reha-einleitung".to_owned(),
        categories: categories.iter().map(|&category| category.to_owned()).collect(),
        not_before_ms: START_MS,
        not_after_ms: START_MS + GRANT_MS,
    }
}

/// The consent of these tests, or its next revision.
pub(crate) fn consent(
    previous: Option<&v1::ConsentDocument>,
    grants: Vec<v1::Grant>,
) -> v1::ConsentDocument {
    let hash = previous.map(|previous| sha256(&[&previous.encode_to_vec()]));
    v1::ConsentDocument {
        consent_id: Bytes::from_static(CONSENT),
        participant_reference: reference('l'),
        revision: previous.map_or(1, |previous| previous.revision + 1),
        previous_hash: hash.map(|hash| hash.to_vec().into()).unwrap_or_default(),
        grants,
        text: Some(v1::ConsentText {
            version: "2026-1".to_owned(),
            hash: sha256(&["Ich willige ein.".as_bytes()]).to_vec().into(),
            language: "de".to_owned(),
        }),
        form: v1::ConsentForm::Written.into(),
        evidence_hashes: Vec::new(),
        given_by: Some(v1::GivenBy::default()),
        secrecy_releases: Vec::new(),
        review_by_ms: START_MS + GRANT_MS,
        signed_at_ms: START_MS,
    }
}

fn agencies(document: &v1::ConsentDocument) -> Vec<String> {
    let grants = document.grants.iter();
    let named = grants.flat_map(|grant| {
        let recipient = grant.recipient.iter().map(|recipient| recipient.agency.clone());
        grant.senders.iter().cloned().chain(recipient)
    });
    named.collect::<std::collections::BTreeSet<_>>().into_iter().collect()
}

fn hash(document: &v1::ConsentDocument) -> Bytes {
    Bytes::copy_from_slice(&sha256(&[&document.encode_to_vec()]))
}

/// The record of a consent.
pub(crate) fn recorded(document: &v1::ConsentDocument) -> Entry {
    let event = v1::ConsentRecorded {
        consent_id: document.consent_id.clone(),
        revision: document.revision,
        document_hash: hash(document),
        agencies: agencies(document),
    };
    let mut entry = Entry::of(Event::ConsentRecorded(event)).by(LOTSENSTELLE, "lotse").about('p');
    entry.document = document.encode_to_vec();
    let part = || Bytes::from_static(&[1]);
    entry.document_signature = Some(v1::Signature { certificate: part(), value: part() });
    entry
}

/// The record of its revocation.
pub(crate) fn revoked(document: &v1::ConsentDocument) -> Entry {
    let revocation = v1::RevocationDocument {
        consent_id: document.consent_id.clone(),
        revision_hash: hash(document),
        signed_at_ms: START_MS,
    };
    let event = v1::ConsentRevoked {
        consent_id: document.consent_id.clone(),
        revision: document.revision,
        document: revocation.encode_to_vec().into(),
        signature: None,
        agencies: agencies(document),
    };
    Entry::of(Event::ConsentRevoked(event)).by(LOTSENSTELLE, "lotse").about('p')
}

/// The record of its suspension.
pub(crate) fn suspended(document: &v1::ConsentDocument) -> Entry {
    let (consent_id, revision) = (document.consent_id.clone(), document.revision);
    let event = v1::ConsentSuspended { consent_id, revision, reason: 0 };
    Entry::of(Event::ConsentSuspended(event)).about('p')
}

/// The record of its confirmation.
pub(crate) fn confirmed(document: &v1::ConsentDocument) -> Entry {
    let confirmation = v1::ConfirmationDocument {
        consent_id: document.consent_id.clone(),
        revision_hash: hash(document),
        signed_at_ms: START_MS,
        next_review_by_ms: 0,
    };
    let event = v1::ConsentConfirmed {
        consent_id: document.consent_id.clone(),
        revision: document.revision,
        document: confirmation.encode_to_vec().into(),
        signature: None,
        next_review_by_ms: 0,
    };
    Entry::of(Event::ConsentConfirmed(event)).by(LOTSENSTELLE, "lotse").about('p')
}

/// That a participant is restricted, or no longer.
pub(crate) fn restricted(restricted: bool) -> Entry {
    let event = v1::ParticipantRestricted { restricted };
    Entry::of(Event::ParticipantRestricted(event)).by(LOTSENSTELLE, "lotse").about('p')
}

/// A label from the Jobcenter to the DRV.
pub(crate) fn label(categories: &[&str]) -> v1::Label {
    v1::Label {
        message_id: Bytes::from_static(&[1; 16]),
        participant_commitment: Bytes::from_static(&[2; 32]),
        kind: "reha.note".to_owned(),
        purpose: "reha-einleitung".to_owned(),
        categories: categories.iter().map(|&category| category.to_owned()).collect(),
        sender: Some(address(JOBCENTER, "fallmanagement")),
        recipient: Some(address(DRV, "reha-beratung")),
        created_at_ms: START_MS,
        expires_at_ms: START_MS + GRANT_MS,
        ..Default::default()
    }
}

fn covered_by(document: &v1::ConsentDocument) -> v1::Findings {
    v1::Findings {
        deny_reason: 0,
        consent_id: document.consent_id.clone(),
        consent_revision: document.revision,
        document_hash: hash(document),
        grant_index: 0,
        release_hash: Bytes::new(),
    }
}

/// A message that was accepted under a consent.
pub(crate) fn accepted(document: &v1::ConsentDocument, label: &v1::Label) -> Entry {
    let label = label.encode_to_vec().into();
    let event = v1::MessageDecided { accepted: true, label, ..Default::default() };
    let mut entry = Entry::of(Event::MessageDecided(event)).by(JOBCENTER, "system").about('p');
    entry.findings = Some(covered_by(document));
    entry
}

/// A message that was refused.
pub(crate) fn refused(label: &v1::Label, reason: v1::DenyReason) -> Entry {
    let label = label.encode_to_vec().into();
    let event = v1::MessageDecided { accepted: false, label, ..Default::default() };
    let entry = Entry::of(Event::MessageDecided(event)).by(JOBCENTER, "system").about('p');
    entry.findings(|findings| findings.set_deny_reason(reason))
}

/// A question before sending, of what a label says, with the answer yes under a consent or no.
pub(crate) fn asked(document: Option<&v1::ConsentDocument>, label: &v1::Label) -> Entry {
    let planned = v1::PlannedMessage {
        sender: label.sender.clone(),
        recipient: label.recipient.clone(),
        purpose: label.purpose.clone(),
        kind: label.kind.clone(),
        categories: label.categories.clone(),
        professional_secret: false,
    };
    let event = v1::CoverageAsked { planned: Some(planned), covered: document.is_some() };
    let mut entry = Entry::of(Event::CoverageAsked(event)).by(JOBCENTER, "system").about('p');
    entry.findings = Some(match document {
        Some(document) => covered_by(document),
        None => v1::Findings {
            deny_reason: v1::DenyReason::NoConsent.into(),
            ..v1::Findings::default()
        },
    });
    entry
}

/// A hand-out of a message with this label under a consent.
pub(crate) fn handed_out(number: u64, document: &v1::ConsentDocument, label: &v1::Label) -> Entry {
    let recipient = label.recipient.clone().unwrap();
    let reference = consent_reference(&document.consent_id, &recipient.agency);
    let event = v1::HandedOut {
        message_number: number,
        attempt: 1,
        consent_reference: Bytes::copy_from_slice(&reference),
        sender: label.sender.clone(),
        recipient: label.recipient.clone(),
        purpose: label.purpose.clone(),
        kind: label.kind.clone(),
        categories: label.categories.clone(),
        without_participant: false,
        professional_secret: label.professional_secret,
    };
    let mut entry = Entry::of(Event::HandedOut(event)).by(DRV, "system").about('p');
    entry.findings = Some(covered_by(document));
    entry
}

/// A message that was stopped.
pub(crate) fn stopped(number: u64) -> Entry {
    let event = v1::MessageStopped {
        message_number: number,
        reason: v1::StopReason::ConsentEnded.into(),
        sender_agency: JOBCENTER.to_owned(),
        recipient_agency: DRV.to_owned(),
    };
    let entry = Entry::of(Event::MessageStopped(event)).about('p');
    entry.findings(|findings| findings.set_deny_reason(v1::DenyReason::Revoked))
}

/// A registration.
pub(crate) fn registered() -> Entry {
    let event = v1::ParticipantRegistered::default();
    Entry::of(Event::ParticipantRegistered(event)).by(LOTSENSTELLE, "lotse").about('p')
}

/// That the erasure of a participant began. The broker no longer tells of whom.
pub(crate) fn erasure_begun() -> Entry {
    Entry::of(Event::ErasureBegun(v1::ErasureBegun::default())).by("projekt", "dpo")
}

/// That the log was reconciled after it had lost records.
pub(crate) fn reconciled() -> Entry {
    Entry::of(Event::LogReconciled(v1::LogReconciled::default()))
}

/// That records were erased.
pub(crate) fn records_erased(ground: v1::ErasureGround, ranges: &[(u64, u64)]) -> Entry {
    let ranges = ranges.iter().map(|&(first, count)| v1::RecordRange { first, count }).collect();
    let event = v1::RecordsErased { ground: ground.into(), ranges, run_number: 0 };
    Entry::of(Event::RecordsErased(event)).by("projekt", "dpo")
}

/// Tables of four agencies with nothing suppressed: every pair has 16 persons.
pub(crate) fn evaluation_tables() -> v1::EvaluationTables {
    let agencies: Vec<String> = ["a", "b", "c", "d"].map(str::to_owned).into();
    let cell = |measure: i32, agency: &str, partner: &str, pairs: u64| v1::PairCell {
        agency: agency.to_owned(),
        partner: partner.to_owned(),
        suppressed: false,
        persons: 16 * pairs,
        reached: if [2, 3].contains(&measure) { 9 * pairs } else { 0 },
        median_days: if measure == 4 { 2 } else { 0 },
    };
    let table = |measure| {
        let mut cells = Vec::new();
        for agency in &agencies {
            cells.push(cell(measure, agency, "", 3));
            let partners = agencies.iter().filter(|partner| *partner != agency);
            cells.extend(partners.map(|partner| cell(measure, agency, partner, 1)));
        }
        cells.push(cell(measure, "", "", 12));
        v1::PairTable { measure, cells }
    };
    let figure = |kind| v1::EvaluationFigure {
        kind,
        suppressed: false,
        number: if kind == 1 { 40 } else { 20 },
        of_participants: if kind > 2 { 40 } else { 0 },
    };
    v1::EvaluationTables {
        quarter: "2026-Q1".to_owned(),
        rules_version: 1,
        persons_min: 5,
        pair_tables: (1..=4).map(table).collect(),
        figures: (1..=8).map(figure).collect(),
        agencies,
    }
}

/// That tables were released to the evaluation.
pub(crate) fn evaluation_released(tables: &v1::EvaluationTables) -> Entry {
    let (quarter, tables) = (tables.quarter.clone(), tables.encode_to_vec().into());
    let event = v1::EvaluationReleased { quarter, tables };
    Entry::of(Event::EvaluationReleased(event)).by("oth-regensburg", "evaluation")
}

/// That they were exported again.
pub(crate) fn evaluation_exported(quarter: &str, release: u64, tables: &[u8]) -> Entry {
    let event = v1::EvaluationExported {
        quarter: quarter.to_owned(),
        release_number: release,
        tables_hash: Bytes::copy_from_slice(&sha256(&[tables])),
    };
    Entry::of(Event::EvaluationExported(event)).by("oth-regensburg", "evaluation")
}
