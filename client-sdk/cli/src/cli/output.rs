//! The one place that prints: results on standard output, everything else on standard error.
//!
//! When nobody takes a result any more (`schleuse … | head -1`), the program ends at once, as programs do that the
//! signal of a closed pipe ends: what follows, an acknowledgement for example, rests on the result having been shown.

use std::io::{ErrorKind, Write as _};

use schleuse_client::{ClientError, is_unprintable, printable};
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

    /// Whether results are JSON, which leaves nothing out.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The result, in the form that was asked for.
    pub(crate) fn result(&self, value: &Value, text: impl FnOnce() -> String) {
        self.precious(value, text, "");
    }

    /// As [`Output::result`]; if it cannot be written, what must not be lost is said on standard error.
    pub(crate) fn precious(
        &self,
        value: &Value,
        text: impl FnOnce() -> String,
        must_not_be_lost: &str,
    ) {
        if self.json {
            print(&json_text(&format!("{value:#}")), must_not_be_lost);
        } else {
            print(&shown(&text()), must_not_be_lost);
        }
    }

    /// A table, or the same as JSON.
    pub(crate) fn table(&self, value: &Value, table: impl FnOnce() -> Table) {
        self.result(value, || table().to_string());
    }

    /// One of many results, as it comes: a line of JSON, or text unless it is empty.
    pub(crate) fn item(&self, value: &Value, text: impl FnOnce() -> String) {
        let line = if self.json { json_text(&value.to_string()) } else { shown(&text()) };
        if !line.is_empty() {
            print(&line, "");
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
            if let Err(failed) = write_out(&json_text(&format!("{value:#}"))) {
                end_quietly_if_closed(&failed);
                complain(&format!("error: cannot write to stdout: {failed}"));
            }
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

/// Prints a result, or ends the program: with what must not be lost of it on standard error.
fn print(text: &str, must_not_be_lost: &str) {
    if let Err(error) = write_out(text) {
        end_unwritten(&error, must_not_be_lost);
    }
}

/// Ends the program: its result cannot be written.
pub(crate) fn end_unwritten(error: &std::io::Error, must_not_be_lost: &str) {
    if !must_not_be_lost.is_empty() {
        complain(must_not_be_lost);
    }
    end_quietly_if_closed(error);
    complain(&format!("error: cannot write to stdout: {error}"));
    std::process::exit(i32::from(super::FAILED));
}

fn write_out(text: &str) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush())
}

fn end_quietly_if_closed(error: &std::io::Error) {
    if error.kind() == ErrorKind::BrokenPipe {
        std::process::exit(PIPE_CLOSED);
    }
}

fn complain(text: &str) {
    // Where nobody listens, notes are lost, and the work goes on.
    let _nobody_listens = writeln!(std::io::stderr().lock(), "{}", shown(text));
}

/// What others wrote may stand in any text, also in file names and errors: nothing of it acts on the terminal.
fn shown(text: &str) -> String {
    text.chars().map(printable).collect()
}

/// The same JSON, with what would act on a terminal as escapes. It can stand in strings only.
fn json_text(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unprintable(character) {
            text.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            text.push(character);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_stays_the_same_without_anything_that_acts_on_a_terminal() {
        let value = json!({ "text": "a\u{202e}b\u{85}c\u{7f}d\re\u{1b}\u{2028} ä🙂\nz" });
        let text = json_text(&format!("{value:#}"));
        assert!(!text.chars().any(is_unprintable), "{text:?}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn nothing_that_is_printed_acts_on_a_terminal() {
        assert_eq!(
            shown("a\rb\u{202e}c\u{1b}d\u{2028}\n\te"),
            "a\u{fffd}b\u{fffd}c\u{fffd}d\u{fffd}\n\te"
        );
    }
}
