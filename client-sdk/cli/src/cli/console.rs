//! `schleuse lotse console` and `schleuse dpo console`: the web console on this machine, where the key is.

use std::io::BufRead as _;
use std::time::Duration;

use schleuse_client::{Client, ClientError};
use schleuse_console::companion::Companion;
use schleuse_console::{Console, Home, Setting};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::args::{ConsoleArguments, Global};
use super::output::Output;
use super::{Ending, builder, files, report};

/// Longest time without a request after which a session ends, in minutes.
const IDLE_MINUTES_MAX: u64 = 12 * 60;

/// Serves the console until the program is ended.
pub(crate) async fn run(
    global: &Global,
    arguments: &ConsoleArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    if !(1..=IDLE_MINUTES_MAX).contains(&arguments.idle_minutes) {
        let expected = format!("1 to {IDLE_MINUTES_MAX} minutes");
        return Err(ClientError::Argument { what: "--idle-minutes", expected });
    }
    let idle = Duration::from_secs(arguments.idle_minutes * 60);
    let console = Console::new(Setting {
        names: report::names(arguments.catalogue.as_deref())?,
        home: Some(home(global, arguments)?),
    });
    let client = connect(global, arguments, output).await?;
    let (companion, serving) = Companion::start(console, client, arguments.port, idle).await?;
    let failed = |error: std::io::Error| ClientError::Precondition {
        what: "signals",
        why: error.to_string(),
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut lines = typed_lines();
    show_link(&companion, output)?;
    output.note("the link opens the console once; press Enter for a new one, Ctrl+C to end");
    let mut serving = std::pin::pin!(serving.run());
    loop {
        tokio::select! {
            () = &mut serving => break,
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            Some(()) = lines.recv() => show_link(&companion, output)?,
        }
    }
    output.note("the console is closed");
    Ok(Ending::Done)
}

/// The same for a Lotse, whose forms are empty without a catalogue.
pub(crate) async fn run_for_lotse(
    global: &Global,
    arguments: &ConsoleArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    if arguments.catalogue.is_none() {
        let expected = "the file with purposes and categories of data, as the broker has it (for example \
                        ops/reference/catalogue.toml): the forms offer what stands in it";
        let expected = expected.to_owned();
        return Err(ClientError::Argument { what: "--catalogue", expected });
    }
    run(global, arguments, output).await
}

fn show_link(companion: &Companion, output: &Output) -> Result<(), ClientError> {
    let link = companion.launch_link()?;
    output.result(&json!({ "link": link }), || link.clone());
    Ok(())
}

async fn connect(
    global: &Global,
    arguments: &ConsoleArguments,
    output: &Output,
) -> Result<Client, ClientError> {
    let builder = builder(global, output)?;
    match &arguments.sealing {
        Some(sealing) => builder.sealing_file(sealing),
        None => builder,
    }
    .connect()
    .await
}

/// Files of the person who looks: they stay on this machine.
fn home(global: &Global, arguments: &ConsoleArguments) -> Result<Home, ClientError> {
    let beside_state = || global.state.as_ref().map(|state| state.join("console"));
    let folder = arguments.folder.clone().or_else(beside_state);
    let folder = folder.ok_or_else(|| ClientError::Argument {
        what: "--folder",
        expected: "a folder for names and conferences, or --state, beside which it is made"
            .to_owned(),
    })?;
    files::private_folder(&folder)?;
    Ok(Home {
        folder,
        templates: arguments.templates.clone(),
        contact: arguments.contact.clone().unwrap_or_default(),
        land: arguments.land,
    })
}

/// Each line that is typed; none any more when standard input has ended.
fn typed_lines() -> mpsc::Receiver<()> {
    let (sender, receiver) = mpsc::channel(1);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || sender.blocking_send(()).is_err() {
                return;
            }
        }
    });
    receiver
}
