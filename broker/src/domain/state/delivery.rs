//! The part of the fold that is about what senders and recipients are told: where messages are, notices,
//! mailboxes, what was disclosed under which consent, duties to delete.
//!
//! INVARIANT (bounded): per agency at most [`REMEMBERED_MAX`] ended messages and as many notices, for
//! [`REMEMBERED_MS`]; open duties stay, as many as there are disclosures whose basis ended.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use rustc_hash::FxHashMap;

use super::{ParticipantIx, State};
use crate::domain::delivery::{
    DeliveryRules, Disclosure, Duty, MessageEnd, Notice, NoticeKind, Stamp, TakenUpBy, Track,
};
use crate::domain::event::{BasisEndedEvent, DeliveryEvent, HandOutEvent, Label};
use crate::domain::ids::{MessageId, ParticipantId, RecordNumber, TimeMs};
use crate::domain::message::{Stage, StopReason};
use crate::domain::names::{AddressIx, AgencyIx};
use crate::domain::safeguards::Release;

/// Ended messages of one agency, and notices to it, at the same time: about 15 MiB.
pub(in crate::domain) const REMEMBERED_MAX: usize = 50_000;
/// How long ended messages, notices and answered duties are remembered: a quarter, so that a system that was
/// away for a summer finds everything.
pub(in crate::domain) const REMEMBERED_MS: TimeMs = 90 * 24 * 3600 * 1000;
/// Messages of one disclosure that are named; further ones are counted.
const DISCLOSED_MAX: usize = 200;
/// Disclosures of one participant that are told apart; messages of further ones are counted.
const DISCLOSURES_MAX: usize = 500;
/// How often what is old is looked for.
const FORGET_EVERY_MS: TimeMs = 60 * 1000;

/// A mailbox: a function of an agency.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::domain) struct Mailbox {
    /// Since when the agency's directory entry names it.
    pub(in crate::domain) published: Option<TimeMs>,
    /// When it was last recorded as read.
    pub(in crate::domain) last_read: Option<TimeMs>,
}

/// What one agency sent and is told.
#[derive(Debug, Default)]
pub(in crate::domain) struct Outgoing {
    /// Ended messages, oldest end first.
    ended: VecDeque<(TimeMs, RecordNumber)>,
    pub(in crate::domain) notices: VecDeque<Notice>,
    /// Newest notice that was dropped.
    pub(in crate::domain) dropped: RecordNumber,
}

/// See the module.
#[derive(Debug, Default)]
pub(in crate::domain) struct Delivery {
    pub(in crate::domain) rules: DeliveryRules,
    pub(in crate::domain) tracks: FxHashMap<RecordNumber, Track>,
    /// By what senders chose, so with a secret hash.
    pub(in crate::domain) sent: HashMap<(AgencyIx, MessageId), RecordNumber>,
    pub(in crate::domain) outgoing: FxHashMap<AgencyIx, Outgoing>,
    /// Recipient, record of the dead letter, message.
    pub(in crate::domain) dead_letters: BTreeSet<(AgencyIx, RecordNumber, RecordNumber)>,
    pub(in crate::domain) mailboxes: BTreeMap<AddressIx, Mailbox>,
    /// Number of these of each agency.
    pub(in crate::domain) mailboxes_of: FxHashMap<AgencyIx, usize>,
    pub(in crate::domain) disclosures: FxHashMap<ParticipantIx, Vec<Disclosure>>,
    pub(in crate::domain) duties: BTreeMap<RecordNumber, Duty>,
    pub(in crate::domain) duties_of: BTreeSet<(AgencyIx, RecordNumber)>,
    answered: VecDeque<(TimeMs, RecordNumber)>,
    /// When a grant of a participant ends next.
    ends: BTreeSet<(TimeMs, ParticipantIx)>,
    end_of: FxHashMap<ParticipantIx, TimeMs>,
    forget_at: TimeMs,
    /// Newest record that an agency is told of.
    newest_notice: RecordNumber,
}

impl Delivery {
    fn mailbox_mut(&mut self, address: AddressIx, agency: AgencyIx) -> &mut Mailbox {
        self.mailboxes.entry(address).or_insert_with(|| {
            *self.mailboxes_of.entry(agency).or_default() += 1;
            Mailbox::default()
        })
    }

    fn push_notice(&mut self, agency: AgencyIx, notice: Notice) {
        self.newest_notice = notice.number;
        let outgoing = self.outgoing.entry(agency).or_default();
        outgoing.notices.push_back(notice);
        if outgoing.notices.len() > REMEMBERED_MAX
            && let Some(oldest) = outgoing.notices.pop_front()
        {
            outgoing.dropped = oldest.number;
        }
    }

