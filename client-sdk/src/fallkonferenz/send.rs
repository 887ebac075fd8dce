//! Sending the messages of a conference, each sealed and signed by itself.

use std::collections::BTreeSet;
use std::time::Duration;

use super::conference::{Conference, ConferenceEvent, Notice};
use super::coverage::BrokerCoverage;
use super::letters::{Letter, not_cancelled};
use super::plan::{Distribution, Plan};
use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{Address, ItemId, ParticipantReference, ThreadId};
use crate::send::{Draft, SendOutcome};

/// What became of a letter.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Who was to receive it.
    pub recipient: Address,
    /// Kind code.
    pub kind: &'static str,
    /// The item; none: dates and places only.
    pub item: Option<ItemId>,
    /// Whether the broker accepted it.
    pub outcome: SendOutcome,
}

impl Client {
    /// Asks the broker who may receive what of a conference, each question once; nothing is sent.
    ///
    /// # Errors
    /// Not the convener, [`ClientError::QuestionsLimited`], or as [`Client::coverage`].
    pub async fn distribution(&self, conference: &Conference) -> Result<Distribution, ClientError> {
        let plan = planned(conference)?;
        match conference.participant() {
            Some(participant) => plan.distribute(&BrokerCoverage::new(self, participant)).await,
            // Without participant nothing is to be asked.
            None => Ok(plan.distribution(&BTreeSet::new())),
        }
    }

    /// Looks whether bodies can be invited at all, before anything is asked: the conference was not cancelled, and the
    /// directory knows those that are not invited yet.
    ///
    /// # Errors
    /// Not the convener, it was cancelled, the directory does not know one, or as [`Directory::look_up`](crate::Directory::look_up).
    pub async fn check_invitation(&self, conference: &Conference) -> Result<(), ClientError> {
        let plan = planned(conference)?;
        let state = conference.state();
        not_cancelled(&state)?;
        let is_invited = |body| state.bodies.get(body).is_some_and(|body| body.invited);
        for body in plan.bodies.iter().filter(|body| !is_invited(*body)) {
            let entry = match self.directory().look_up(&body.agency).await {
                Ok(entry) => entry,
                Err(error) if error.is_not_found() => {
                    let expected = format!("an agency of the directory, not {}", body.agency);
                    return Err(ClientError::argument("bodies", expected));
                }
                Err(error) => return Err(error),
            };
            if !entry.has_function(&body.function) {
                let expected = format!("{}, not {body}", entry.expected_function());
                return Err(ClientError::argument("bodies", expected));
            }
        }
        Ok(())
    }

    /// Invites the bodies of a distribution, and sends each the items that it may receive, as far as they do not have
    /// it yet: what [`Conference::review_with`] lists as newly covered. A body whose invitation is not covered gets no
    /// item; one that does not have the newest change of the dates is told it, also if only that was left to be sent.
    /// What was accepted is taken into the conference.
    ///
    /// # Errors
    /// Not the convener, it was cancelled, or as [`Client::send`]; what was sent before the error is in the
    /// conference.
    pub async fn invite(
        &self,
        conference: &mut Conference,
        distribution: &Distribution,
        expires_in: Duration,
    ) -> Result<Vec<Sent>, ClientError> {
        let plan = planned(conference)?.clone();
        not_cancelled(&conference.state())?;
        let new = conference.review_with(distribution).now_covered;
        let is_new = |letter: &Letter| new.contains(&(letter.recipient.clone(), letter.item));
        let mut invitations = plan.invitations(distribution)?;
        invitations.retain(is_new);
        let mut sent = self.send_letters(conference, invitations, expires_in).await?;
        let refused = sent.iter().filter(|one| !one.outcome.is_accepted());
        let refused: BTreeSet<Address> = refused.map(|one| one.recipient.clone()).collect();
        for body in distribution.parts().keys().filter(|body| !refused.contains(*body)) {
            // Body by body: the records of one body's messages tell nothing of how many the others got.
            let mut letters = plan.parts_for(body, distribution)?;
            letters.retain(is_new);
            let is_invited_anew = new.contains(&(body.clone(), None));
            letters.extend(conference.missing_change(body, is_invited_anew));
            sent.extend(self.send_letters(conference, letters, expires_in).await?);
        }
        Ok(sent)
    }

    /// Sends letters of a conference in its thread. What was accepted is taken into the conference.
    ///
    /// # Errors
    /// Its file has no room for them, and none is sent; or as [`Client::send`], and what was sent before the error is in
    /// the conference.
    pub async fn send_letters(
        &self,
        conference: &mut Conference,
        letters: Vec<Letter>,
        expires_in: Duration,
    ) -> Result<Vec<Sent>, ClientError> {
        conference.has_room_for(&letters)?;
        let mut sent = Vec::with_capacity(letters.len());
        for letter in letters {
            let draft = conference.draft(&letter, expires_in)?;
            // Alone: the signature of a batch shows how many messages it covers.
            let outcome = self.send(draft).await?;
            if let SendOutcome::Accepted { message_id, .. } = outcome {
                conference.apply(ConferenceEvent::Said(Box::new(Notice {
                    message_id,
                    from: conference.own().clone(),
                    to: letter.recipient.clone(),
                    at_ms: self.now_ms(),
                    content: letter.content,
                })));
            }
            let Letter { recipient, kind, item, .. } = letter;
            sent.push(Sent { recipient, kind, item, outcome });
        }
        Ok(sent)
    }
}

fn planned(conference: &Conference) -> Result<&Plan, ClientError> {
    let missing = || ClientError::argument("conference", "one that we convene ourselves");
    conference.plan().ok_or_else(missing)
}

impl Conference {
    fn draft(&self, letter: &Letter, expires_in: Duration) -> Result<Draft, ClientError> {
        let participant_reference = match &self.participant {
            Some(reference) => reference.clone(),
            None if self.is_about_participant() => {
                let expected = "a reference that the Lotse assigned to us";
                return Err(ClientError::argument("participant", expected));
            }
            None => ParticipantReference::none(),
        };
        Ok(Draft {
            participant_reference,
            recipient: letter.recipient.clone(),
            sender_function: self.own.function.clone(),
            kind: letter.kind.to_owned(),
            purpose: self.purpose.clone(),
            categories: letter.categories.iter().cloned().collect(),
            thread_id: Some(ThreadId::parse(self.id.as_bytes())?),
            expires_in,
            content: letter.content.clone(),
            professional_secret: letter.professional_secret,
            suite: None,
        })
    }
}
