//! The program `schleuse-broker`: arguments, configuration, start, signals, exit codes.
//!
//! | exit code | meaning |
//! | --- | --- |
//! | 0 | drained after SIGTERM or SIGINT |
//! | 1 | cannot start, or a check failed |
//! | 2 | wrong arguments or configuration |
//! | 78 | the data is damaged or rolled back: do not restart, look at it |

mod operator;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Parser, Subcommand};
use schleuse_broker::config::{Config, files};
use schleuse_broker::engine::SystemClock;
use schleuse_broker::engine::replay::Replay;
use schleuse_broker::journal::disk::RealDisk;
use schleuse_broker::journal::{JournalError, fsck, tiles};
use schleuse_broker::operations::reconcile::Brought;
use schleuse_broker::server::surroundings::forbid_dumps;
use schleuse_broker::server::{Server, ServerError, rules};
use schleuse_proto::FILE_DESCRIPTOR_SET;
use schleuse_proto::checkpoint::CheckpointVerifier;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Routes sealed messages between agencies while a consent covers them.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the broker until SIGTERM. Example: schleuse-broker serve --config broker.toml
    Serve {
        /// Configuration file; all faults in it are reported at once.
        #[arg(long)]
        config: PathBuf,
    },
    /// Check every frame, commitment, root and signature of a journal. Changes nothing.
    Fsck {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the whole log as C2SP tlog-tiles, for foreign tools; it tells no names and no contents. Stop
    /// the broker first, or take a copy of its data.
    /// Example: schleuse-broker export-tiles --config broker.toml --out tiles
    ExportTiles {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// New folder.
        #[arg(long)]
        out: PathBuf,
    },
    /// Take up a log that lost records, because it was restored from a backup or rolled back: lists what is
    /// missing, uses up the lost numbers, replays revocations that Lotsen kept, and suspends every consent
    /// until its Lotse confirms it. Stop the broker first. Without --yes it only says what it would do.
    /// Example: schleuse-broker reconcile --config broker.toml --revocations from-lotsen/ --yes
    Reconcile {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Files with revocations that Lotsen kept, or folders of such files; may be given several times.
        #[arg(long)]
        revocations: Vec<PathBuf>,
        /// Files with checkpoints that clients or witnesses keep; may be given several times.
        #[arg(long)]
        checkpoint: Vec<PathBuf>,
        /// Do it.
        #[arg(long)]
        yes: bool,
    },
    /// Make the offline pair of keys for backups: STEM.pub for the broker's machine, STEM.secret to be kept
    /// offline. Example: schleuse-broker backup-keygen --stem offline
    BackupKeygen {
        /// Where to, without ending.
        #[arg(long)]
        stem: PathBuf,
    },
    /// Back up the log, also while the broker runs: OUT/NAME.backup, and its sealed key KEYRING/NAME.key.
    /// Example: schleuse-broker backup --config broker.toml --public-key offline.pub --out /backup
    /// --keyring /var/lib/schleuse-keyring --name 2026-11-22
    Backup {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// Public half of the offline pair.
        #[arg(long)]
        public_key: PathBuf,
        /// Folder of the backup.
        #[arg(long)]
        out: PathBuf,
        /// Folder of the sealed keys; not where backups are copied to.
        #[arg(long)]
        keyring: PathBuf,
        /// Name of the backup.
        #[arg(long)]
        name: String,
    },
    /// Restore a backup into an empty data folder. The broker then permits nothing until it is reconciled.
    /// Example: schleuse-broker restore --config broker.toml --backup 2026-11-22.backup
    /// --key 2026-11-22.key --secret offline.secret
    Restore {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
        /// The backup.
        #[arg(long)]
        backup: PathBuf,
        /// Its sealed key.
        #[arg(long)]
        key: PathBuf,
        /// Secret half of the offline pair.
        #[arg(long)]
        secret: PathBuf,
    },
    /// List the keys of backups, oldest first, and destroy those that are older than some days: no copy of
    /// their backups can be read any more. After an erasure, destroy all keys from before it.
    /// Example: schleuse-broker backup-keys --keyring /var/lib/schleuse-keyring --destroy-older-than 30
    BackupKeys {
        /// Folder of the sealed keys.
        #[arg(long)]
        keyring: PathBuf,
        /// Destroys keys that were written more than so many days ago; 0: all.
        #[arg(long, value_name = "DAYS")]
        destroy_older_than: Option<u64>,
    },
    /// Check a configuration and the files that it names, and stop.
    CheckConfig {
        /// Configuration file.
        #[arg(long)]
        config: PathBuf,
    },
    /// Write the descriptor set of the API, for grpcurl -protoset and other tools.
    Descriptor {
        /// Where to.
        #[arg(long)]
        out: PathBuf,
    },
}

/// How long what still reads or overwrites files may go on after the end.
const SHUT_DOWN: std::time::Duration = std::time::Duration::from_secs(5);

/// Exit code for damaged or rolled-back data (`EX_CONFIG`; the service manager must not restart).
const EXIT_INTEGRITY: u8 = 78;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    tracing_subscriber::fmt()
        .json()
        .with_writer(std::io::stderr)
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info,sled=warn")),
        )
        .init();
    match arguments.command {
        Command::Serve { config } => with_config(&config, serve),
        Command::Fsck { config } => with_config(&config, check_journal),
        Command::ExportTiles { config, out } => {
            with_config(&config, |config| export_tiles(config, &out))
        }
        Command::Reconcile { config, revocations, checkpoint: checkpoints, yes } => {
            let brought = Brought { revocations, checkpoints };
            with_config(&config, |config| operator::reconcile(config, &brought, yes))
        }
        Command::BackupKeygen { stem } => operator::generate_keys(&stem),
        Command::Backup { config, public_key, out, keyring, name } => {
            with_config(&config, |config| {
                operator::back_up(config, &public_key, &out, &keyring, &name)
            })
        }
        Command::Restore { config, backup, key, secret } => {
            with_config(&config, |config| operator::restore(config, &backup, &key, &secret))
        }
        Command::BackupKeys { keyring, destroy_older_than } => {
            operator::backup_keys(&keyring, destroy_older_than)
        }
        Command::CheckConfig { config } => with_config(&config, check_files),
        Command::Descriptor { out } => match std::fs::write(&out, FILE_DESCRIPTOR_SET) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&format!("{}: {error}", out.display()), 1),
        },
    }
}

