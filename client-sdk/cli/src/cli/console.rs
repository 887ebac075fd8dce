//! `schleuse lotse console` and `schleuse dpo console`: the web console on this machine, where the key is.

use std::io::BufRead as _;
use std::path::PathBuf;
use std::time::Duration;

use schleuse_client::deadlines::Place;
use schleuse_client::{ClientBuilder, ClientError};
use schleuse_console::companion::Companion;
use schleuse_console::{Console, Home, Setting};
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::args::{ConsoleArguments, DpoConsoleArguments, Global, LotseConsoleArguments};
use super::output::Output;
use super::{Ending, builder, files, report};

/// Serves the Lotse's console until the program is ended.
pub(crate) async fn of_lotse(
    global: &Global,
    arguments: &LotseConsoleArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let home = Home {
        folder: own_folder(global, &arguments.console)?,
        templates: arguments.templates.clone(),
        contact: arguments.contact.clone().unwrap_or_default(),
        land: arguments.land,
    };
    let setting = Setting { names: report::names(Some(&arguments.catalogue))?, home: Some(home) };
    let builder = builder(global, output)?;
    let builder = match &arguments.sealing {
        Some(sealing) => builder.sealing_file(sealing),
        None => builder,
    };
    serve(&arguments.console, setting, builder, output).await
}

/// Serves the data-protection officer's console until the program is ended.
pub(crate) async fn of_officer(
    global: &Global,
    arguments: &DpoConsoleArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let home = Home {
        folder: own_folder(global, &arguments.console)?,
        templates: None,
        contact: String::new(),
        land: Place::default(),
    };
    let names = report::names(arguments.catalogue.as_deref())?;
    let setting = Setting { names, home: Some(home) };
    serve(&arguments.console, setting, builder(global, output)?, output).await
}

async fn serve(
    arguments: &ConsoleArguments,
    setting: Setting,
    builder: ClientBuilder,
    output: &Output,
) -> Result<Ending, ClientError> {
    let idle = Duration::from_secs(arguments.idle_minutes * 60);
    let client = builder.connect().await?;
    let console = Console::new(setting);
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

fn show_link(companion: &Companion, output: &Output) -> Result<(), ClientError> {
    let link = companion.launch_link()?;
    output.result(&json!({ "link": link }), || link.clone());
    Ok(())
}

/// Folder of the person who looks: what is in it stays on this machine.
fn own_folder(global: &Global, arguments: &ConsoleArguments) -> Result<PathBuf, ClientError> {
    let beside_state = || global.state.as_ref().map(|state| state.join("console"));
    let folder = arguments.folder.clone().or_else(beside_state);
    let folder = folder.ok_or_else(|| ClientError::Argument {
        what: "--folder",
        expected: "a folder for names and conferences, or --state, beside which it is made"
            .to_owned(),
    })?;
    files::private_folder(&folder)?;
    Ok(folder)
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