    /// Tells the sender of a message.
    fn tell(&mut self, message: RecordNumber, stamp: Stamp, kind: NoticeKind) {
        let Some(track) = self.tracks.get(&message) else { return };
        // Parts of an attachment are many: their sender is told of them only if one does not arrive.
        if track.is_part && !matches!(kind, NoticeKind::Ended(_)) {
            return;
        }
        let notice = Notice {
            number: stamp.record,
            at: stamp.at,
            kind,
            message,
            message_id: track.message_id,
            thread: track.thread,
            participant: track.participant,
            sender: track.sender,
            recipient: track.recipient,
        };
        self.push_notice(track.sender_agency, notice);
    }

    /// A message ended: it is remembered for a while.
    fn remember(&mut self, message: RecordNumber, at: TimeMs) {
        let Some(agency) = self.tracks.get(&message).map(|track| track.sender_agency) else {
            return;
        };
        let outgoing = self.outgoing.entry(agency).or_default();
        outgoing.ended.push_back((at, message));
        if outgoing.ended.len() > REMEMBERED_MAX
            && let Some((_, oldest)) = outgoing.ended.pop_front()
        {
            self.forget_track(oldest);
        }
    }

    fn forget_track(&mut self, message: RecordNumber) {
        let Some(track) = self.tracks.remove(&message) else { return };
        let key = (track.sender_agency, track.message_id);
        if self.sent.get(&key) == Some(&message) {
            self.sent.remove(&key);
        }
        if let Some((stamp, MessageEnd::DeadLettered(_))) = track.ended {
            self.dead_letters.remove(&(track.recipient_agency, stamp.record, message));
        }
    }

    fn forget_duty(&mut self, number: RecordNumber) {
        if let Some(duty) = self.duties.remove(&number) {
            self.duties_of.remove(&(duty.agency, number));
        }
    }

    /// Forgets what is too old.
    pub(in crate::domain) fn forget_old(&mut self, now: TimeMs) {
        if now < self.forget_at {
            return;
        }
        self.forget_at = now + FORGET_EVERY_MS;
        let is_old = |at: TimeMs| at + REMEMBERED_MS <= now;
        let mut old = Vec::new();
        for outgoing in self.outgoing.values_mut() {
            while let Some((at, message)) = outgoing.ended.front().copied()
                && is_old(at)
            {
                old.push(message);
                outgoing.ended.pop_front();
            }
            while let Some(notice) = outgoing.notices.front()
                && is_old(notice.at)
            {
                outgoing.dropped = notice.number;
                outgoing.notices.pop_front();
            }
        }
        for message in old {
            self.forget_track(message);
        }
        while let Some((at, number)) = self.answered.front().copied()
            && is_old(at)
        {
            self.forget_duty(number);
            self.answered.pop_front();
        }
    }

    /// Forgets what records told that are erased.
    pub(super) fn forget_erased(&mut self, is_erased: impl Fn(&RecordNumber) -> bool) {
        let tracks: Vec<RecordNumber> =
            self.tracks.keys().copied().filter(|number| is_erased(number)).collect();
        for message in tracks {
            self.forget_track(message);
        }
        for outgoing in self.outgoing.values_mut() {
            outgoing.ended.retain(|(_, message)| !is_erased(message));
            outgoing.notices.retain(|it| !is_erased(&it.number) && !is_erased(&it.message));
        }
        let duties = self.duties.keys().copied().filter(|number| is_erased(number));
        for duty in duties.collect::<Vec<_>>() {
            self.forget_duty(duty);
        }
        for disclosures in self.disclosures.values_mut() {
            for disclosure in disclosures.iter_mut() {
                let messages = &mut disclosure.messages;
                messages.retain(|(number, _, hand_out)| !is_erased(number) && !is_erased(hand_out));
            }
            disclosures.retain(|disclosure| !disclosure.messages.is_empty());
        }
    }

    /// Forgets a participant.
    pub(super) fn forget_participant(&mut self, ix: ParticipantIx) {
        let tracks = self.tracks.iter().filter(|(_, track)| track.participant == ix);
        let tracks: BTreeSet<RecordNumber> = tracks.map(|(number, _)| *number).collect();
        for outgoing in self.outgoing.values_mut() {
            outgoing.ended.retain(|(_, message)| !tracks.contains(message));
            outgoing.notices.retain(|notice| notice.participant != ix);
        }
        for message in tracks {
            self.forget_track(message);
        }
        self.disclosures.remove(&ix);
        let duties = self.duties.iter().filter(|(_, duty)| duty.participant == ix);
        let duties: Vec<RecordNumber> = duties.map(|(number, _)| *number).collect();
        for number in duties {
            self.forget_duty(number);
        }
        self.answered.retain(|(_, number)| self.duties.contains_key(number));
        self.set_end(ix, None);
    }

