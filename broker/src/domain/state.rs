//! The state: a fold over log events, and nothing else.
//!
//! [`State::apply`] is the only writer. It never decides and never fails on events that
//! [`State::step`] made; on a replay the journal has verified every byte before. Who holds a
//! handed-out message is the one thing that is not in the log: after a start everything that is not
//! acknowledged waits again.

mod delivery;
mod messages;
mod planning;
mod rights;
mod runs;
mod safeguards;
mod uploads;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use rustc_hash::FxHashMap;
use schleuse_proto::evidence::Digest;

use super::catalogue::Catalogue;
use super::consent::{Consent, Grant, ReviewRules};
use super::delivery::{DeliveryRules, Stamp};
use super::evaluation::Quarter;
use super::event::{
    Basis, ConsentEvent, Decision, DecisionEvent, DirectoryEvent, Event, EventKind, UploadEvent,
};
use super::ids::{
    Address, AgencyId, ConsentId, HoldId, MessageId, ObjectionId, ParticipantId, RecordNumber,
    Reference, RegistrationKey, ReleaseId, TimeMs,
};
use super::message::{Hold, Message, Stage};
use super::names::{AddressIx, AgencyIx, Names};
use super::planning::{PlanningRules, Renewal};
use runs::Runs;
use uploads::Uploads;
pub(super) use uploads::{Fate, UploadKey};

use super::safeguards::Safeguards;
pub use planning::REQUEST_REMEMBERED_MS;

/// Number of a participant inside the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ParticipantIx(u32);

impl ParticipantIx {
    /// Whom messages of purposes without participant are about.
    pub(super) const NOBODY: Self = Self(u32::MAX);

    /// Any number, for tests of what only carries it.
    #[cfg(test)]
    pub(crate) fn for_test(number: u32) -> Self {
        Self(number)
    }
}

/// Bounds of the core.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Unfinished messages per recipient address.
    pub queue_messages_max: usize,
    /// Bytes of unfinished messages per recipient address.
    pub queue_bytes_max: u64,
    /// Idempotency keys kept at the same time.
    pub idempotency_keys_max: usize,
    /// Consents per participant.
    pub consents_per_participant_max: usize,
    /// How long parts of an upload wait for the message that they are of.
    pub parts_wait_ms: TimeMs,
}

/// What the core needs to know of the installation.
#[derive(Debug)]
pub struct Rules {
    /// Codes in force.
    pub catalogue: Catalogue,
    /// Agencies that exist here.
    pub agencies: BTreeSet<AgencyId>,
    /// The agency whose DPO supervises the whole project.
    pub project_agency: AgencyId,
    /// Bounds.
    pub limits: Limits,
    /// Attempts, duties to delete, mailboxes.
    pub delivery: DeliveryRules,
    /// Places, kinds of agencies, renewal of entries.
    pub planning: PlanningRules,
    /// How reviews are kept.
    pub reviews: ReviewRules,
    /// Fewest persons behind a number for the evaluation; at least 5.
    pub evaluation_persons_min: u32,
}

/// A participant.
#[derive(Debug)]
pub(super) struct Participant {
    pub(super) id: ParticipantId,
    pub(super) lotse_agency: AgencyIx,
    pub(super) lotse: Box<str>,
    pub(super) references: Vec<(AgencyIx, Reference, RecordNumber)>,
    pub(super) consents: Vec<Consent>,
    /// Unfinished messages about the participant.
    pub(super) messages: BTreeSet<RecordNumber>,
    /// What decides beside the consents.
    pub(super) safeguards: Safeguards,
    /// Erased: only the place is left.
    pub(super) erased: bool,
    /// Time of the newest record that changed something about the participant.
    pub(super) touched: TimeMs,
    /// Record of the registration.
    pub(super) registered: RecordNumber,
}

/// Whom messages of purposes without participant are about: somebody without Lotse, reference and consent, who
/// cannot be registered, found or erased.
#[derive(Debug)]
struct Nobody(Participant);

impl Default for Nobody {
    fn default() -> Self {
        Self(Participant {
            id: ParticipantId::NOBODY,
            lotse_agency: AgencyIx::NONE,
            lotse: "".into(),
            references: Vec::new(),
            consents: Vec::new(),
            messages: BTreeSet::new(),
            safeguards: Safeguards::default(),
            erased: false,
            touched: 0,
            registered: 0,
        })
    }
}

