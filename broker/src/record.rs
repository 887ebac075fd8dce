//! Records: how log events lie in the journal, and what each part of them is.
//!
//! Owns the mapping between domain events and the sections of a record (body: what the officers of
//! agencies that took part may see; findings: what decided, for the Lotse and the project's officer;
//! private: pseudonyms, references, consent documents; payload: ciphertext), the facts that records can
//! be searched by, and the parsing of signed documents, which both the wire and the replay need.
//! Nothing here decides, and nothing here is sent.

mod decode;
pub mod directory;
pub mod documents;
mod encode;
pub mod erasures;
pub mod evaluation;
pub mod facts;
pub mod planning;
pub mod rows;
pub mod runs;
mod safeguards;
mod uploads;

pub use decode::decode;
pub use encode::encode;
