//! The rules: who may tell whom what about whom, for what, until when.
//!
//! Owns identifiers, the catalogue, consents, [`decide()`], the life cycle of messages, log events and
//! the pure core [`State::step`]. It must not do I/O, read a clock, draw random numbers, or know of
//! gRPC, TLS or storage: time and entropy arrive as arguments, so that every run can be replayed.

pub mod catalogue;
pub mod command;
pub mod consent;
pub mod decide;
pub mod delivery;
pub mod evaluation;
pub mod event;
pub mod ids;
pub mod message;
pub mod names;
pub mod planning;
pub mod refusal;
pub mod runs;
pub mod safeguards;
pub mod state;
mod step;
pub mod without_participant;

pub use catalogue::Catalogue;
pub use command::{Command, Outcome};
pub use decide::{DenyReason, Permit, decide};
pub use event::{Actor, Event, EventKind};
pub use refusal::Refusal;
pub use state::State;
