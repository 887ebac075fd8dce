//! The part of the fold that is about uploads: parts of attachments, and the message that they are of.
//!
//! A part is an ordinary message whose label names another one, the *main message* of the upload. Each part is
//! decided by itself. This module knows only which parts wait for their main message and what became of that;
//! it never makes a permit. See `ops/adr/0012-attachments.md`.
//!
//! INVARIANT (no part alone): a part is handed out only after its main message was accepted from the same
//! agency, about the same participant, for the same address, and needs a release from professional secrecy if the
//! main message does. What an upload rests on is a function of the
//! records and their times alone, so that it is the same after each replay.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use rustc_hash::FxHashMap;

use super::{Hold, REMEMBER_MS, State};
use crate::domain::ids::{MessageId, RecordNumber, TimeMs};
use crate::domain::message::Message;
use crate::domain::names::{AddressIx, AgencyIx};
use crate::domain::state::ParticipantIx;

/// How long after its acceptance a main message is found by parts that begin a new upload; below the time for
/// which keys are remembered, so that a replay, which forgets at other instants, finds the same.
const FOUND_AFTER_MS: TimeMs = REMEMBER_MS - 10 * 60 * 1000;

/// Names an upload: agency of the sender and identifier of the main message.
pub(in crate::domain) type UploadKey = (AgencyIx, MessageId);

/// What the parts of an upload must have in common with its main message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) struct Main {
    participant: ParticipantIx,
    recipient: AddressIx,
    /// Then all parts must be professional secrets, so that each of them needs the release.
    professional_secret: bool,
}

impl Main {
    fn of(main: &Message) -> Self {
        let Message { participant, recipient, professional_secret, .. } = *main;
        Self { participant, recipient, professional_secret }
    }

    fn fits(self, part: &Message) -> bool {
        part.participant == self.participant
            && part.recipient == self.recipient
            && (part.professional_secret || !self.professional_secret)
    }
}

/// What became of the main message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::domain) enum Fate {
    /// It has not come.
    Expected,
    /// It was accepted, with this in its label.
    Accepted(Main),
    /// It was refused or stopped.
    Ended,
    /// The sender gave the upload up, in this record.
    Discarded(RecordNumber),
}

/// One upload.
#[derive(Debug)]
struct Upload {
    fate: Fate,
    /// Unfinished parts.
    parts: BTreeSet<RecordNumber>,
    /// Parts that were ever accepted.
    accepted: usize,
    /// When a part was accepted last, or the upload given up.
    touched: TimeMs,
    /// Parts that were unfinished when the sender gave the upload up: what may be in flight still.
    given_up: Vec<(ParticipantIx, RecordNumber)>,
}

impl Upload {
    fn new(fate: Fate, touched: TimeMs) -> Self {
        Self { fate, parts: BTreeSet::new(), accepted: 0, touched, given_up: Vec::new() }
    }

    fn is_over(&self, now: TimeMs) -> bool {
        self.parts.is_empty() && self.touched + REMEMBER_MS <= now
    }
}

/// All uploads.
#[derive(Debug, Default)]
pub(in crate::domain) struct Uploads {
    all: HashMap<UploadKey, Upload>,
    /// Number of uploads of each agency.
    of_agency: FxHashMap<AgencyIx, usize>,
    of_part: FxHashMap<RecordNumber, UploadKey>,
    /// Unfinished main messages of uploads.
    of_main: FxHashMap<RecordNumber, UploadKey>,
    /// Parts that wait for their main message, by the time of their acceptance: for whom, and their bytes.
    waiting: BTreeMap<(TimeMs, RecordNumber), (AddressIx, u64)>,
    /// Number and bytes of these for each address.
    waiting_for: FxHashMap<AddressIx, (usize, u64)>,
    order: VecDeque<(TimeMs, UploadKey)>,
}

impl Uploads {
    /// Number and bytes of the parts that wait for their main message at an address.
    pub(in crate::domain) fn waiting_for(&self, recipient: AddressIx) -> (usize, u64) {
        self.waiting_for.get(&recipient).copied().unwrap_or_default()
    }

