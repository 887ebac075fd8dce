//! The Fallkonferenz as an object: who may be told what, and what follows from what was said.
//!
//! A convener names an agenda and bodies in a [`Plan`]. From the consents follows a [`Distribution`]: whom to
//! invite, and who may receive which item. A [`Conference`] keeps the messages, its own and the received ones;
//! its [`State`] is a fold over them that no order and no repetition changes. Nothing here decides about
//! consents for good: the broker does, again at every hand-out.
//!
//! # What a body learns of the others: nothing
//!
//! Agencies can sanction. That a participant declined, narrowed or revoked must not be read off from what a body
//! receives, nor from what it does not receive. Therefore:
//!
//! * The invitation carries dates, place and an answer date, and no agenda: neither titles nor a number of items.
//!   It is the same for every body, and its only category is `termine`.
//! * Each item is sealed by itself, under its own categories, and goes to a body only if *one* grant names sender,
//!   recipient, purpose and *all* its categories. Whoever lacks the grant gets nothing, and no gap: items have
//!   random identifiers and no position. A body sees its items in the order of their making, which is that of the
//!   agenda, numbered from 1.
//! * No message names the other bodies. A list of the invited would show, by its difference from the list of those
//!   who are usually asked, that somebody was left out, and a list of who received an item would show whose
//!   consent reaches how far. Who sits at the table, the bodies see at the table; who is not there was, for all
//!   they know, never asked. The one exception: an agreement names the body that it binds, to those who may
//!   receive the item; it must be the convener or one who holds the item, so that it never tells of a refusal.
//! * Answers go to the convener alone and are not passed on. A cancelled or moved conference states a code; when a
//!   consent ended the code is `NOT_STATED`, which is also used without any reason.
//! * Every message is signed alone. A batch's signature shows its size and the message's position in it, and so
//!   how many parts others got.
//! * A body that may not be told the date is not invited at all, even if a grant covers an item: an item without a
//!   conference has no purpose.
//!
//! What the convener itself learns: it asks the broker "would this pass?" for each recipient and each item, by all
//! that the label would have ([`BrokerCoverage`]), before anything is sent. The broker limits and logs that, and it
//! tells no more than sending would. A Lotse asks too: the consents are the Lotse's own business, and objections,
//! releases and reviews decide beside them.
//!
//! # When a consent ends midway
//!
//! [`Conference::review`] compares what was sent with what may be received now: messages whose part is no longer
//! covered are named, [`Client::recall_uncovered`](crate::Client::recall_uncovered) recalls them and notes what had
//! been handed out before, and everything else goes on. The other bodies are told nothing.

mod calendar;
mod conference;
mod coverage;
mod file;
mod folder;
mod letters;
mod plan;
mod recall;
mod review;
mod send;
mod show;
mod state;
#[cfg(test)]
mod tests;

/// Limits of what a conference says. Source: `fallkonferenz.proto`.
pub use crate::content::{
    AGREEMENTS_MAX, DATES_MAX, MINUTES_BYTES_MAX, MINUTES_MAX, NAME_CHARS_MAX, NOTES_BYTES_MAX,
    OBJECTION_CHARS_MAX, REASON_CHARS_MAX, WHAT_CHARS_MAX,
};
pub use conference::{Conference, ConferenceEvent, Notice};
pub use coverage::{BrokerCoverage, ConsentList, Coverage, Question};
pub use folder::{ConferenceFolder, HeldFolder, Listed, TakenIn};
pub use letters::Letter;
pub use plan::{Distribution, FRAME_CATEGORY, Item, PURPOSE, Plan, check_times};
pub use recall::RecalledPart;
pub use review::{Review, SentPart};
pub use send::Sent;
pub use state::{
    AgreementState, AgreementStatus, Body, Confirmation, Date, ItemState, Open, Phase, Reply,
    State, Task,
};