    fn set_end(&mut self, ix: ParticipantIx, end: Option<TimeMs>) {
        if let Some(old) = self.end_of.remove(&ix) {
            self.ends.remove(&(old, ix));
        }
        if let Some(end) = end {
            self.ends.insert((end, ix));
            self.end_of.insert(ix, end);
        }
    }

    /// Participants of whom a grant has ended, in order of their numbers; at most so many, earliest end first.
    pub(in crate::domain) fn take_ended(
        &mut self,
        now: TimeMs,
        most: usize,
    ) -> BTreeSet<ParticipantIx> {
        let mut taken = BTreeSet::new();
        while taken.len() < most
            && let Some((end, ix)) = self.ends.first().copied()
            && end <= now
        {
            self.set_end(ix, None);
            taken.insert(ix);
        }
        taken
    }

    pub(super) fn accept(&mut self, number: RecordNumber, track: Track) {
        self.sent.insert((track.sender_agency, track.message_id), number);
        self.tracks.insert(number, track);
    }
}

impl State {
    /// Newest record that some agency is told of. For those who wait for notices.
    #[must_use]
    pub fn newest_notice(&self) -> RecordNumber {
        self.delivery.newest_notice
    }

    pub(super) fn new_track(
        &mut self,
        label: &Label,
        participant: ParticipantIx,
        accepted_at: TimeMs,
    ) -> Track {
        Track {
            message_id: label.message_id,
            thread: label.thread_id,
            accepted_at,
            expires_at: label.expires_at,
            is_part: label.part_of.is_some(),
            handed_out: None,
            attempts: 0,
            opened: None,
            taken_up: None,
            ended: None,
            participant,
            sender: self.names.address(&label.sender),
            sender_agency: self.names.agency(&label.sender.agency),
            recipient: self.names.address(&label.recipient),
            recipient_agency: self.names.agency(&label.recipient.agency),
        }
    }

    /// When a participant's messages and disclosures have to be looked at again because of the time alone.
    pub(in crate::domain) fn schedule_end(&mut self, ix: ParticipantIx, now: TimeMs) {
        let consents = self.participant(ix).map(|participant| &participant.consents);
        let in_force = consents.into_iter().flatten().filter(|consent| consent.revoked.is_none());
        let ends = in_force.flat_map(|consent| consent.grants.iter().map(|grant| grant.not_after));
        let releases = self.participant(ix).map(|participant| &participant.safeguards.releases);
        let ends = ends.chain(releases.into_iter().flatten().map(Release::end));
        let next = ends.filter(|end| *end > now).min();
        // An end that has come and was not looked at yet stays due.
        let due = self.delivery.end_of.get(&ix).copied().filter(|end| *end <= now);
        self.delivery.set_end(ix, due.or(next));
    }

    pub(super) fn apply_hand_out(&mut self, event: &HandOutEvent, stamp: Stamp) {
        if let Some(message) = self.messages.get_mut(&event.message) {
            message.attempt = event.attempt;
        }
        let Some(track) = self.delivery.tracks.get_mut(&event.message) else { return };
        track.attempts = event.attempt;
        let first = track.handed_out.is_none();
        track.handed_out.get_or_insert(stamp);
        let track = track.clone();
        let (id, participant) = (track.message_id, track.participant);
        if first {
            self.delivery.tell(event.message, stamp, NoticeKind::HandedOut);
        }
        // About nobody nothing is disclosed that anybody would have to delete.
        let Some(grant) = event.grant.grant() else { return };
        let disclosure = Disclosure {
            consent: grant.consent,
            sender: track.sender,
            sender_agency: track.sender_agency,
            recipient: track.recipient,
            recipient_agency: track.recipient_agency,
            purpose: event.purpose,
            categories: event.categories,
            professional_secret: event.professional_secret,
            messages: Vec::new(),
            more: 0,
        };
        let entry = (event.message, id, stamp.record);
        disclose(self.delivery.disclosures.entry(participant).or_default(), disclosure, entry);
    }