    /// Uploads that are remembered of an agency.
    pub(in crate::domain) fn of_agency(&self, agency: AgencyIx) -> usize {
        self.of_agency.get(&agency).copied().unwrap_or_default()
    }

    /// Whether the sender gave an upload up.
    pub(in crate::domain) fn is_discarded(&self, key: &UploadKey, now: TimeMs) -> bool {
        let upload = self.all.get(key).filter(|upload| !upload.is_over(now));
        upload.is_some_and(|upload| matches!(upload.fate, Fate::Discarded(_)))
    }

    /// Parts of an upload that were ever accepted; none if it is not known.
    pub(in crate::domain) fn accepted_parts(&self, key: &UploadKey) -> Option<usize> {
        self.all.get(key).map(|upload| upload.accepted)
    }

    /// The upload that a message is the main message of.
    pub(in crate::domain) fn of_main(&self, main: RecordNumber) -> Option<UploadKey> {
        self.of_main.get(&main).copied()
    }

    /// Unfinished parts of an upload, oldest first.
    pub(in crate::domain) fn parts(&self, key: &UploadKey) -> Vec<RecordNumber> {
        self.all.get(key).into_iter().flat_map(|upload| &upload.parts).copied().collect()
    }

    /// Parts that were unfinished when the sender gave an upload up, and whom they are about.
    pub(in crate::domain) fn given_up(&self, key: &UploadKey) -> &[(ParticipantIx, RecordNumber)] {
        self.all.get(key).map_or(&[], |upload| &upload.given_up)
    }

    /// The part that waits longest for its main message, and since when.
    pub(in crate::domain) fn waits_longest(&self) -> Option<(TimeMs, RecordNumber)> {
        self.waiting.first_key_value().map(|(key, _)| *key)
    }

    pub(super) fn wait(
        &mut self,
        since: TimeMs,
        part: RecordNumber,
        recipient: AddressIx,
        bytes: u64,
    ) {
        if self.waiting.insert((since, part), (recipient, bytes)).is_none() {
            let (parts, sum) = self.waiting_for.entry(recipient).or_default();
            *parts += 1;
            *sum += bytes;
        }
    }

    pub(super) fn wait_no_more(&mut self, since: TimeMs, part: RecordNumber) {
        let Some((recipient, bytes)) = self.waiting.remove(&(since, part)) else { return };
        if let Some((parts, sum)) = self.waiting_for.get_mut(&recipient) {
            *parts -= 1;
            *sum -= bytes;
            if *parts == 0 {
                self.waiting_for.remove(&recipient);
            }
        }
    }

    /// The upload of this name; one that is over begins anew.
    fn open(&mut self, key: UploadKey, fate: Fate, now: TimeMs) -> &mut Upload {
        if self.all.get(&key).is_some_and(|upload| upload.is_over(now)) {
            self.all.insert(key, Upload::new(fate, now));
        }
        self.all.entry(key).or_insert_with(|| {
            *self.of_agency.entry(key.0).or_default() += 1;
            self.order.push_back((now, key));
            Upload::new(fate, now)
        })
    }

    /// A message is finished: as a part, and as a main message.
    pub(super) fn finish(&mut self, number: RecordNumber) {
        self.of_main.remove(&number);
        let Some(key) = self.of_part.remove(&number) else { return };
        if let Some(upload) = self.all.get_mut(&key) {
            upload.parts.remove(&number);
        }
    }

    /// A main message was stopped.
    pub(super) fn stop_main(&mut self, number: RecordNumber) {
        let Some(key) = self.of_main.remove(&number) else { return };
        if let Some(upload) = self.all.get_mut(&key) {
            end(&mut upload.fate);
        }
    }

    pub(super) fn forget_old(&mut self, now: TimeMs) {
        while let Some((time, key)) = self.order.front().copied()
            && time + REMEMBER_MS <= now
        {
            self.order.pop_front();
            if self.all.get(&key).is_some_and(|upload| !upload.is_over(now)) {
                self.order.push_back((now, key));
            } else if self.all.remove(&key).is_some()
                && let Some(count) = self.of_agency.get_mut(&key.0)
            {
                *count -= 1;
            }
        }
    }
}

