//! `schleuse-certs-dev`: writes development keys and certificates.
//!
//! Owns arguments, the clock and what is printed; the library does the work.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};
use schleuse_certs_dev::{
    CertsError, Plan, faulty, generate, renew, revocation_list, revoke, serial,
};

/// Time until the next revocation list is due: 30 days.
const NEXT_UPDATE_MS: u64 = 30 * 24 * 3600 * 1000;

/// Writes keys and certificates for development. Never use them in production.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Writes the tree of the demonstration: CAs, leafs, revocation lists, sealing keys.
    Generate {
        /// Folder to write; a tree written earlier is replaced.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Also writes the table of faulty certificates.
        #[arg(long)]
        faulty: bool,
        /// Ten benefit agencies instead of five.
        #[arg(long)]
        region: bool,
    },
    /// Replaces every leaf certificate and revocation list by a fresh one; CAs and other keys stay.
    Renew {
        /// Folder written by generate.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
    /// Adds a certificate to the revocation list of its issuer.
    Revoke {
        /// Folder written by generate.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
        /// Issuer of the certificate: an agency, "broker" or "root".
        #[arg(long, value_name = "NAME")]
        issuer: String,
        /// Certificate to revoke, PEM.
        #[arg(long, value_name = "FILE")]
        certificate: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(&Arguments::parse().command, now_ms()) {
        Ok(report) => {
            say(&report);
            ExitCode::SUCCESS
        }
        Err(error) => {
            complain(&error);
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command, now_ms: u64) -> Result<String, CertsError> {
    match command {
        Command::Generate { out, faulty, region } => {
            let plan = if *region { Plan::region(now_ms) } else { Plan::demonstration(now_ms) };
            write_tree(&plan, out, *faulty)
        }
        Command::Renew { out } => {
            let renewed = renew(out, now_ms)?;
            let (leafs, lists) = (renewed.leafs, renewed.lists);
            Ok(format!("renewed {leafs} leaf certificates and {lists} revocation lists"))
        }
        Command::Revoke { out, issuer, certificate } => {
            let mut list = revocation_list(out, issuer)?;
            let serial = serial(certificate)?;
            if !list.serials.contains(&serial) {
                list.serials.push(serial);
            }
            let (number, count) = (list.number.saturating_add(1), list.serials.len());
            let next_ms = now_ms.saturating_add(NEXT_UPDATE_MS);
            revoke(out, issuer, &list.serials, number, now_ms, next_ms)?;
            let path = out.join("crls").join(format!("{issuer}.crl.pem"));
            Ok(format!("wrote {}: number {number}, {count} revoked", path.display()))
        }
    }
}

fn write_tree(plan: &Plan, out: &Path, with_faulty: bool) -> Result<String, CertsError> {
    generate(plan, out)?;
    let leafs: usize = plan.agencies.iter().map(|agency| agency.people.len()).sum();
    let mut lines = vec![
        format!("wrote {} (DEVELOPMENT ONLY, never use it in production):", out.display()),
        "  trust.toml, root.pem, ca/     trust table, root, CA keys".to_owned(),
        format!(
            "  agencies/                     {} agencies, {leafs} leaf certificates, sealing keys",
            plan.agencies.len()
        ),
        "  broker/                       server certificate, checkpoint key".to_owned(),
        "  crls/                         revocation lists".to_owned(),
    ];
    if with_faulty {
        let kinds = faulty::generate_faulty(out, plan.not_before_ms)?.len();
        lines.push(format!("  faulty/                       {kinds} kinds, table.toml"));
    }
    Ok(lines.join("\n"))
}

#[expect(clippy::disallowed_methods, reason = "the one clock")]
fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

fn say(report: &str) {
    // The files are written whether or not anybody reads where they are.
    let _nobody_listens = writeln!(std::io::stdout().lock(), "{report}");
}

fn complain(error: &CertsError) {
    let cause =
        std::error::Error::source(error).map_or(String::new(), |cause| format!(": {cause}"));
    let _nobody_listens = writeln!(std::io::stderr().lock(), "error: {error}{cause}");
}
