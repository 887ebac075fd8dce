//! Long campaigns, each with a size. The short runs are tests; this is the entry for the long ones.
//!
//! Examples: `schleuse-campaign race 1000000`, `schleuse-campaign kill 10000`,
//! `schleuse-campaign tamper 1`, `schleuse-campaign attach 100`.

#![expect(clippy::print_stdout, reason = "the program's words to its user")]

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use schleuse_tests::broker::TestBroker;
use schleuse_tests::{attachments, kill, kinds, race, raw, tamper};

/// Campaigns against a real broker on loopback.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    campaign: Campaign,
}

#[derive(Subcommand)]
enum Campaign {
    /// Revocations race with hand-outs (invariant revoke-strict).
    Race {
        /// How many races.
        races: u64,
    },
    /// The broker process is killed under load (invariants ack-durable, log-first, append-only).
    Kill {
        /// How many kills.
        kills: u32,
    },
    /// An attachment of so many MiB is sent in 128 parts while connections are cut, 100 times on either side.
    Attach {
        /// Size in MiB, 1 to 100.
        #[arg(value_parser = clap::value_parser!(u16).range(1..=100))]
        mib: u16,
        /// Repeats the cuts of another run.
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Files of evidence are changed in every way (100 % must be found).
    Tamper {
        /// Every how many bytes all bits of one are changed; 1: each.
        stride: usize,
        /// Folder for every 60th changed file, and the verdicts, for a second verifier.
        #[arg(long)]
        out: Option<std::path::PathBuf>,
    },
    /// An example of every message kind as files, for an implementation in another language.
    Kinds {
        /// Folder to write.
        folder: std::path::PathBuf,
        /// Instead, compares what the other implementation wrote here from the files in the folder.
        #[arg(long)]
        compare: Option<std::path::PathBuf>,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let failed = match Arguments::parse().campaign {
        Campaign::Race { races } => {
            let broker = TestBroker::start().await;
            let report = race::race(broker.address(), races).await;
            println!("{report:?}");
            report.violations > 0
        }
        Campaign::Kill { kills } => {
            let report = kill::campaign(kills).await;
            println!("{report:?}");
            !report.faults.is_empty()
        }
        Campaign::Attach { mib, seed } => {
            let broker = TestBroker::start().await;
            let seed = seed.unwrap_or_else(|| u64::from_be_bytes(raw::random()));
            println!("seed {seed}");
            let bytes = usize::from(mib) * 1024 * 1024;
            let chunk = bytes.div_ceil(128);
            let report = attachments::interrupted(broker.address(), seed, bytes, chunk, 100).await;
            println!("{report:?}");
            !report.arrived_whole
        }
        Campaign::Tamper { stride, out } => {
            let report = tamper::run(stride, 60, out.as_deref()).await;
            println!("{} changes, undetected: {:?}", report.changed, report.undetected);
            !report.undetected.is_empty()
        }
        Campaign::Kinds { folder, compare: None } => {
            println!("{} kinds written", kinds::write(&folder));
            false
        }
        Campaign::Kinds { folder, compare: Some(made) } => {
            let wrong = kinds::compare(&folder, &made);
            println!("kinds: {} differences", wrong.len());
            wrong.iter().for_each(|line| println!("  {line}"));
            !wrong.is_empty()
        }
    };
    if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
