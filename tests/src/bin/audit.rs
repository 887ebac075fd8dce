//! Checks `deny.toml` offline; see `schleuse_tests::audit`.

#![expect(clippy::print_stdout, reason = "the program's words to its user")]

use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(database) = std::env::args_os().nth(1) else {
        println!("usage: schleuse-audit ADVISORY-DATABASE");
        return ExitCode::from(2);
    };
    let audit = schleuse_tests::audit::audit(database.as_ref());
    println!("{} packages, {} advisories about them", audit.packages, audit.advisories);
    for fault in &audit.faults {
        println!("not allowed: {fault}");
    }
    if audit.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
