//! The benchmark: throughput, latency, memory and restart of a real broker process, measured beside a
//! bare tonic echo over the same mutual TLS with the same messages. Checks what it measures: every
//! answer must be an acceptance with a receipt, every delivery is counted, nothing may be missing.
//!
//! Prints one JSON document. Example: `schleuse-bench --seconds 5 all`.

#![expect(clippy::print_stdout, reason = "the program's words to its user")]

use clap::{Parser, Subcommand};
use schleuse_tests::bench;

/// The allocator of the programs that are measured in this process.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Benchmarks on loopback; bounded and self-ending.
#[derive(Parser)]
struct Arguments {
    /// Length of each throughput measurement.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Records for the measurements of a restart and of counts.
    #[arg(long, default_value_t = 1_000_000)]
    records: u64,
    /// Participants of the measurement of the console.
    #[arg(long, default_value_t = 10_000)]
    participants: u64,
    /// Records of the large tree of the evidence measurement.
    #[arg(long, default_value_t = 10_000_000)]
    tree_records: u64,
    /// Samples of each class of the uniformity measurement.
    #[arg(long, default_value_t = 100_000)]
    samples: usize,
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Subcommand)]
enum What {
    /// Everything.
    All,
    /// Unary and streaming submit, end to end, latency, beside the echo.
    Throughput,
    /// Unary submit only, beside the echo.
    Unary,
    /// The decision with 100,000 participants and 500,000 grants, and the memory they take.
    Decide,
    /// A restart with many records.
    Restart,
    /// Counts of a log with many records, beside reading every record.
    Counts,
    /// The console: time and size of every page, with many participants and records. Not part of all: filling takes
    /// minutes.
    Console,
    /// Inclusion proofs in a large tree, the offline verifier, what receipts cost.
    Evidence,
    /// Whether the time of a refusal tells its cause. Not part of all: it takes minutes.
    Uniformity,
    /// An attachment of 100 MiB: throughput, and how much the broker's memory grew.
    Attachments,
    /// Serves the bare echo with a PKI folder, for the other measurements.
    Echo {
        /// Made by certs-dev.
        pki: std::path::PathBuf,
    },
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let arguments = Arguments::parse();
    if let What::Echo { pki } = &arguments.what {
        return bench::echo::serve(pki, |address| println!("listening on {address}")).await;
    }
    let mut report = serde_json::Map::new();
    let seconds = arguments.seconds;
    if matches!(arguments.what, What::All | What::Decide) {
        report.insert("decide".into(), bench::decide::run());
    }
    if matches!(arguments.what, What::All | What::Throughput) {
        report.insert("throughput".into(), bench::throughput::run(seconds).await);
    }
    if matches!(arguments.what, What::Unary) {
        report.insert("unary".into(), bench::throughput::unary(seconds).await);
    }
    if matches!(arguments.what, What::All | What::Restart) {
        report.insert("restart".into(), bench::restart::run(arguments.records).await);
    }
    if matches!(arguments.what, What::All | What::Counts) {
        report.insert("counts".into(), bench::counts::run(arguments.records).await);
    }
    if matches!(arguments.what, What::Console) {
        let Arguments { records, participants, .. } = arguments;
        report.insert("console".into(), bench::console::run(records, participants).await);
    }
    if matches!(arguments.what, What::All | What::Evidence) {
        let tree = arguments.tree_records;
        report.insert("evidence".into(), bench::evidence::run(tree, seconds).await);
    }
    if matches!(arguments.what, What::Uniformity) {
        let samples = arguments.samples;
        report.insert("uniformity".into(), bench::uniformity::run(samples).await);
    }
    if matches!(arguments.what, What::All | What::Attachments) {
        report.insert("attachments".into(), bench::attachments::run(100).await);
    }
    println!("{}", serde_json::Value::Object(report));
}
