//! One thread: what was sent and what was received, in order, with how far each message got.
//!
//! The order is that of the broker's acceptances: the numbers of their records are one sequence for all agencies, and
//! per sender, thread and recipient messages are handed out in it. Folding is idempotent: what is told again changes
//! nothing, and what is told before the message itself is known is kept until it is.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Value, json};

use crate::clock::rfc3339;
use crate::delivery::{MessageState, Track};
use crate::ids::{Address, MessageId, ThreadId};
use crate::notices::{MessageEvent, MessageNotice};
use crate::receive::Received;

/// Whether we sent a message or received it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// We sent it.
    Sent,
    /// We received it.
    Received,
}

/// One message of a thread.
#[derive(Clone, Debug)]
pub struct ThreadEntry {
    /// Record of the acceptance: the order.
    pub message_number: u64,
    /// Identifier.
    pub message_id: MessageId,
    /// Whether we sent it or received it.
    pub direction: Direction,
    /// Who sent it.
    pub sender: Address,
    /// Who receives it.
    pub recipient: Address,
    /// Message kind code; empty if only notices told of the message.
    pub kind: String,
    /// The message that it replies to, if it says so.
    pub in_reply_to: Option<MessageId>,
    /// How far it got. Of a received one: opened, until we take it up.
    pub state: MessageState,
    /// When that was, Unix milliseconds.
    pub since_ms: i64,
}

/// One thread as one agency knows it.
#[derive(Clone, Debug)]
pub struct Thread {
    id: ThreadId,
    entries: BTreeMap<u64, ThreadEntry>,
}

impl Thread {
    /// An empty one.
    #[must_use]
    pub fn new(id: ThreadId) -> Self {
        Self { id, entries: BTreeMap::new() }
    }

    /// Its identifier.
    #[must_use]
    pub fn id(&self) -> ThreadId {
        self.id
    }

    /// Messages in the order of their acceptance.
    pub fn entries(&self) -> impl Iterator<Item = &ThreadEntry> {
        self.entries.values()
    }

    /// Messages that reply to one, in order.
    pub fn replies(&self, to: MessageId) -> impl Iterator<Item = &ThreadEntry> {
        self.entries().filter(move |entry| entry.in_reply_to == Some(to))
    }

    /// Own messages that wait, or that nobody has taken up yet.
    pub fn open(&self) -> impl Iterator<Item = &ThreadEntry> {
        self.entries().filter(|entry| {
            entry.direction == Direction::Sent
                && matches!(
                    entry.state,
                    MessageState::Waiting | MessageState::HandedOut | MessageState::Opened
                )
        })
    }

    /// Takes a message that we received; false if it is of another thread.
    pub fn received(&mut self, received: &Received, in_reply_to: Option<MessageId>) -> bool {
        if received.thread_id != self.id {
            return false;
        }
        let new = ThreadEntry {
            message_number: received.message_number,
            message_id: received.message_id,
            direction: Direction::Received,
            sender: received.sender.clone(),
            recipient: received.recipient.clone(),
            kind: received.kind.clone(),
            in_reply_to,
            state: MessageState::Opened,
            since_ms: received.handed_out_at_ms,
        };
        self.entries.entry(received.message_number).or_insert(new);
        true
    }

    /// A received message was taken up by us; false if it is not of this thread.
    pub fn taken_up(&mut self, message_number: u64, time_ms: i64) -> bool {
        let Some(entry) = self.entries.get_mut(&message_number) else { return false };
        advance(entry, MessageState::TakenUp, time_ms);
        true
    }

    /// Takes what is known of a message that we sent; false if it is of another thread.
    pub fn track(&mut self, track: &Track) -> bool {
        if track.thread_id != self.id {
            return false;
        }
        let ended = track.ended.map(|(stamp, _)| stamp.time_ms);
        let taken_up = track.taken_up.map(|(stamp, _)| stamp.time_ms);
        let opened = track.opened.map(|stamp| stamp.time_ms);
        let handed_out = track.handed_out.map(|stamp| stamp.time_ms);
        let since = taken_up.or(ended).or(opened).or(handed_out);
        let since = since.unwrap_or(track.accepted.time_ms);
        let number = track.accepted.record_number;
        let (sender, recipient) = (track.sender.clone(), track.recipient.clone());
        let entry = self.sent(number, track.message_id, sender, recipient, track.accepted.time_ms);
        advance(entry, track.state(), since);
        true
    }

    /// Takes a notice about a message that we sent; false if it is of another thread.
    pub fn notice(&mut self, notice: &MessageNotice, time_ms: i64) -> bool {
        if notice.thread_id != self.id {
            return false;
        }
        let state = match notice.event {
            MessageEvent::HandedOut => MessageState::HandedOut,
            MessageEvent::Opened => MessageState::Opened,
            MessageEvent::TakenUp(_) => MessageState::TakenUp,
            MessageEvent::Ended(end) => MessageState::Ended(end),
        };
        let (sender, recipient) = (notice.sender.clone(), notice.recipient.clone());
        let number = notice.message_number;
        let entry = self.sent(number, notice.message_id, sender, recipient, time_ms);
        advance(entry, state, time_ms);
        true
    }

