//! A conference as its messages: the own ones and the received ones.

use std::collections::{BTreeMap, BTreeSet};

use schleuse_proto::v1::content::Content as Kind;

use super::plan::{PURPOSE, Plan};
use super::state::State;
use crate::content::Content;
use crate::error::ClientError;
use crate::ids::{Address, ConferenceId, MessageId, ParticipantReference};
use crate::receive::Received;

/// A message of a conference, sent or received.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// Its identifier.
    pub message_id: MessageId,
    /// Who sent it.
    pub from: Address,
    /// Who received it.
    pub to: Address,
    /// When the sender made it.
    pub at_ms: i64,
    /// What it says.
    pub content: Content,
}

impl Notice {
    /// What it says, if it is of a conference.
    pub(super) fn said(&self) -> Option<&Kind> {
        conference_of(&self.content).and(self.content.kind())
    }
}

/// Something that happened to a conference.
#[derive(Clone, Debug, PartialEq)]
pub enum ConferenceEvent {
    /// A message was sent or received.
    Said(Box<Notice>),
    /// A message was recalled by its sender before it was handed out.
    Recalled(MessageId),
    /// A message was recalled by its sender after it was handed out: its recipient has it, and nothing follows.
    RecalledTooLate(MessageId),
    /// A message was not delivered, and never will be.
    NotDelivered(MessageId),
}

/// One body's view of a conference. Events may come in any order and any number of times.
#[derive(Clone, Debug, PartialEq)]
pub struct Conference {
    pub(super) id: ConferenceId,
    pub(super) own: Address,
    pub(super) convener: Address,
    pub(super) purpose: String,
    pub(super) about_participant: bool,
    pub(super) participant: Option<ParticipantReference>,
    pub(super) plan: Option<Plan>,
    pub(super) notices: BTreeMap<MessageId, Notice>,
    pub(super) recalled: BTreeSet<MessageId>,
    pub(super) too_late: BTreeSet<MessageId>,
    pub(super) undelivered: BTreeSet<MessageId>,
}

impl Conference {
    /// The convener's view. The participant is named by the convener's own reference; none without participant.
    ///
    /// # Errors
    /// The plan cannot be carried out, or names a participant without needing one or the other way round.
    pub fn convene(
        plan: Plan,
        participant: Option<ParticipantReference>,
    ) -> Result<Self, ClientError> {
        plan.check()?;
        if plan.about_participant != participant.is_some() {
            let expected = "a reference, or a purpose that forbids one and no reference";
            return Err(ClientError::argument("participant", expected));
        }
        Ok(Self {
            id: plan.conference,
            own: plan.convener.clone(),
            convener: plan.convener.clone(),
            purpose: plan.purpose.clone(),
            about_participant: plan.about_participant,
            participant,
            plan: Some(plan),
            notices: BTreeMap::new(),
            recalled: BTreeSet::new(),
            too_late: BTreeSet::new(),
            undelivered: BTreeSet::new(),
        })
    }

    /// The view of a body that received something of a conference. The sender of what comes first is the convener,
    /// since bodies write to the convener only.
    ///
    /// # Errors
    /// The message is of no conference, or its thread is not the conference.
    pub fn join(received: &Received) -> Result<Self, ClientError> {
        let id = conference_of(&received.content);
        let id = id.filter(|id| id.as_bytes() == received.thread_id.as_bytes());
        let expected = "a message of a Fallkonferenz in the thread of that conference";
        let id = id.ok_or_else(|| ClientError::argument("message", expected))?;
        let mut joined = Self::join_as(id, received.recipient.clone(), received.sender.clone());
        joined.purpose.clone_from(&received.purpose);
        joined.about_participant = !received.categories.is_empty();
        joined.participant.clone_from(&received.participant_reference);
        joined.take(received)?;
        Ok(joined)
    }

    pub(super) fn join_as(id: ConferenceId, own: Address, convener: Address) -> Self {
        Self {
            id,
            own,
            convener,
            purpose: PURPOSE.to_owned(),
            about_participant: true,
            participant: None,
            plan: None,
            notices: BTreeMap::new(),
            recalled: BTreeSet::new(),
            too_late: BTreeSet::new(),
            undelivered: BTreeSet::new(),
        }
    }