    pub(super) fn apply_report(
        &mut self,
        message: RecordNumber,
        stage: Stage,
        by: TakenUpBy,
        stamp: Stamp,
    ) {
        let Some(track) = self.delivery.tracks.get_mut(&message) else { return };
        let kind = match stage {
            Stage::Decrypted => {
                track.opened.get_or_insert(stamp);
                NoticeKind::Opened
            }
            Stage::Acknowledged => {
                track.taken_up.get_or_insert((stamp, by));
                NoticeKind::TakenUp(by)
            }
        };
        let is_remembered = track.ended.is_some();
        self.delivery.tell(message, stamp, kind);
        if stage == Stage::Acknowledged && !is_remembered {
            self.delivery.remember(message, stamp.at);
        }
    }

    pub(super) fn apply_stop(&mut self, message: RecordNumber, reason: StopReason, stamp: Stamp) {
        let end = match reason {
            StopReason::Expired => MessageEnd::Expired,
            StopReason::Recalled => MessageEnd::Recalled,
            StopReason::ConsentEnded | StopReason::Erased | StopReason::UploadEnded => {
                MessageEnd::NotDelivered
            }
        };
        self.end_track(message, end, stamp);
    }

    fn end_track(&mut self, message: RecordNumber, end: MessageEnd, stamp: Stamp) {
        self.finish(message, stamp.at);
        let Some(track) = self.delivery.tracks.get_mut(&message) else { return };
        if track.ended.is_some() || track.taken_up.is_some() {
            return;
        }
        track.ended = Some((stamp, end));
        let recipient = track.recipient_agency;
        if let MessageEnd::DeadLettered(_) = end {
            self.delivery.dead_letters.insert((recipient, stamp.record, message));
        }
        self.delivery.tell(message, stamp, NoticeKind::Ended(end));
        self.delivery.remember(message, stamp.at);
    }

    pub(super) fn apply_delivery(&mut self, event: &DeliveryEvent, stamp: Stamp) {
        match event {
            DeliveryEvent::DeadLettered { message, reason, .. } => {
                self.uploads.stop_main(*message);
                self.end_track(*message, MessageEnd::DeadLettered(*reason), stamp);
                self.mark_stopped(*message);
            }
            DeliveryEvent::MailboxRead { recipient } => {
                let agency = self.names.agency(&recipient.agency);
                let recipient = self.names.address(recipient);
                self.delivery.mailbox_mut(recipient, agency).last_read = Some(stamp.at);
            }
            DeliveryEvent::BasisEnded(event) => self.apply_basis_ended(event, stamp),
            DeliveryEvent::DeletionConfirmed { duty, answer, .. } => {
                let Some(duty_state) = self.delivery.duties.get_mut(duty) else { return };
                let first = duty_state.answer.is_none();
                duty_state.answer = Some((stamp, answer.clone()));
                if first {
                    self.delivery.answered.push_back((stamp.at, *duty));
                }
            }
        }
    }

    fn apply_basis_ended(&mut self, event: &BasisEndedEvent, stamp: Stamp) {
        let participant = match event.participant {
            ParticipantId::NOBODY => Some(ParticipantIx::NOBODY),
            participant => self.by_id.get(&participant).copied(),
        };
        let Some(participant) = participant else { return };
        let recipient = self.names.address(&event.recipient);
        let agency = self.names.agency(&event.recipient.agency);
        if let Some(disclosures) = self.delivery.disclosures.get_mut(&participant) {
            let named: BTreeSet<RecordNumber> = event.messages.iter().map(|(n, _)| *n).collect();
            let same = |it: &&mut Disclosure| {
                Some(&it.consent) == event.consent.id() && it.recipient == recipient
            };
            for disclosure in disclosures.iter_mut().filter(same) {
                disclosure.messages.retain(|(number, ..)| !named.contains(number));
            }
            disclosures.retain(|disclosure| !disclosure.messages.is_empty());
        }
        self.delivery.duties_of.insert((agency, stamp.record));
        self.delivery.newest_notice = stamp.record;
        let duty = Duty {
            participant,
            agency,
            recipient,
            consent: event.consent,
            messages: event.messages.clone(),
            more: event.more,
            opened: stamp.at,
            due: event.due,
            answer: None,
        };
        self.delivery.duties.insert(stamp.record, duty);
    }

    /// The functions that an agency's entry names are its mailboxes; those of its entry before are none any more.
    pub(super) fn publish_mailboxes(&mut self, before: &[AddressIx], named: &[AddressIx]) {
        let now = self.time;
        for address in before.iter().filter(|address| !named.contains(address)) {
            if let Some(mailbox) = self.delivery.mailboxes.get_mut(address) {
                mailbox.published = None;
            }
        }
        for address in named.iter().copied() {
            let Some(agency) = self.names.agency_of(address) else { continue };
            self.delivery.mailbox_mut(address, agency).published.get_or_insert(now);
        }
    }
}

