//! Arguments of `schleuse simulate`.

use std::path::PathBuf;

use clap::Args;

/// Arguments of `simulate`.
#[derive(Args, Debug)]
pub(crate) struct SimulateArguments {
    /// Development keys of a region: schleuse-certs-dev generate --region --out DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) pki: PathBuf,
    /// Participants of the region.
    #[arg(long, value_name = "N", default_value_t = 45, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) participants: u32,
    /// Messages that agencies send of their own accord; answers come on top.
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) messages: u32,
    /// Messages that are under way at the same time.
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u32).range(1..=64))]
    pub(crate) at_once: u32,
    /// One consent is revoked and given anew for every so many messages; 0: never.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) revoke_every: u32,
    /// Repeats what was drawn in another run.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}
