//! The one place that prints: results on standard output, everything else on standard error.

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
        let mut answer = String::new();
        let read = std::io::stdin().read_line(&mut answer);
        read.is_ok() && matches!(answer.trim(), "yes" | "ja")
    }
}

#[expect(clippy::print_stdout, reason = "the results of a command line tool")]
fn print(text: &str) {
    println!("{text}");
}

#[expect(clippy::print_stderr, reason = "notes and errors of a command line tool")]
fn complain(text: &str) {
    eprintln!("{text}");
}
