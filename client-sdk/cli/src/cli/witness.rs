//! `schleuse witness`.

use std::path::Path;
use std::sync::Arc;

use schleuse_client::witness::{Witness, generate_key, load_key, serve, status};
use schleuse_client::{Alarm, ClientError, SystemClock, TrustAnchors, format_time, hex, rfc3339};
use schleuse_proto::checkpoint::CheckpointVerifier;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::Ending;
use super::args::{Global, ServeArguments, WitnessCommand};
use super::output::Output;

/// Makes a key, serves, or shows what was cosigned.
pub(crate) async fn run(
    global: &Global,
    command: WitnessCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    match command {
        WitnessCommand::Keygen { name, out } => {
            let signer = generate_key(&out, &name)?;
            let key = signer.verifier().witness_key();
            output.result(&json!({ "key": key }), || key.clone());
            Ok(Ending::Done)
        }
        WitnessCommand::Serve(arguments) => run_service(global, &arguments, output).await,
        WitnessCommand::Status { log_key } => {
            let log = log(global, log_key.as_deref())?;
            show(required(global.state.as_deref(), "state", "--state")?, &log, output)
        }
    }
}

async fn run_service(
    global: &Global,
    arguments: &ServeArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let log = log(global, arguments.log_key.as_deref())?;
    let origin = log.origin().to_owned();
    let folder = required(global.state.as_deref(), "state", "--state")?;
    let signer = load_key(required(global.key.as_deref(), "key", "--key")?, &arguments.name)?;
    let alarms = *output;
    let alarm: Alarm = Arc::new(move |error| alarms.note(&error.to_string()));
    let witness = Witness::open(folder, log, signer, Arc::new(SystemClock), Some(alarm))?;
    let failed = |error: std::io::Error| ClientError::Connection {
        endpoint: arguments.listen.to_string(),
        why: error.to_string(),
    };
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let listener = TcpListener::bind(arguments.listen).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let size = witness.newest().map_or(0, |newest| newest.size);
    let key = witness.witness_key();
    let value = json!({
        "listen": address.to_string(), "key": key, "log": origin, "log_size": size,
    });
    output.item(&value, || {
        format!("witness {key}\nof {origin}, {size} records so far, listens on {address}")
    });
    serve(listener, Arc::new(witness), async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
    .await;
    Ok(Ending::Done)
}

fn show(folder: &Path, log: &CheckpointVerifier, output: &Output) -> Result<Ending, ClientError> {
    let status = status(folder, log)?;
    let newest = status.newest.as_ref().map(|(newest, time_ms)| {
        json!({
            "log_size": newest.size,
            "root": hex(&newest.root),
            "time": rfc3339(*time_ms),
            "note": String::from_utf8_lossy(&newest.note),
        })
    });
    let value = json!({
        "key": status.witness_key,
        "log": log.origin(),
        "newest": newest,
        "fork": status.fork,
    });
    output.result(&value, || {
        let newest = match &status.newest {
            None => "no checkpoint yet".to_owned(),
            Some((newest, time_ms)) => format!(
                "{} records, root {}, cosigned {}",
                newest.size,
                hex(&newest.root),
                format_time(*time_ms)
            ),
        };
        format!("witness {}\nof {}\n{newest}", status.witness_key, log.origin())
    });
    let Some(fork) = status.fork else { return Ok(Ending::Done) };
    output.note(&format!(
        "ALARM: the log was forked; {} holds two notes that contradict each other",
        fork.display()
    ));
    Ok(Ending::Alarm)
}

fn log(global: &Global, log_key: Option<&str>) -> Result<CheckpointVerifier, ClientError> {
    if let Some(log_key) = log_key {
        return CheckpointVerifier::new(log_key).map_err(|error| ClientError::Argument {
            what: "log key",
            expected: error.to_string(),
        });
    }
    let trust = required(global.trust.as_deref(), "trust", "--trust or --log-key")?;
    Ok(TrustAnchors::load(trust)?.log)
}

fn required<'a>(
    value: Option<&'a Path>,
    what: &'static str,
    option: &str,
) -> Result<&'a Path, ClientError> {
    let expected = format!("a value: give {option} or set its environment variable");
    value.ok_or(ClientError::Argument { what, expected })
}
