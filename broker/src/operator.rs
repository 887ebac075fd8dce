//! The operator's commands of the program: reconcile, backup, restore.

use std::path::Path;
use std::process::ExitCode;

use schleuse_broker::config::Config;
use schleuse_broker::engine::{Clock as _, SystemClock};
use schleuse_broker::operations::backup::{self, BackupError, keys};
use schleuse_broker::operations::reconcile::{self, Brought, ReconcileError};

use crate::{EXIT_INTEGRITY, chain, fail, say};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3600;

pub(crate) fn reconcile(config: &Config, brought: &Brought, apply: bool) -> ExitCode {
    let report = match reconcile::reconcile(config, brought, apply) {
        Ok(report) => report,
        Err(error) => {
            let integrity =
                matches!(&error, ReconcileError::Journal(error) if error.is_integrity());
            return fail(&chain(&error), if integrity { EXIT_INTEGRITY } else { 1 });
        }
    };
    say(&format!("this log has {} records", report.found));
    if !report.needed {
        say("it continues every checkpoint that was shown: there is nothing to reconcile");
        return ExitCode::SUCCESS;
    }
    if report.shown > report.found {
        let (first, last) = (report.found, report.shown - 1);
        say(&format!(
            "somebody has a checkpoint over {} records: {first} to {last} are missing",
            report.shown
        ));
    } else {
        say("it was restored from a backup, or contradicts a checkpoint that it signed");
    }
    let (did, tense) = if apply { ("", "were") } else { ("would be: ", "would be") };
    say(&format!(
        "{did}{} of {} revocations that were brought {tense} replayed; the others are known, or of consents \
         that this log does not have",
        report.replayed, report.brought
    ));
    say(&format!(
        "{did}{} consents {tense} suspended; each passes again when its Lotse confirms it",
        report.suspended
    ));
    say(
        "restrictions, holds and erasures may be among what was lost: erasure is put on hold as a whole, ask the \
         project's data-protection officer to look at its receipts and to release the hold",
    );
    if apply {
        say(&format!(
            "reconciled: the log has {} records, no number of a lost one is used again. Clients with newer \
             checkpoints must accept that once: schleuse checkpoint accept",
            report.size
        ));
    } else {
        say(
            "nothing was changed; collect revocations from the Lotsen, then run it again with --yes",
        );
    }
    ExitCode::SUCCESS
}

fn failed(error: &BackupError) -> ExitCode {
    let integrity = matches!(error, BackupError::Journal(error) if error.is_integrity());
    fail(&chain(error), if integrity { EXIT_INTEGRITY } else { 1 })
}

pub(crate) fn generate_keys(stem: &Path) -> ExitCode {
    match keys::generate(stem) {
        Ok((public, secret)) => {
            say(&format!("{} is for the broker's machine", public.display()));
            say(&format!("{} opens every backup: take it offline now", secret.display()));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

pub(crate) fn back_up(
    config: &Config,
    public_key: &Path,
    out: &Path,
    keyring: &Path,
    name: &str,
) -> ExitCode {
    match backup::back_up(config, public_key, out, keyring, name) {
        Ok(written) => {
            let (backup, key) = (written.backup.display(), written.key.display());
            say(&format!("{} records in {backup}; its sealed key is {key}", written.records));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

pub(crate) fn restore(config: &Config, backup: &Path, key: &Path, secret: &Path) -> ExitCode {
    match backup::restore(config, backup, key, secret) {
        Ok(restored) => {
            say(&format!(
                "{} records restored, every one and every signature verified",
                restored.records
            ));
            say("nothing is permitted until schleuse-broker reconcile has been run");
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

pub(crate) fn backup_keys(keyring: &Path, destroy_older_than: Option<u64>) -> ExitCode {
    let kept = match keys::list(keyring) {
        Ok(kept) => kept,
        Err(error) => return failed(&error),
    };
    let now = SystemClock.now() / 1000;
    for key in kept {
        let age = now.saturating_sub(key.written);
        let path = key.path.display();
        if destroy_older_than.is_none_or(|days| age < days.saturating_mul(DAY_SECONDS)) {
            say(&format!("{path}: {} days old", age / DAY_SECONDS));
            continue;
        }
        match keys::destroy(&key.path) {
            Ok(()) => {
                say(&format!("{path}: destroyed, no copy of its backup can be read any more"))
            }
            Err(error) => return failed(&error),
        }
    }
    ExitCode::SUCCESS
}
