//! Plays the demonstration cases with real programs and real files; see `schleuse_tests::demo`.

use std::process::ExitCode;

use clap::Parser;
use schleuse_tests::demo;

/// Plays the cases of Gerhard W. and Ayse A. (fictional): six agencies, two Lotsen, a data-protection officer and the
/// evaluation, over 24 months on a simulated clock.
#[derive(Parser)]
struct Arguments {
    /// Folder for keys, data and transcript; it is emptied first.
    #[arg(long)]
    folder: std::path::PathBuf,
    /// Leave the broker running and print the commands to try next.
    #[arg(long)]
    stay: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    demo::play(&arguments.folder, arguments.stay);
    ExitCode::SUCCESS
}
