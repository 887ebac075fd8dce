//! The harness, and all tests that need more than one crate.
//!
//! Owns the development PKI of a test run, brokers in this process or as real processes, raw clients
//! that may say anything, the second model of the core, campaigns (races, kills) with a size, and the
//! benchmark. Nothing here is a mock: TLS, files, sockets and processes are real.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::missing_errors_doc,
    clippy::wildcard_enum_match_arm,
    missing_docs,
    reason = "test code: a broken assumption must end the test at once"
)]
#![cfg_attr(
    test,
    expect(clippy::too_many_lines, reason = "a test tells its story from beginning to end")
)]

pub mod attachments;
pub mod audit;
pub mod bench;
pub mod broker;
pub mod browser;
pub mod demo;
pub mod kill;
pub mod kinds;
pub mod model;
pub mod pki;
pub mod race;
pub mod raw;
pub mod sim_disk;
pub mod tamper;

#[cfg(test)]
mod conference;
#[cfg(test)]
mod core_against_model;
#[cfg(test)]
mod decision_table;
#[cfg(test)]
mod end_to_end;
#[cfg(test)]
mod evaluation;
#[cfg(test)]
mod journal_crash;
#[cfg(test)]
mod narrowing;
#[cfg(test)]
mod retained;
#[cfg(test)]
mod tidy;
#[cfg(test)]
mod uploads_against_model;
#[cfg(test)]
mod without_participant;
#[cfg(test)]
mod witnesses;

/// Root of the RFC 9162 tree over leaf hashes, by the definition: no library, no cleverness.
pub fn log_root(leaves: &[[u8; 32]]) -> [u8; 32] {
    use schleuse_proto::evidence::sha256;
    match leaves {
        [] => sha256(&[]),
        [leaf] => *leaf,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            let (left, right) = leaves.split_at(half);
            sha256(&[&[1], &log_root(left), &log_root(right)])
        }
    }
}