/// A hold on erasure.
#[derive(Clone, Debug)]
pub struct ErasureHold {
    /// The hold.
    pub id: HoldId,
    /// Why.
    pub reason: String,
    /// For whom; none: for all.
    pub participant: Option<ParticipantId>,
    /// When it was placed.
    pub placed: TimeMs,
}

/// An erasure that has begun and is not finished.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Erasing {
    /// The record of its beginning.
    pub begun: RecordNumber,
    /// Whose.
    pub participant: ParticipantId,
    /// The run that was approved.
    pub run: RecordNumber,
}

/// What waits for one address.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// Not held by anybody, oldest first.
    pub(super) waiting: BTreeSet<RecordNumber>,
    /// Unfinished, waiting or held.
    pub(super) messages: usize,
    /// Bytes of the unfinished.
    pub(super) bytes: u64,
}

/// What an idempotency key led to.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyEntry {
    pub(super) fingerprint: [u8; 16],
    pub(super) record: RecordNumber,
    pub(super) accepted: bool,
    /// Function as which it was sent, if it was accepted.
    pub(super) sender: AddressIx,
}

/// A message that was acknowledged or stopped, kept for late or repeated reports.
#[derive(Clone, Copy, Debug)]
pub(super) struct Finished {
    pub(super) participant: ParticipantIx,
    pub(super) sender_agency: AgencyIx,
    pub(super) recipient_agency: AgencyIx,
    pub(super) recipient: AddressIx,
    pub(super) professional_secret: bool,
    /// It was stopped or is a dead letter; it may have been handed out before, and be acknowledged after.
    pub(super) stopped: bool,
    pub(super) handed_out: bool,
    pub(super) decrypted: Option<RecordNumber>,
    pub(super) acknowledged: Option<RecordNumber>,
}

/// A published directory entry.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) revision: u32,
    pub(super) document_hash: Digest,
    pub(super) record: RecordNumber,
    pub(super) renewal: Renewal,
    pub(super) functions: Box<[AddressIx]>,
}

/// How long keys and finished messages are remembered: a label is at most 24 hours old when it is
/// accepted, so a repetition can arrive that long, and ten minutes for clocks.
pub const REMEMBER_MS: TimeMs = (24 * 60 + 10) * 60 * 1000;

/// The state of one cell.
#[derive(Debug, Default)]
pub struct State {
    pub(super) names: Names,
    participants: Vec<Participant>,
    nobody: Nobody,
    // Keys that the broker draws or counts itself need no secret hash; keys that clients choose do.
    by_id: FxHashMap<ParticipantId, ParticipantIx>,
    by_reference: FxHashMap<(AgencyIx, Reference), ParticipantIx>,
    pub(super) registrations: HashMap<(AgencyIx, RegistrationKey), (ParticipantIx, RecordNumber)>,
    consents: HashMap<ConsentId, (ParticipantIx, usize)>,
    releases: HashMap<ReleaseId, ParticipantIx>,
    objections: HashMap<ObjectionId, ParticipantIx>,
    /// Reviews that may be missed, by when they are due.
    reviews: BTreeSet<(TimeMs, ConsentId)>,
    reviews_of: HashMap<ConsentId, TimeMs>,
    pub(super) directory: BTreeMap<AgencyId, Entry>,
    /// Functions as which an agency sent, with the number of their keys.
    pub(super) senders: FxHashMap<AgencyIx, FxHashMap<AddressIx, usize>>,
    /// Number of participants that each agency registered.
    pub(super) participants_of: FxHashMap<AgencyIx, usize>,
    pub(super) messages: FxHashMap<RecordNumber, Message>,
    pub(super) queues: FxHashMap<AddressIx, Queue>,
    /// Bytes of all unfinished messages.
    unfinished_bytes: u64,
    pub(super) expiries: BTreeSet<(TimeMs, RecordNumber)>,
    pub(super) holds: BTreeSet<(TimeMs, RecordNumber)>,
    /// Blocked messages, by when they are to be looked at again.
    blocked: BTreeSet<(TimeMs, RecordNumber)>,
    pub(super) streams: FxHashMap<u64, BTreeSet<RecordNumber>>,
    pub(super) keys: HashMap<(AgencyIx, MessageId), KeyEntry>,
    /// Number of keys of each agency.
    pub(super) keys_of: FxHashMap<AgencyIx, usize>,
    key_order: VecDeque<(TimeMs, (AgencyIx, MessageId), RecordNumber)>,
    pub(super) finished: FxHashMap<RecordNumber, Finished>,
    finished_order: VecDeque<(TimeMs, RecordNumber)>,
    pub(super) uploads: Uploads,
    /// Finished messages whose payload is still there, and about whom they are.
    spent: VecDeque<(TimeMs, RecordNumber, ParticipantIx)>,
    pub(super) erasure_holds: Vec<ErasureHold>,
    /// What senders and recipients are told.
    pub(super) delivery: delivery::Delivery,
    pub(super) planning: planning::Planning,
    /// Erasures that have begun and are not finished, by the record of their beginning.
    erasing: BTreeMap<RecordNumber, Erasing>,
    pub(super) runs: Runs,
    /// Size up to which this log once went another way, see `UpkeepEvent::LogReconciled`.
    abandoned: u64,
    /// Records of reconciliations.
    reconciled: Vec<RecordNumber>,
    /// Releases to the evaluation: record, and SHA-256 of the tables.
    pub(super) evaluations: BTreeMap<Quarter, (RecordNumber, Digest)>,
    next: RecordNumber,
    time: TimeMs,
    pub(super) outbox: Vec<Event>,
}