/// Adds a handed-out message to what was disclosed.
fn disclose(
    disclosures: &mut Vec<Disclosure>,
    new: Disclosure,
    entry: (RecordNumber, MessageId, RecordNumber),
) {
    let same = |it: &Disclosure| {
        it.consent == new.consent
            && it.recipient == new.recipient
            && it.sender == new.sender
            && it.purpose == new.purpose
            && it.categories == new.categories
            && it.professional_secret == new.professional_secret
    };
    if let Some(known) = disclosures.iter_mut().find(|it| same(it)) {
        if let Some(message) = known.messages.iter_mut().find(|(number, ..)| *number == entry.0) {
            message.2 = entry.2;
        } else if known.messages.len() < DISCLOSED_MAX {
            known.messages.push(entry);
        } else {
            known.more = known.more.saturating_add(1);
        }
        return;
    }
    let place = disclosures.len() >= DISCLOSURES_MAX;
    let akin = |it: &&mut Disclosure| it.consent == new.consent && it.recipient == new.recipient;
    if place && let Some(akin) = disclosures.iter_mut().find(akin) {
        akin.more = akin.more.saturating_add(1);
        return;
    }
    disclosures.push(Disclosure { messages: vec![entry], ..new });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::catalogue::Categories;
    use crate::domain::ids::{Address, AgencyId, ThreadId};

    fn agency() -> AgencyIx {
        let mut names = crate::domain::names::Names::default();
        names.agency(&AgencyId::parse("drv").unwrap())
    }

    fn address() -> AddressIx {
        let mut names = crate::domain::names::Names::default();
        names.address(&Address::parse("drv", "reha").unwrap())
    }

    fn track(number: RecordNumber) -> Track {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&number.to_be_bytes());
        Track {
            message_id: MessageId::from_bytes(id),
            thread: ThreadId::from_bytes([1; 16]),
            accepted_at: 0,
            expires_at: 9,
            is_part: false,
            handed_out: None,
            attempts: 0,
            opened: None,
            taken_up: None,
            ended: None,
            participant: ParticipantIx::for_test(0),
            sender: address(),
            sender_agency: agency(),
            recipient: address(),
            recipient_agency: agency(),
        }
    }

    /// INVARIANT (bounded)
    #[test]
    fn an_agency_has_so_many_ended_messages_and_notices_and_no_more() {
        let mut delivery = Delivery::default();
        let most = u64::try_from(REMEMBERED_MAX).unwrap();
        for number in 1..=most + 5 {
            delivery.accept(number, track(number));
            let stamp = Stamp { record: most + 5 + number, at: number };
            delivery.tell(number, stamp, NoticeKind::Ended(MessageEnd::Expired));
            delivery.remember(number, number);
        }
        assert_eq!(delivery.tracks.len(), REMEMBERED_MAX);
        assert_eq!(delivery.sent.len(), REMEMBERED_MAX);
        let outgoing = &delivery.outgoing[&agency()];
        assert_eq!(
            (outgoing.ended.len(), outgoing.notices.len()),
            (REMEMBERED_MAX, REMEMBERED_MAX)
        );
        assert_eq!(outgoing.dropped, most + 5 + 5, "the reader learns that there is a gap");
        delivery.forget_old(REMEMBERED_MS + most);
        assert_eq!((delivery.tracks.len(), delivery.outgoing[&agency()].notices.len()), (5, 5));
    }

    #[test]
    fn of_a_disclosure_so_many_messages_are_named_and_the_others_counted() {
        let mut disclosures = Vec::new();
        let disclosure = |categories| Disclosure {
            consent: crate::domain::ids::ConsentId::from_bytes([1; 16]),
            sender: address(),
            sender_agency: agency(),
            recipient: address(),
            recipient_agency: agency(),
            professional_secret: false,
            purpose: crate::domain::catalogue::Purpose::for_test(0),
            categories,
            messages: Vec::new(),
            more: 0,
        };
        let most = u64::try_from(DISCLOSED_MAX).unwrap();
        for number in 0..most + 3 {
            let entry = (number, MessageId::from_bytes([0; 16]), number);
            disclose(&mut disclosures, disclosure(Categories::default()), entry);
        }
        let again = (0, MessageId::from_bytes([0; 16]), 99_999);
        disclose(&mut disclosures, disclosure(Categories::default()), again);
        let [only] = disclosures.as_slice() else { panic!() };
        assert_eq!(
            (only.messages.len(), only.more, only.messages[0].2),
            (DISCLOSED_MAX, 3, 99_999)
        );
    }
}
