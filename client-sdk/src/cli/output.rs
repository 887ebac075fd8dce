//! The one place that prints: results on standard output, everything else on standard error.
//!
//! When nobody takes a result any more (`schleuse … | head -1`), the program ends at once, as programs do that the
//! signal of a closed pipe ends: what follows, an acknowledgement for example, rests on the result having been shown.

use std::io::{ErrorKind, Write as _};

use schleuse_client::ClientError;
use serde_json::{Value, json};

use super::table::Table;

/// Tables for people or one JSON document for programs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    json: bool,
}

impl Output {
    pub(crate) fn new(json: bool) -> Self {
        Self { json }
    }

    /// The result, in the form that was asked for.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        if self.json {
            print(&format!("{value:#}"));
        } else {
            print(&text());
        }
    }

    /// A table, or the same as JSON.
    pub(crate) fn table(&self, value: &Value, table: impl FnOnce() -> Table) {
        self.result(value, || table().to_string());
    }

    /// One of many results, as it comes: a line of JSON, or text unless it is empty.
    pub(crate) fn item(&self, value: &Value, text: impl FnOnce() -> String) {
        let line = if self.json { value.to_string() } else { text() };
        if !line.is_empty() {
            print(&line);
        }
    }

    /// Progress and notes.
    pub(crate) fn note(&self, text: &str) {
        complain(text);
    }

    /// Why the command failed.
    pub(crate) fn error(&self, error: &ClientError) {
        if self.json {
            let reason = if let ClientError::Refused { reason, .. } = error { reason } else { "" };
            let value = json!({
                "error": error.to_string(),
                "reason": reason,
                "alarm": error.is_alarm(),
                "retryable": error.retryable(),
            });
            print(&format!("{value:#}"));
        }
        complain(&format!("error: {error}"));
    }

    /// Asks on standard error; only `yes` or `ja` is a yes.
    pub(crate) fn ask(&self, question: &str) -> bool {
        complain(&format!("{question} [yes/no]"));
        matches!(answer().as_deref(), Some("yes" | "ja"))
    }

    /// Asks on standard error for a word that was given before; only the same word is a yes.
    pub(crate) fn ask_again(&self, question: &str, word: &str) -> bool {
        complain(question);
        answer().as_deref() == Some(word)
    }
}

fn answer() -> Option<String> {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

/// As a shell reports a program that a closed pipe ended.
const PIPE_CLOSED: i32 = 141;

fn print(text: &str) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = writeln!(out, "{text}").and_then(|()| out.flush()) {
        if error.kind() == ErrorKind::BrokenPipe {
            std::process::exit(PIPE_CLOSED);
        }
        complain(&format!("error: the result cannot be written: {error}"));
        std::process::exit(i32::from(super::FAILED));
    }
}

fn complain(text: &str) {
    // Where nobody listens, notes are lost, and the work goes on.
    let _nobody_listens = writeln!(std::io::stderr().lock(), "{text}");
}