impl State {
    /// The empty state, before the first record.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Number that the next record gets.
    #[must_use]
    pub fn next_record(&self) -> RecordNumber {
        self.next
    }

    /// Time of the newest record.
    #[must_use]
    pub fn time(&self) -> TimeMs {
        self.time
    }

    /// Numbers and names of agencies and addresses.
    #[must_use]
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Whether something waits for this address.
    #[must_use]
    pub fn is_waiting(&self, recipient: AddressIx) -> bool {
        self.queues.get(&recipient).is_some_and(|queue| !queue.waiting.is_empty())
    }

    /// Unfinished messages of all addresses together, and their bytes.
    #[must_use]
    pub fn unfinished(&self) -> (u64, u64) {
        (u64::try_from(self.messages.len()).unwrap_or(u64::MAX), self.unfinished_bytes)
    }

    /// The reference by which an agency addresses a participant, if it has one.
    #[must_use]
    pub fn reference_for(
        &self,
        participant: &ParticipantId,
        agency: &AgencyId,
    ) -> Option<Reference> {
        let participant = self.participant(*self.by_id.get(participant)?)?;
        let agency = self.names.known_agency(agency)?;
        participant.references.iter().find(|(of, ..)| *of == agency).map(|(_, r, _)| *r)
    }

    /// Passes over a record whose contents were erased.
    pub fn skip(&mut self, number: RecordNumber, time: TimeMs) {
        self.next = number + 1;
        self.time = self.time.max(time);
    }

    /// Largest size of a checkpoint of this log that it rightly does not continue.
    #[must_use]
    pub fn abandoned(&self) -> u64 {
        self.abandoned
    }

    /// Records of reconciliations, oldest first.
    #[must_use]
    pub fn reconciled(&self) -> &[RecordNumber] {
        &self.reconciled
    }