/// The main message was refused or stopped. What the sender gave up stays given up.
fn end(fate: &mut Fate) {
    match fate {
        Fate::Expected | Fate::Accepted(..) => *fate = Fate::Ended,
        Fate::Ended | Fate::Discarded(_) => {}
    }
}

impl State {
    /// What became of the main message of an upload.
    pub(in crate::domain) fn upload_fate(&self, key: &UploadKey, now: TimeMs) -> Fate {
        if let Some(upload) = self.uploads.all.get(key).filter(|upload| !upload.is_over(now)) {
            return upload.fate;
        }
        let Some(entry) = self.keys.get(key) else { return Fate::Expected };
        let place = self.key_order.binary_search_by_key(&entry.record, |(_, _, record)| *record);
        let decided = place.ok().and_then(|place| self.key_order.get(place));
        if decided.is_none_or(|(time, ..)| time + FOUND_AFTER_MS <= now) {
            return Fate::Expected;
        }
        if !entry.accepted {
            return Fate::Ended;
        }
        match (self.messages.get(&entry.record), self.finished.get(&entry.record)) {
            // A part is nobody's main message.
            (Some(main), _) if !self.uploads.of_part.contains_key(&entry.record) => {
                Fate::Accepted(Main::of(main))
            }
            (None, Some(main)) if !main.stopped => Fate::Accepted(Main {
                participant: main.participant,
                recipient: main.recipient,
                professional_secret: main.professional_secret,
            }),
            _ => Fate::Ended,
        }
    }

    /// Whether a message may be handed out as far as uploads go: it is no part, or its main message was
    /// accepted with the same participant and recipient, and is no professional secret unless the part is one.
    pub(in crate::domain) fn may_leave(&self, number: RecordNumber) -> bool {
        let Some(key) = self.uploads.of_part.get(&number) else { return true };
        let fate = self.uploads.all.get(key).map(|upload| upload.fate);
        let Some(Fate::Accepted(main)) = fate else { return false };
        self.messages.get(&number).is_some_and(|part| main.fits(part))
    }

    /// A part was accepted.
    pub(super) fn add_part(&mut self, number: RecordNumber, key: UploadKey, time: TimeMs) {
        let fate = self.upload_fate(&key, time);
        let main = self.keys.get(&key).map(|entry| entry.record);
        if let Some(main) = main.filter(|main| self.messages.contains_key(main))
            && matches!(fate, Fate::Accepted(..))
        {
            self.uploads.of_main.insert(main, key);
        }
        let upload = self.uploads.open(key, fate, time);
        upload.parts.insert(number);
        upload.accepted += 1;
        upload.touched = time;
        self.uploads.of_part.insert(number, key);
        if !self.may_leave(number) {
            self.hold(number, Hold::Part(time));
        }
    }

    /// A message that is no part was decided: it may be the main message of an upload.
    pub(super) fn decide_main(&mut self, key: UploadKey, number: RecordNumber, time: TimeMs) {
        let Some(upload) = self.uploads.all.get_mut(&key) else { return };
        if upload.is_over(time) {
            return;
        }
        match (upload.fate, self.messages.get(&number)) {
            (Fate::Expected, Some(main)) => {
                upload.fate = Fate::Accepted(Main::of(main));
                self.uploads.of_main.insert(number, key);
                for part in self.uploads.parts(&key) {
                    if self.may_leave(part) {
                        self.release(part);
                    }
                }
            }
            (_, None) => end(&mut upload.fate),
            (Fate::Accepted(..) | Fate::Ended | Fate::Discarded(_), Some(_)) => {}
        }
    }

    /// The sender gave an upload up.
    pub(super) fn discard_upload(&mut self, key: UploadKey, number: RecordNumber, time: TimeMs) {
        let parts = self.uploads.parts(&key).into_iter();
        let about = |part| Some((self.messages.get(&part)?.participant, part));
        let given_up: Vec<(ParticipantIx, RecordNumber)> = parts.filter_map(about).collect();
        let upload = self.uploads.open(key, Fate::Discarded(number), time);
        upload.fate = Fate::Discarded(number);
        upload.touched = time;
        upload.given_up.extend(given_up);
    }
}
