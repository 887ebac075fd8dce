//! Client of the Schleuse broker.
//!
//! Owns what an agency, a Lotse and a data-protection officer need on their side of the broker:
//! sealing to the recipient's verified key, the sender's signature, verification of everything that
//! arrives, repetition, and the watch over the broker's log, also as a [`witness`] for others. The command line `schleuse` is a thin
//! layer over it. It never decides about consents: the broker does, and says "not covered".
//!
//! An agency sends and receives:
//!
//! ```no_run
//! # async fn example() -> Result<(), schleuse_client::ClientError> {
//! use std::time::Duration;
//!
//! use schleuse_client::{Client, Content, Draft, ParticipantReference, SendOutcome};
//!
//! let client = Client::builder()
//!     .endpoint("https://127.0.0.1:8443")
//!     .server_name("localhost")
//!     .trust_file("pki/trust.toml")
//!     .certificate("pki/agencies/jobcenter-stadt-regensburg/system.pem")
//!     .key("pki/agencies/jobcenter-stadt-regensburg/system.key")
//!     .sealing_file("pki/agencies/jobcenter-stadt-regensburg/sealing.toml")
//!     .state_dir("state")
//!     .connect()
//!     .await?;
//! let outcome = client
//!     .send(Draft {
//!         professional_secret: false,
//!         participant_reference: ParticipantReference::parse("abcdefghijklmnopqrstuvwxya")?,
//!         recipient: "drv-bayern-sued/reha-beratung".parse()?,
//!         sender_function: "fallmanagement".to_owned(),
//!         kind: "reha.note".to_owned(),
//!         purpose: "reha-einleitung".to_owned(),
//!         categories: vec!["termine".to_owned()],
//!         thread_id: None,
//!         expires_in: Duration::from_secs(14 * 24 * 3600),
//!         content: Content::text("Termin", "Passt Ihnen Dienstag, 9 Uhr?")?,
//!         suite: None,
//!     })
//!     .await?;
//! if let SendOutcome::NotCovered { receipt } = outcome {
//!     println!("not covered by a consent (log record {})", receipt.record_number);
//! }
//! let mut stream = client.receive(&["fallmanagement"], 100);
//! loop {
//!     let message = stream.next().await?.verified()?;
//!     println!("{}: {}", message.sender, message.content);
//!     message.acknowledge().await?;
//! }
//! # }
//! ```
//!
//! A Lotse registers a participant, records a consent and revokes it:
//!
//! ```no_run
//! # async fn example(client: schleuse_client::Client, now_ms: i64)
//! # -> Result<(), schleuse_client::ClientError> {
//! use schleuse_client::{ConsentBuilder, ConsentForm, Grant};
//!
//! let (participant, _receipt) = client.register_participant().await?;
//! let for_drv = client.assign_reference(&participant, "drv-bayern-sued").await?;
//! let grant = Grant::for_months(
//!     &["jobcenter-stadt-regensburg"],
//!     "drv-bayern-sued/reha-beratung".parse()?,
//!     "reha-einleitung",
//!     &["gesundheit", "termine"],
//!     now_ms,
//!     12,
//! )?;
//! let consent = ConsentBuilder::new(participant)
//!     .grant(grant)
//!     .text("2026-1", "Ich bin damit einverstanden …", "de")
//!     .form(ConsentForm::Written)
//!     .evidence(b"scan of the signed paper")
//!     .review_by(now_ms + 180 * 24 * 3600 * 1000);
//! let recorded = client.record_consent(&consent).await?;
//! let revoked = client.revoke_consent(recorded.consent_id).await?;
//! println!("{} waiting messages stopped", revoked.stopped_messages);
//! # drop(for_drv);
//! # Ok(())
//! # }
//! ```
//!
//! A data-protection officer reads the log and checks it without the broker:
//!
//! ```no_run
//! # async fn example(client: schleuse_client::Client) -> Result<(), schleuse_client::ClientError> {
//! use schleuse_client::LogQuery;
//!
//! let query = LogQuery::new("quarterly control of disclosures");
//! let bundle = client.export(&query).await?;
//! let report = bundle.verify(client.log_key());
//! assert!(report.is_sound(), "{report}");
//! # Ok(())
//! # }
//! ```

mod attachments;
mod checkpoints;
mod client;
mod clock;
mod consent_template;
mod content;
pub mod deadlines;
mod delivery;
mod directory;
mod error;
mod evaluation;
pub mod fallkonferenz;
mod files;
pub mod german;
mod ids;
mod log;
mod lotse;
mod notices;
mod operation;
mod planning;
mod random;
mod receive;
mod references;
mod report;
mod rights;
mod runs;
mod seal;
mod send;
mod signer;
mod spot_checks;
mod statutory;
mod terminal;
#[cfg(test)]
mod test_log;
mod thread;
mod tls;
mod trust_file;
pub mod witness;