    /// Takes a received message in.
    ///
    /// # Errors
    /// It is of another conference, or for another function.
    pub fn take(&mut self, received: &Received) -> Result<(), ClientError> {
        let fits = received.thread_id.as_bytes() == self.id.as_bytes()
            && received.recipient == self.own
            && received.purpose == self.purpose;
        if !fits {
            return Err(ClientError::argument("message", "a message of this conference"));
        }
        if self.participant.is_none() {
            self.participant.clone_from(&received.participant_reference);
        }
        self.apply(ConferenceEvent::Said(Box::new(Notice {
            message_id: received.message_id,
            from: received.sender.clone(),
            to: received.recipient.clone(),
            at_ms: received.created_at_ms,
            content: received.content.clone(),
        })));
        Ok(())
    }

    /// Takes an event in; says whether it changed anything. Messages of other conferences change nothing.
    pub fn apply(&mut self, event: ConferenceEvent) -> bool {
        match event {
            ConferenceEvent::Recalled(id) => self.recalled.insert(id),
            ConferenceEvent::RecalledTooLate(id) => self.too_late.insert(id),
            ConferenceEvent::NotDelivered(id) => self.undelivered.insert(id),
            ConferenceEvent::Said(notice) => {
                let own = notice.from == self.own || notice.to == self.own;
                if !own || conference_of(&notice.content) != Some(self.id) {
                    return false;
                }
                let known = self.notices.get(&notice.message_id);
                // An identifier means one message. Should two claim it, the same one wins in every order.
                if known.is_some_and(|known| key(known) >= key(&notice)) {
                    return false;
                }
                self.notices.insert(notice.message_id, *notice);
                true
            }
        }
    }

    /// What follows from all that was said.
    #[must_use]
    pub fn state(&self) -> State {
        State::fold(self)
    }

    /// The conference.
    #[must_use]
    pub fn id(&self) -> ConferenceId {
        self.id
    }

    /// Whose view it is.
    #[must_use]
    pub fn own(&self) -> &Address {
        &self.own
    }

    /// Who convenes.
    #[must_use]
    pub fn convener(&self) -> &Address {
        &self.convener
    }

    /// Purpose code.
    #[must_use]
    pub fn purpose(&self) -> &str {
        &self.purpose
    }

    /// Whether it is the convener's view.
    #[must_use]
    pub fn is_convener(&self) -> bool {
        self.own == self.convener
    }

    /// Whether it is about a participant.
    #[must_use]
    pub fn is_about_participant(&self) -> bool {
        self.about_participant
    }

    /// The plan, in the convener's view.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        self.plan.as_ref()
    }

    /// The own reference of the participant; none without participant.
    #[must_use]
    pub fn participant(&self) -> Option<&ParticipantReference> {
        self.participant.as_ref()
    }

    /// Messages, by identifier.
    #[must_use]
    pub fn notices(&self) -> &BTreeMap<MessageId, Notice> {
        &self.notices
    }

    /// Whether a message counts: it was neither recalled nor left undelivered.
    pub(super) fn counts(&self, id: &MessageId) -> bool {
        !self.recalled.contains(id) && !self.is_too_late(id) && !self.undelivered.contains(id)
    }

    /// Whether a message was recalled too late: its recipient has it.
    pub(super) fn is_too_late(&self, id: &MessageId) -> bool {
        self.too_late.contains(id)
    }
}

fn key(notice: &Notice) -> (i64, &Address, &Address, Vec<u8>) {
    (notice.at_ms, &notice.from, &notice.to, notice.content.encode().to_vec())
}

/// The conference that a content belongs to, if it is of one.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are of no conference")]
pub(super) fn conference_of(content: &Content) -> Option<ConferenceId> {
    let id = match content.kind()? {
        Kind::FallkonferenzRequest(one) => &one.conference_id,
        Kind::FallkonferenzAnswer(one) => &one.conference_id,
        Kind::FallkonferenzPart(one) => &one.conference_id,
        Kind::FallkonferenzAccept(one) => &one.conference_id,
        Kind::FallkonferenzDecline(one) => &one.conference_id,
        Kind::FallkonferenzPropose(one) => &one.conference_id,
        Kind::FallkonferenzFix(one) => &one.conference_id,
        Kind::FallkonferenzMove(one) => &one.conference_id,
        Kind::FallkonferenzCancel(one) => &one.conference_id,
        Kind::FallkonferenzMinutes(one) => &one.conference_id,
        Kind::FallkonferenzConfirm(one) => &one.conference_id,
        Kind::FallkonferenzAgreementKept(one) => &one.conference_id,
        Kind::FallkonferenzAgreementLate(one) => &one.conference_id,
        _ => return None,
    };
    ConferenceId::parse(id).ok()
}