    /// Adds what only the sender knows of an own message: its kind and what it replies to.
    pub fn describe(&mut self, message: MessageId, kind: &str, in_reply_to: Option<MessageId>) {
        let own = self.entries.values_mut().find(|entry| entry.message_id == message);
        if let Some(entry) = own {
            kind.clone_into(&mut entry.kind);
            entry.in_reply_to = in_reply_to;
        }
    }

    fn sent(
        &mut self,
        message_number: u64,
        message_id: MessageId,
        sender: Address,
        recipient: Address,
        since_ms: i64,
    ) -> &mut ThreadEntry {
        self.entries.entry(message_number).or_insert_with(|| ThreadEntry {
            message_number,
            message_id,
            direction: Direction::Sent,
            sender,
            recipient,
            kind: String::new(),
            in_reply_to: None,
            state: MessageState::Waiting,
            since_ms,
        })
    }

    /// As JSON.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let entries = self.entries().map(|entry| {
            json!({
                "message_number": entry.message_number,
                "message": entry.message_id,
                "direction": entry.direction,
                "sender": entry.sender,
                "recipient": entry.recipient,
                "kind": entry.kind,
                "in_reply_to": entry.in_reply_to,
                "state": entry.state.to_string(),
                "since": rfc3339(entry.since_ms),
            })
        });
        json!({ "thread": self.id, "messages": entries.collect::<Value>() })
    }
}

/// States only go on: what is told late does not take a message back.
fn advance(entry: &mut ThreadEntry, state: MessageState, time_ms: i64) {
    let rank = |state: MessageState| match state {
        MessageState::Waiting => 0,
        MessageState::HandedOut => 1,
        MessageState::Opened => 2,
        MessageState::Ended(_) => 3,
        MessageState::TakenUp => 4,
    };
    if rank(state) > rank(entry.state) {
        entry.state = state;
        entry.since_ms = time_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::{MessageEnd, Stamp, TakenUpBy};

    fn address(agency: &str) -> Address {
        Address::new(agency, "f").unwrap()
    }

    fn track(thread: ThreadId, number: u64) -> Track {
        Track {
            message_id: MessageId::parse(&[u8::try_from(number).unwrap(); 16]).unwrap(),
            thread_id: thread,
            participant_reference: None,
            sender: address("a"),
            recipient: address("b"),
            accepted: Stamp { record_number: number, time_ms: 1 },
            handed_out: None,
            attempts: 0,
            opened: None,
            taken_up: None,
            ended: None,
            expires_at_ms: 9,
        }
    }

    fn notice(track: &Track, event: MessageEvent) -> MessageNotice {
        MessageNotice {
            event,
            message_id: track.message_id,
            thread_id: track.thread_id,
            message_number: track.accepted.record_number,
            participant_reference: None,
            sender: track.sender.clone(),
            recipient: track.recipient.clone(),
        }
    }

    #[test]
    fn a_thread_is_in_order_of_acceptance_whatever_is_told_first() {
        let id = ThreadId::generate().unwrap();
        let mut thread = Thread::new(id);
        let (early, late) = (track(id, 3), track(id, 8));
        assert!(thread.notice(&notice(&late, MessageEvent::Opened), 5));
        assert!(thread.track(&early));
        assert!(thread.notice(&notice(&late, MessageEvent::HandedOut), 4));
        thread.describe(late.message_id, "hilfeplan.note", Some(early.message_id));
        let states = thread.entries().map(|entry| (entry.message_number, entry.state));
        let expected = [(3, MessageState::Waiting), (8, MessageState::Opened)];
        assert_eq!(states.collect::<Vec<_>>(), expected);
        assert_eq!(thread.replies(early.message_id).count(), 1);
        assert_eq!(thread.open().count(), 2);
        let other = track(ThreadId::generate().unwrap(), 9);
        assert!(!thread.track(&other));
    }

    #[test]
    fn states_only_go_on_and_a_late_taking_up_counts() {
        let id = ThreadId::generate().unwrap();
        let mut thread = Thread::new(id);
        let sent = track(id, 3);
        let taken_up = MessageEvent::TakenUp(TakenUpBy::Person);
        for event in [
            MessageEvent::HandedOut,
            MessageEvent::Ended(MessageEnd::Recalled),
            MessageEvent::Opened,
            taken_up,
            MessageEvent::Ended(MessageEnd::Recalled),
        ] {
            thread.notice(&notice(&sent, event), 7);
        }
        assert_eq!(thread.entries().next().unwrap().state, MessageState::TakenUp);
        assert_eq!(thread.open().count(), 0);
    }
}
