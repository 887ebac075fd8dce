//! What the scientific evaluation gets: counts of persons by quarter, from which nobody can be singled out.
//!
//! Owns quarters, what message kinds mean for the evaluation, the count of persons, and what of the count is
//! released ([`release()`]). Pure: the same facts give the same tables. It must not know how facts are read, and
//! nothing leaves it but what its own audit has tried in vain to take apart.
//!
//! INVARIANT (cell-minimum): behind every number that is released, and behind every number that can be computed
//! from all that is released, stand at least as many persons as the minimum. Source: DOMAIN "What the evaluation
//! counts"; argued in ops/adr/0015-evaluation.md.

pub mod audit;
pub mod collect;
pub mod meaning;
pub mod narrowing;
mod quarter;
mod ratio;
pub mod release;
pub mod suppress;

pub use collect::{Collector, Counts, MessageFact, TooMuch};
pub use quarter::{Quarter, months_after};
pub use release::{ReleasedTables, release};

/// Fewest persons behind a number that a configuration may ask for.
pub const PERSONS_MIN: u32 = 5;
/// Code of the purpose: who objects to it is not counted.
pub const PURPOSE: &str = "evaluation";
/// Most agencies of an installation that evaluates: the tables grow with their square, and so does the audit.
pub const AGENCIES_MAX: usize = 32;
/// Version of the rules by which tables are computed; it stands in them.
pub const RULES_VERSION: u32 = 1;