    /// Takes the events that were made since the last call, in order of their numbers.
    pub fn take_events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.outbox)
    }

    /// Folds one event. `number` is its record, `time` the record's time.
    pub fn apply(&mut self, event: &Event, number: RecordNumber, time: TimeMs) {
        self.skip(number, time);
        let stamp = Stamp { record: number, at: time };
        match &event.kind {
            EventKind::BrokerStarted { .. }
            | EventKind::LogQueried(_)
            | EventKind::CallRefused { .. } => {}
            EventKind::ParticipantRegistered { participant, key, reference, project } => {
                let Some(actor) = &event.actor else { return };
                let agency = self.names.agency(&actor.agency);
                let lotse = actor.person.as_deref().unwrap_or_default();
                let ix = self.add_participant(*participant, agency, lotse, number);
                self.registrations.insert((agency, *key), (ix, number));
                self.add_reference(ix, agency, *reference, number);
                let project_agency = self.names.agency(&project.0);
                self.add_reference(ix, project_agency, project.1, number);
            }
            EventKind::LotseAssigned { participant, lotse } => {
                if let Some(participant) = self.participant_by_id_mut(participant) {
                    participant.lotse = lotse.as_str().into();
                    participant.touched = time;
                }
            }
            EventKind::ReferenceAssigned { participant, agency, reference } => {
                let agency = self.names.agency(agency);
                if let Some(ix) = self.by_id.get(participant).copied() {
                    self.add_reference(ix, agency, *reference, number);
                }
                self.touch(participant, time);
            }
            EventKind::DirectoryPublished(entry) => self.apply_directory(entry, number),
            EventKind::ConsentRecorded(consent) => self.apply_consent(consent, number, time),
            EventKind::ConsentRevoked(revocation) => {
                if let Some(consent) = self.consent_mut(&revocation.consent) {
                    consent.revoked = Some((time, number));
                }
                self.track_review(&revocation.consent);
                self.touch(&revocation.participant, time);
                if let Some(ix) = self.by_id.get(&revocation.participant).copied() {
                    self.schedule_end(ix, time);
                }
            }
            EventKind::MessageDecided(decided) => self.apply_decision(decided, number, time),
            EventKind::HandedOut(event) => self.apply_hand_out(event, stamp),
            EventKind::StageReported { message, stage, by, .. } => {
                self.apply_stage(*message, *stage, number, time);
                self.apply_report(*message, *stage, *by, stamp);
            }
            EventKind::MessageStopped { message, reason, .. } => {
                self.uploads.stop_main(*message);
                self.apply_stop(*message, *reason, stamp);
                self.mark_stopped(*message);
            }
            EventKind::Delivery(event) => self.apply_delivery(event, stamp),
            EventKind::Upkeep(event) => self.apply_upkeep(event, number, time),
            EventKind::Upload(UploadEvent::Discarded { message }) => {
                let Some(actor) = &event.actor else { return };
                let own = self.names.agency(&actor.agency);
                self.discard_upload((own, *message), number, time);
            }
            EventKind::Planning(planned) => {
                self.apply_planning(event.actor.as_ref(), planned, number, time);
            }
            EventKind::Safeguard(event) => self.apply_safeguard(event, number, time),
            EventKind::Evaluation(event) => self.apply_evaluation(event, number),
            EventKind::Run(run) => self.apply_run(event.actor.as_ref(), run, number, time),
        }
    }

    /// A finished message ended otherwise than by being taken up.
    fn mark_stopped(&mut self, message: RecordNumber) {
        if let Some(finished) = self.finished.get_mut(&message) {
            finished.stopped = true;
        }
    }

    fn add_participant(
        &mut self,
        id: ParticipantId,
        agency: AgencyIx,
        lotse: &str,
        registered: RecordNumber,
    ) -> ParticipantIx {
        let ix = ParticipantIx(u32::try_from(self.participants.len()).unwrap_or(u32::MAX));
        self.by_id.insert(id, ix);
        *self.participants_of.entry(agency).or_default() += 1;
        self.participants.push(Participant {
            id,
            lotse_agency: agency,
            lotse: lotse.into(),
            references: Vec::new(),
            consents: Vec::new(),
            messages: BTreeSet::new(),
            safeguards: Safeguards::default(),
            erased: false,
            touched: self.time,
            registered,
        });
        ix
    }

    fn add_reference(
        &mut self,
        ix: ParticipantIx,
        agency: AgencyIx,
        reference: Reference,
        number: RecordNumber,
    ) {
        self.by_reference.insert((agency, reference), ix);
        if let Some(participant) = self.participant_mut(ix) {
            participant.references.push((agency, reference, number));
        }
    }

    fn apply_directory(&mut self, entry: &DirectoryEvent, number: RecordNumber) {
        let functions = entry.functions.iter().map(|function| self.names.address(function));
        let functions: Box<[AddressIx]> = functions.collect();
        let before = self.directory.remove(&entry.agency).map(|before| before.functions);
        self.publish_mailboxes(&before.unwrap_or_default(), &functions);
        self.directory.insert(
            entry.agency.clone(),
            Entry {
                revision: entry.revision,
                document_hash: schleuse_proto::evidence::sha256(&[&entry.document]),
                record: number,
                renewal: entry.renewal,
                functions,
            },
        );
    }

    fn apply_consent(&mut self, event: &ConsentEvent, number: RecordNumber, time: TimeMs) {
        let Some(ix) = self.by_id.get(&event.participant).copied() else { return };
        let document = &event.document;
        let names = &mut self.names;
        let grants: Box<[Grant]> = document.grants.iter().map(|g| Grant::new(g, names)).collect();
        let mut agencies: Vec<AgencyIx> =
            document.agencies().iter().map(|agency| names.agency(agency)).collect();
        agencies.sort_unstable();
        let known = self.consents.get(&document.consent_id).copied();
        let Some(participant) = self.participant_mut(ix) else { return };
        // After a crash in the midst of an erasure an identifier may still mean a consent of somebody else, who
        // is erased with what follows.
        let own = known.filter(|(owner, _)| *owner == ix);
        let old = own.and_then(|(_, position)| participant.consents.get_mut(position));
        let former = match &old {
            Some(old) => old.grants.clone(),
            None => Box::default(),
        };
        let consent = Consent {
            id: document.consent_id,
            revision: document.revision,
            hash: document.hash,
            grants,
            former,
            record: number,
            revoked: None,
            suspended: None,
            review_by: document.review_by,
            agencies: agencies.into(),
        };
        participant.touched = time;
        if let Some(old) = old {
            *old = consent;
        } else {
            let position = participant.consents.len();
            participant.consents.push(consent);
            self.consents.insert(document.consent_id, (ix, position));
        }
        self.track_review(&document.consent_id);
        self.release_blocked(ix);
        self.schedule_end(ix, time);
    }

    pub(super) fn participant(&self, ix: ParticipantIx) -> Option<&Participant> {
        if ix == ParticipantIx::NOBODY {
            return Some(&self.nobody.0);
        }
        self.participants.get(usize::try_from(ix.0).ok()?)
    }

    fn participant_mut(&mut self, ix: ParticipantIx) -> Option<&mut Participant> {
        if ix == ParticipantIx::NOBODY {
            return Some(&mut self.nobody.0);
        }
        self.participants.get_mut(usize::try_from(ix.0).ok()?)
    }

    fn participant_by_id_mut(&mut self, id: &ParticipantId) -> Option<&mut Participant> {
        let ix = self.by_id.get(id).copied()?;
        self.participant_mut(ix)
    }

    pub(super) fn by_reference(
        &self,
        agency: &AgencyId,
        reference: &Reference,
    ) -> Option<(ParticipantIx, &Participant)> {
        let agency = self.names.known_agency(agency)?;
        let ix = self.by_reference.get(&(agency, *reference)).copied()?;
        self.participant(ix).map(|participant| (ix, participant))
    }

    pub(super) fn participants(&self) -> impl Iterator<Item = &Participant> {
        self.participants.iter().filter(|participant| !participant.erased)
    }

    /// Participants with their numbers, oldest registration first.
    pub(super) fn numbered_participants(
        &self,
    ) -> impl Iterator<Item = (ParticipantIx, &Participant)> {
        let numbers = (0..).map(ParticipantIx);
        numbers.zip(&self.participants).filter(|(_, participant)| !participant.erased)
    }

    pub(super) fn consent(&self, id: &ConsentId) -> Option<(ParticipantIx, &Consent)> {
        let (ix, position) = self.consents.get(id).copied()?;
        self.participant(ix)?.consents.get(position).map(|consent| (ix, consent))
    }

    fn consent_mut(&mut self, id: &ConsentId) -> Option<&mut Consent> {
        let (ix, position) = self.consents.get(id).copied()?;
        self.participant_mut(ix)?.consents.get_mut(position)
    }

    /// Address of this number; only numbers given by this state are asked for.
    pub(super) fn address(&self, ix: AddressIx) -> Option<Address> {
        self.names.address_id(ix).cloned()
    }

    /// Agency of this number.
    pub(super) fn agency(&self, ix: AgencyIx) -> Option<AgencyId> {
        self.names.agency_id(ix).cloned()
    }
}
