//! The participants of a simulated region: registered, introduced to nobody, with consents as they are
//! given in practice.

use std::sync::Mutex;

use schleuse_client::{
    Client, ClientError, ConsentBuilder, ConsentForm, ConsentId, Grant, ParticipantReference,
};

use super::draw::Draw;
use super::not_of_region;
use super::region::{BODIES, NEEDS, Need, PLACES};

/// Text that a simulated participant agrees to.
const TEXT: &str = "Einwilligung einer erfundenen Person in einer Simulation. Sie kann jederzeit widerrufen werden.";
/// How long a simulated consent lasts.
const MONTHS: u32 = 12;
/// Until the review: less than six months.
const REVIEW_MS: i64 = 150 * 24 * 3600 * 1000;

/// A participant and what may be exchanged about it.
pub(crate) struct Participant {
    lotse_reference: ParticipantReference,
    /// Index of its Jobcenter in [`BODIES`].
    pub(crate) jobcenter: usize,
    /// References of the bodies, in the order of [`BODIES`].
    pub(crate) references: Vec<ParticipantReference>,
    /// What it agreed to: one consent for each need.
    pub(crate) agreed: Vec<Agreed>,
}

/// A need and the consent that allows it, in both directions.
pub(crate) struct Agreed {
    pub(crate) need: Need,
    consent: Mutex<Standing>,
}

/// What is known of a consent here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// In force.
    InForce(ConsentId),
    /// It is being revoked or given anew: messages may pass or not.
    Changing,
}

impl Agreed {
    /// What is known now.
    pub(crate) fn standing(&self) -> Standing {
        *self.consent.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set(&self, standing: Standing) {
        *self.consent.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = standing;
    }
}

impl Participant {
    /// Registers the participant with number `number` of the region.
    ///
    /// # Errors
    /// The broker refuses something or cannot be reached.
    pub(crate) async fn register(
        lotse: &Client,
        number: u32,
        draw: &mut Draw,
        now_ms: i64,
    ) -> Result<Self, ClientError> {
        let (lotse_reference, _) = lotse.register_participant().await?;
        let mut references = Vec::new();
        for body in BODIES {
            references.push(lotse.assign_reference(&lotse_reference, body.agency).await?);
        }
        let jobcenter = jobcenter_of(number);
        let mut participant = Self { lotse_reference, jobcenter, references, agreed: Vec::new() };
        for need in NEEDS {
            if draw.percent(need.percent) {
                let consent = participant.agree(lotse, need, now_ms).await?;
                let consent = Mutex::new(Standing::InForce(consent));
                participant.agreed.push(Agreed { need, consent });
            }
        }
        Ok(participant)
    }

    /// Revokes a consent and gives it anew. Returns how many waiting messages that stopped.
    ///
    /// # Errors
    /// The broker refuses something or cannot be reached.
    pub(crate) async fn revoke_and_renew(
        &self,
        lotse: &Client,
        agreed: &Agreed,
        now_ms: i64,
    ) -> Result<u32, ClientError> {
        let Standing::InForce(consent) = agreed.standing() else { return Ok(0) };
        agreed.set(Standing::Changing);
        let change = lotse.revoke_consent(consent).await?;
        let consent = self.agree(lotse, agreed.need, now_ms).await?;
        agreed.set(Standing::InForce(consent));
        Ok(change.stopped_messages)
    }

    /// Whether it ever agreed to anything between its Jobcenter and a body.
    pub(crate) fn agrees_to(&self, body: usize) -> bool {
        self.agreed.iter().any(|agreed| agreed.need.body == body)
    }

    async fn agree(
        &self,
        lotse: &Client,
        need: Need,
        now_ms: i64,
    ) -> Result<ConsentId, ClientError> {
        let grant = |from: usize, to: usize| {
            let (from, to) = (body(from)?, body(to)?);
            let recipient = format!("{}/{}", to.agency, to.function).parse()?;
            Grant::for_months(
                &[from.agency],
                recipient,
                need.purpose,
                need.categories,
                now_ms,
                MONTHS,
            )
        };
        let consent = ConsentBuilder::new(self.lotse_reference.clone())
            .grant(grant(self.jobcenter, need.body)?)
            .grant(grant(need.body, self.jobcenter)?)
            .text("simulation-1", TEXT, "de")
            .form(ConsentForm::Written)
            .evidence(TEXT.as_bytes())
            .review_by(now_ms.saturating_add(REVIEW_MS));
        Ok(lotse.record_consent(&consent).await?.consent_id)
    }
}

/// A body by its index.
pub(crate) fn body(index: usize) -> Result<super::region::Body, ClientError> {
    BODIES.get(index).copied().ok_or_else(|| not_of_region("body"))
}

/// Places are filled in the order of the Jobcenter, again and again.
fn jobcenter_of(number: u32) -> usize {
    let all: u32 = PLACES.iter().map(|(_, places)| places).sum();
    let mut place = number % all;
    for (jobcenter, places) in PLACES {
        if place < places {
            return jobcenter;
        }
        place -= places;
    }
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thirty_and_fifteen_places_are_filled() {
        let of: Vec<usize> = (0..45).map(jobcenter_of).collect();
        assert_eq!(of.iter().filter(|jobcenter| **jobcenter == 0).count(), 30);
        assert_eq!(of.iter().filter(|jobcenter| **jobcenter == 1).count(), 15);
        assert_eq!(jobcenter_of(45), 0);
    }
}
