//! `schleuse`: the command line of the broker's users.
//!
//! Owns the start only; see `cli` for the commands and the library for the work.

mod cli;

use std::process::ExitCode;

use clap::Parser as _;

/// Verifying a long log makes and drops very many small values.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    match cli::args::Arguments::try_parse() {
        Ok(arguments) => cli::run(arguments).await,
        Err(error) => cli::explain(&error),
    }
}