pub use attachments::{
    Attachment, AttachmentCollector, AttachmentError, Progress, Saved, Taken, Upload, UploadOutcome,
};
pub use checkpoints::{Accepted, Alarm, CheckpointKeeper, ProofSource};
pub use client::{Client, ClientBuilder};
pub use clock::{Clock, SystemClock, format_time, months_later, parse_time, rfc3339};
pub use consent_template::{
    AgencyNames, ConsentTemplate, Fault, Filling, Release, TemplateKind, lint_template,
};
pub use content::kinds::{KindField, MessageKind};
pub use content::{
    ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, CHUNK_BYTES_MAX, CHUNKS_MAX, Content, ContentBuilder,
    ContentError, FILE_BYTES_MAX, SCHEMA_MAJOR, SCHEMA_MINOR, TEXT_BYTES_MAX,
};
pub use delivery::{
    DeadLetter, DeadLetterReason, Mailbox, MailboxClass, MessageEnd, MessageState, Recall,
    Rejected, Stamp, TakenUpBy, Track,
};
pub use directory::{
    AgencyEntry, Contact, Directory, DirectoryHit, DirectoryPage, DirectorySearch, EntryDetails,
    Found, FunctionDetails, Offer, PublishedKey,
};
pub use error::{ClientError, EvidenceError, EvidenceFault};
pub use evaluation::EvaluationExport;
pub use files::keep_private;
pub use ids::{
    Address, AgreementId, AttachmentId, ConferenceId, ConsentId, ItemId, MessageId, ObjectionId,
    ParticipantReference, Receipt, ReleaseId, ThreadId, from_hex, hex,
};
pub use log::{
    Bundle, Check, Disclosure, Evidence, Expectations, Incident, IncidentScope, Inclusion,
    LogAnswer, LogCount, LogCounts, LogGrouping, LogQuery, LogRow, NOTIFY_WITHIN_MS,
    RecipientSummary, Report, Safeguard, all_if_empty, by_recipient, cells_csv, counts_csv,
    days_name, evaluation_tables_json, event_name, figure_name, has_reached, measure_name,
    rows_csv, rows_json_lines,
};
pub use lotse::{
    CONSENT_MONTHS_MAX, Change, ChangePreview, ConsentBuilder, ConsentChange, ConsentForm,
    ConsentRecord, DEPUTY_PURPOSE, Grant, HeldBack, Narrowing, Objection, ObjectionRecord,
    REVIEW_MONTHS_MAX, Representation, RepresentationKind, Review, RevocationEffect,
    RevocationPreview, SafeguardChange, SafeguardRecords, SecrecyRelease, SecrecyReleaseRecord,
    check_narrower, deputy_consent, held_back, narrowed, renewed, whole_days,
};
pub use notices::{
    DeletionAnswer, DeletionDuty, DutyFilter, MessageEvent, MessageNotice, Notice, NoticeKind,
    NoticeStream, Notices,
};
pub use operation::{
    Bounded, BrokerProfile, BrokerStatus, CertificateStatus, CertificateUse, LogStatus,
    PermitStatus, QueueStatus, RevocationListStatus, VolumeStatus, WitnessQuorum, WitnessState,
};
pub use planning::{
    Coverage, ParticipationChange, ParticipationPhase, ParticipationState, PlannedMessage,
    RequestReason, Task, TaskKind, TaskResult,
};
pub use receive::{Incoming, Opened, ReceiveStream, Received, Stage, Unverified, Verifier};
pub use references::{BookEntry, ReferenceBook};
pub use report::{
    CheckCode, ConsentReceipt, DataReport, FoundConsent, Names, RECEIPT_TYPES, Texts, find_by_code,
    shown,
};
pub use rights::{Hold, HoldId};
pub use runs::{ApprovedRun, OpenRun, ProposedRun, RunCounts, RunPreview, RunSubject};
pub use schleuse_proto::v1;
pub use seal::{
    PADDED_BYTES, SealError, Sealed, SealingKeys, SealingPrivateKey, SealingPublicKey, Suite, open,
    pad, seal, unpad,
};
pub use send::{
    Draft, Prepared, Sealer, SendOutcome, StreamOutcome, SubmitReceiver, SubmitSender, SubmitStream,
};
pub use signer::Signer;
pub use statutory::{StatutoryChannel, statutory_channel};
pub use terminal::{is_unprintable, printable, terminal_line, terminal_text};
pub use thread::{Direction, Thread, ThreadEntry};
pub use tls::{provider, tls_config};
pub use trust_file::TrustAnchors;
