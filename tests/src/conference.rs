//! The Fallkonferenz of the client library: who receives which part in every state of the consents, and that its
//! state does not depend on the order of messages, and that steps in the wrong order are refused.

mod calendar;
mod fold;
mod steps;
mod table;
