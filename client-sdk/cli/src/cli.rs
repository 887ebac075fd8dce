//! The command line `schleuse`: arguments in, tables or JSON out. Everything else is the library's.

pub(crate) mod agency;
pub(crate) mod args;
pub(crate) mod attachments;
pub(crate) mod checkpoint;
pub(crate) mod conference;
pub(crate) mod console;
pub(crate) mod count;
pub(crate) mod deadlines;
pub(crate) mod delivery;
pub(crate) mod directory;
pub(crate) mod dpo;
pub(crate) mod evaluation;
pub(crate) mod files;
pub(crate) mod inbox;
pub(crate) mod incident;
pub(crate) mod kinds;
pub(crate) mod lotse;
pub(crate) mod narrow;
pub(crate) mod options;
pub(crate) mod output;
pub(crate) mod person;
pub(crate) mod planning;
pub(crate) mod receipt;
pub(crate) mod recipients;
pub(crate) mod report;
pub(crate) mod rights;
pub(crate) mod runs;
pub(crate) mod safeguards;
pub(crate) mod simulate;
pub(crate) mod spreadsheet;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod template;
pub(crate) mod verify;
pub(crate) mod witness;

use std::io::Write as _;
use std::process::ExitCode;

use schleuse_client::{Client, ClientBuilder, ClientError};

use args::{Arguments, Command, Global};
use output::Output;

/// The command did what it was asked for.
const DONE: u8 = 0;
/// Refused, or it failed.
const FAILED: u8 = 1;
/// Used in a wrong way.
const USAGE: u8 = 2;
/// A message is not covered by a consent.
const NOT_COVERED: u8 = 3;
/// Rollback, fork, or evidence that does not hold.
const ALARM: u8 = 4;

/// Options without which no broker is asked.
const NEEDED: [&str; 2] = ["--trust", "--certificate"];

/// How a command ended, apart from errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// As asked for.
    Done,
    /// The person said no.
    Declined,
    /// At least one message is not covered by a consent.
    NotCovered,
    /// A message cannot be read by this version.
    NotShown,
    /// A message could not be kept, and stays where it is.
    HeldBack,
    /// What was checked has faults.
    Faulty,
    /// Evidence does not hold.
    Alarm,
}

/// Prints why the arguments are none, or the help that was asked for.
pub(crate) fn explain(error: &clap::Error) -> ExitCode {
    let printed = error.print().and_then(|()| std::io::stdout().flush());
    if let (Err(failed), false) = (printed, error.use_stderr()) {
        output::end_unwritten(&failed, "");
    }
    ExitCode::from(if error.use_stderr() { USAGE } else { DONE })
}

/// Runs a command to its exit code.
pub(crate) async fn run(arguments: Arguments) -> ExitCode {
    let output = Output::new(arguments.global.json);
    let ending = match command(&arguments.global, arguments.command, &output).await {
        Ok(ending) => ending,
        Err(error) => {
            output.error(&error);
            let is_missing =
                matches!(&error, ClientError::Argument { what, .. } if NEEDED.contains(what));
            return ExitCode::from(match (is_missing, error.is_alarm()) {
                (true, _) => USAGE,
                (false, true) => ALARM,
                (false, false) => FAILED,
            });
        }
    };
    ExitCode::from(match ending {
        Ending::Done => DONE,
        Ending::Declined | Ending::NotShown | Ending::HeldBack | Ending::Faulty => FAILED,
        Ending::NotCovered => NOT_COVERED,
        Ending::Alarm => ALARM,
    })
}

async fn command(
    global: &Global,
    command: Command,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        Command::Lotse(command) => lotse::run(global, command, output).await,
        Command::Agency(command) => agency::run(global, command, output).await,
        Command::Dpo(command) => dpo::run(global, command, output).await,
        Command::Operator(command) => delivery::operator(global, command, output).await,
        Command::Evaluation(command) => evaluation::run(global, command, output).await,
        Command::Directory(command) => directory::run(global, command, output).await,
        Command::Checkpoint(command) => checkpoint::run(global, command, output).await,
        Command::Deadlines(command) => deadlines::run(&command, output),
        Command::Verify(command) => verify::run(global, &command, output),
        Command::Simulate(arguments) => simulate::run(global, &arguments, output).await,
        Command::Witness(command) => witness::run(global, command, output).await,
    }
}

/// Connects with the global options.
pub(crate) async fn connect(
    global: &Global,
    sealing: Option<&std::path::Path>,
    output: &Output,
) -> Result<Client, ClientError> {
    let builder = builder(global, output)?;
    match sealing {
        Some(sealing) => builder.sealing_file(sealing),
        None => builder,
    }
    .connect()
    .await
}

/// Connects without comparing the broker's log with what is kept.
pub(crate) async fn connect_unchecked(
    global: &Global,
    output: &Output,
) -> Result<Client, ClientError> {
    builder(global, output)?.connect_unchecked().await
}

fn builder(global: &Global, output: &Output) -> Result<ClientBuilder, ClientError> {
    let missing = |what: &'static str, variable: &str| ClientError::Argument {
        what,
        expected: format!("a file: give {what} FILE or set {variable}"),
    };
    let [trust, named] = NEEDED;
    let trust = global.trust.as_ref().ok_or_else(|| missing(trust, "SCHLEUSE_TRUST"))?;
    let certificate = global.certificate.as_ref();
    let certificate = certificate.ok_or_else(|| missing(named, "SCHLEUSE_CERTIFICATE"))?;
    let key = global.key.clone().unwrap_or_else(|| certificate.with_extension("key"));
    let alarms = *output;
    let mut builder = Client::builder()
        .endpoint(&global.endpoint)
        .trust_file(trust)
        .certificate(certificate)
        .key(key)
        .on_alarm(move |error| alarms.note(&error.to_string()));
    if let Some(name) = &global.server_name {
        builder = builder.server_name(name);
    }
    if let Some(state) = &global.state {
        builder = builder.state_dir(state);
    } else {
        output
            .note("note: without --state a rollback of the broker between two runs is not noticed");
    }
    Ok(builder)
}
