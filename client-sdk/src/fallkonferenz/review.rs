//! When the consents have changed: what of the sent parts is no longer covered, and what goes on.

use std::collections::BTreeSet;

use schleuse_proto::v1::content::Content as Kind;

use super::conference::Conference;
use super::coverage::Coverage;
use super::plan::Distribution;
use crate::error::ClientError;
use crate::ids::{Address, ItemId, MessageId};

/// A sent message and what it belongs to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SentPart {
    /// Who received it, or is to.
    pub body: Address,
    /// The item; none: dates and places only.
    pub item: Option<ItemId>,
    /// The message.
    pub message_id: MessageId,
}

/// What follows from the consents of this instant. For the convener's eyes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Review {
    /// To be recalled: no consent covers it any more.
    pub recall: Vec<SentPart>,
    /// Goes on.
    pub go_on: Vec<SentPart>,
    /// Bodies that were invited and may no longer be told anything.
    pub leave: BTreeSet<Address>,
    /// Could be sent and has not been: a body, and an item or none for the invitation.
    pub now_covered: BTreeSet<(Address, Option<ItemId>)>,
}

impl Conference {
    /// Asks again, and says which messages are to be recalled.
    ///
    /// # Errors
    /// Not the convener, or the answers cannot be had.
    pub async fn review(&self, coverage: &impl Coverage) -> Result<Review, ClientError> {
        let plan = self.plan.as_ref();
        let missing = || ClientError::argument("conference", "one that we convene ourselves");
        let distribution = plan.ok_or_else(missing)?.distribute(coverage).await?;
        Ok(self.review_with(&distribution))
    }

    /// Says which messages are to be recalled if this is what may be received now.
    ///
    /// A body that may no longer be told the date leaves the conference: all that it was sent is recalled.
    #[must_use]
    pub fn review_with(&self, distribution: &Distribution) -> Review {
        let mut review = Review::default();
        let mut sent: BTreeSet<(Address, Option<ItemId>)> = BTreeSet::new();
        let own = self.notices.values().filter(|notice| notice.from == self.own);
        for notice in own.filter(|notice| self.counts(&notice.message_id)) {
            let item = item_of(notice.said());
            let part = SentPart { body: notice.to.clone(), item, message_id: notice.message_id };
            let covered = distribution.invites(&part.body)
                && item.is_none_or(|item| distribution.covers(&part.body, &item));
            if !distribution.invites(&part.body) {
                review.leave.insert(part.body.clone());
            }
            let said = notice.said();
            if let Some(Kind::FallkonferenzRequest(_) | Kind::FallkonferenzPart(_)) = said {
                sent.insert((part.body.clone(), item));
            }
            if covered { review.go_on.push(part) } else { review.recall.push(part) }
        }
        for (body, items) in distribution.parts() {
            let parts = items.iter().map(|item| Some(*item)).chain([None]);
            let parts = parts.map(|item| (body.clone(), item));
            review.now_covered.extend(parts.filter(|part| !sent.contains(part)));
        }
        review.recall.sort_unstable();
        review.go_on.sort_unstable();
        review
    }
}

fn item_of(said: Option<&Kind>) -> Option<ItemId> {
    let id = match said {
        Some(Kind::FallkonferenzPart(part)) => part.item.as_ref().map(|item| &item.item_id),
        Some(Kind::FallkonferenzMinutes(one)) => Some(&one.item_id),
        Some(Kind::FallkonferenzConfirm(one)) => Some(&one.item_id),
        Some(Kind::FallkonferenzAgreementKept(one)) => Some(&one.item_id),
        Some(Kind::FallkonferenzAgreementLate(one)) => Some(&one.item_id),
        _ => None,
    };
    id.and_then(|id| ItemId::parse(id).ok())
}
