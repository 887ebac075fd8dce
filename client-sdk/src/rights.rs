//! Rights of participants: restriction and holds. What erases is in `runs`.

use std::fmt;

use bytes::Bytes;
use schleuse_proto::v1;

use crate::client::Client;
use crate::error::ClientError;
use crate::ids::{ParticipantReference, Receipt, hex};

/// Identifier of a hold on erasure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HoldId(Bytes);

impl HoldId {
    /// Reads 32 hexadecimal digits.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse_text(text: &str) -> Result<Self, ClientError> {
        let wrong = || ClientError::argument("hold", "32 hexadecimal digits");
        let digits: Vec<char> = text.chars().collect();
        let byte = |pair: &[char]| {
            let pair: String = pair.iter().collect();
            u8::from_str_radix(&pair, 16).ok()
        };
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
        let bytes = bytes.filter(|bytes| bytes.len() == 16 && digits.len() == 32);
        bytes.map(|bytes| Self(bytes.into())).ok_or_else(wrong)
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

/// A hold on erasure.
#[derive(Clone, Debug)]
pub struct Hold {
    /// The hold.
    pub id: HoldId,
    /// The stated reason.
    pub reason: String,
    /// Our own reference of the participant; none: for all.
    pub participant: Option<ParticipantReference>,
    /// When it was placed, Unix milliseconds.
    pub placed_ms: i64,
}

impl Client {
    /// Restricts the processing of a participant's data, or ends the restriction. When it restricts, nothing
    /// about the participant leaves the broker once this returns. For the Lotse and the project's officer.
    ///
    /// # Errors
    /// There is no such participant of ours, or the broker cannot be reached.
    pub async fn restrict_participant(
        &self,
        participant: &ParticipantReference,
        restricted: bool,
    ) -> Result<Receipt, ClientError> {
        let request = v1::RestrictParticipantRequest {
            participant_reference: participant.as_text().to_owned(),
            restricted,
        };
        let answer = self
            .call(|| {
                let (mut service, request) = (self.rights(), request.clone());
                async move { service.restrict_participant(request).await }
            })
            .await?;
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// Puts erasure on hold, for one participant or all. For the project's officer.
    ///
    /// # Errors
    /// There is no such participant, the reason is not 10 to 500 characters, or the broker cannot be reached.
    pub async fn place_hold(
        &self,
        reason: &str,
        participant: Option<&ParticipantReference>,
    ) -> Result<(HoldId, Receipt), ClientError> {
        let reference = participant.map(|reference| reference.as_text().to_owned());
        let request = v1::PlaceHoldRequest {
            reason: reason.to_owned(),
            participant_reference: reference.unwrap_or_default(),
        };
        let answer = self.rights().place_hold(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        Ok((HoldId(answer.hold_id), Receipt::from_wire(answer.receipt.as_ref())?))
    }

    /// Ends a hold. For the project's officer.
    ///
    /// # Errors
    /// There is no such hold, or the broker cannot be reached.
    pub async fn release_hold(&self, hold: &HoldId) -> Result<Receipt, ClientError> {
        let request = v1::ReleaseHoldRequest { hold_id: hold.0.clone() };
        let answer = self.rights().release_hold(request).await;
        let answer = answer.map_err(|status| self.failed(&status))?.into_inner();
        self.settle(&answer.checkpoint).await?;
        Receipt::from_wire(answer.receipt.as_ref())
    }

    /// The holds, oldest first. For the project's officer.
    ///
    /// # Errors
    /// The broker refuses the call or cannot be reached.
    pub async fn list_holds(&self) -> Result<Vec<Hold>, ClientError> {
        let answer = self
            .call(|| {
                let mut service = self.rights();
                async move { service.list_holds(v1::ListHoldsRequest {}).await }
            })
            .await?;
        let holds = answer.holds.into_iter().map(|hold| {
            let reference = Some(hold.participant_reference).filter(|text| !text.is_empty());
            Ok(Hold {
                id: HoldId(hold.hold_id),
                reason: hold.reason,
                participant: reference
                    .map(|text| ParticipantReference::parse(&text))
                    .transpose()?,
                placed_ms: hold.placed_ms,
            })
        });
        holds.collect()
    }
}
