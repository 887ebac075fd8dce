//! Recalling what is no longer covered.

use super::conference::{Conference, ConferenceEvent};
use super::review::{Review, SentPart};
use crate::client::Client;
use crate::delivery::Recall;
use crate::error::ClientError;
use crate::ids::MessageId;

/// What a recall came to for one message of a conference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecalledPart {
    /// The message and what it belongs to.
    pub part: SentPart,
    /// The broker's answer.
    pub recall: Recall,
    /// Whether the body has it all the same: it was handed out before, or nobody knows any more.
    pub too_late: bool,
}

impl Client {
    /// Recalls what a review names, and takes into the conference what was recalled and what was too late. When this
    /// returns, nothing of it is on its way any more. May be repeated: a recall gets the same answer again.
    ///
    /// What the broker stopped by itself, because a consent was revoked, counts as recalled if it was never handed
    /// out.
    ///
    /// # Errors
    /// As [`Client::recall`]; then nothing is taken into the conference.
    pub async fn recall_uncovered(
        &self,
        conference: &mut Conference,
        review: &Review,
    ) -> Result<Vec<RecalledPart>, ClientError> {
        let messages: Vec<MessageId> = review.recall.iter().map(|part| part.message_id).collect();
        if messages.is_empty() {
            return Ok(Vec::new());
        }
        let recalls = self.recall(&messages).await?;
        // After the recall: what was not handed out by now never is.
        let tracks = self.track(&messages).await?;
        let mut recalled = Vec::with_capacity(messages.len());
        for ((part, recall), track) in review.recall.iter().zip(recalls).zip(tracks) {
            let too_late = match recall {
                Recall::Recalled(_) => false,
                Recall::RecalledAfterHandOut(_) | Recall::TakenUp(_) | Recall::Unknown => true,
                Recall::Ended(..) => track.is_none_or(|track| track.handed_out.is_some()),
            };
            conference.apply(if too_late {
                ConferenceEvent::RecalledTooLate(part.message_id)
            } else {
                ConferenceEvent::Recalled(part.message_id)
            });
            recalled.push(RecalledPart { part: part.clone(), recall, too_late });
        }
        Ok(recalled)
    }
}
