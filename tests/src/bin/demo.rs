//! Plays the demonstration case with real programs and real files; see `schleuse_tests::demo`.

use std::process::ExitCode;

use clap::Parser;
use schleuse_tests::demo;

/// Plays the case of Gerhard W. (fictional) with five agencies, a Lotse and a data-protection officer.
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