fn with_config(path: &Path, run: impl FnOnce(&Config) -> ExitCode) -> ExitCode {
    match Config::load(path) {
        Ok(config) => run(&config),
        Err(error) => fail(&error.to_string(), 2),
    }
}

fn fail(text: &str, code: u8) -> ExitCode {
    let _nobody_listens = writeln!(std::io::stderr().lock(), "schleuse-broker: {text}");
    ExitCode::from(code)
}

/// A broker does its work whether or not anybody takes its words.
fn say(text: &str) {
    let _nobody_listens = writeln!(std::io::stdout().lock(), "{text}");
}

/// An error with everything that led to it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn serve(config: &Config) -> ExitCode {
    if let Err(error) = forbid_dumps(config.profile) {
        return fail(&error.to_string(), 1);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.worker_threads)
        .enable_all()
        .build();
    match runtime {
        Ok(runtime) => {
            let code = runtime.block_on(run(config));
            // What waits for a backup to end is taken up by the next start.
            runtime.shutdown_timeout(SHUT_DOWN);
            code
        }
        Err(error) => fail(&format!("cannot start threads: {error}"), 1),
    }
}

async fn run(config: &Config) -> ExitCode {
    // INVARIANT (fail-stop): after a failed write the process is gone before anybody is answered.
    let on_fatal = Box::new(|_: &_| std::process::abort());
    let server = match Server::start(config, Arc::new(SystemClock), on_fatal).await {
        Ok(server) => server,
        Err(error) => {
            let code = if error.is_integrity() { EXIT_INTEGRITY } else { 1 };
            return fail(&chain(&error), code);
        }
    };
    // Before anybody hears that it listens: who ends it at once must find it draining.
    let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
    let (Ok(mut terminate), Ok(mut interrupt)) = (terminate, interrupt) else {
        return fail("cannot wait for signals", 1);
    };
    tracing::info!(address = %server.address(), "listening");
    say(&format!("listening on {}", server.address()));
    if let Some(address) = server.console_address() {
        tracing::info!(%address, "the console listens");
        say(&format!("console on {address}"));
    }
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("draining");
    server.drain().await;
    ExitCode::SUCCESS
}

fn check_files(config: &Config) -> ExitCode {
    let checked = files::trust(config).and_then(|trust| {
        files::catalogue(&config.catalogue)?;
        files::signer(config, &trust.log_key).map(|_| trust)
    });
    let trust = match checked {
        Ok(trust) => trust,
        Err(error) => return fail(&chain(&error), 2),
    };
    match files::check_agencies(config, &trust.trust) {
        Ok(()) => {
            say("the configuration is good");
            ExitCode::SUCCESS
        }
        Err(error) => fail(&chain(&error), 2),
    }
}

/// The verifier of the log's checkpoints.
fn verifier(config: &Config) -> Result<CheckpointVerifier, ExitCode> {
    let trust = files::trust(config).map_err(|error| fail(&chain(&error), 2))?;
    CheckpointVerifier::new(&trust.log_key).map_err(|error| fail(&chain(&error), 2))
}

fn journal_failed(error: &JournalError) -> ExitCode {
    fail(&chain(error), if error.is_integrity() { EXIT_INTEGRITY } else { 1 })
}

fn export_tiles(config: &Config, out: &Path) -> ExitCode {
    let verifier = match verifier(config) {
        Ok(verifier) => verifier,
        Err(code) => return code,
    };
    match tiles::export(&RealDisk, &config.data_dir, &verifier, out) {
        Ok(written) => {
            let (records, files) = (written.records, written.files);
            say(&format!("{records} records in {files} files, in {}", out.display()));
            ExitCode::SUCCESS
        }
        Err(error) => journal_failed(&error),
    }
}

fn check_journal(config: &Config) -> ExitCode {
    let verifier = match verifier(config) {
        Ok(verifier) => verifier,
        Err(code) => return code,
    };
    let rules =
        match files::trust(config).map_err(ServerError::from).and_then(|t| rules(config, &t)) {
            Ok(rules) => rules,
            Err(error) => return fail(&chain(&error), 2),
        };
    let mut replay = Replay::new(&rules);
    let mut erased = 0_u64;
    let report = fsck::check(&RealDisk, &config.data_dir, &verifier, &mut |stored| {
        erased += u64::from(replay.push(&stored)?.is_none());
        Ok(())
    });
    let checked = report.and_then(|report| Ok((report, replay.finish()?)));
    match checked {
        Ok((report, replayed)) => {
            let root: String = report.root.iter().map(|byte| format!("{byte:02x}")).collect();
            say(&format!(
                "the journal is whole: {} records in {} groups, {} segments, {} starts, {erased} records \
                 erased; every signature verifies; root {root}",
                report.records, report.groups, report.segments, report.epochs
            ));
            if report.torn {
                say("an unfinished group at the end will be cut at the next start");
            }
            if !replayed.owed.is_empty() || !replayed.owed_payloads.is_empty() {
                say("an interrupted erasure will be finished at the next start");
            }
            ExitCode::SUCCESS
        }
        Err(error) => journal_failed(&error),
    }
}
