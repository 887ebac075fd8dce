//! `schleuse verify`.

use std::path::Path;

use schleuse_client::{Bundle, ClientError, Evidence, Expectations, TrustAnchors};
use serde_json::{Value, json};

use super::args::{Global, VerifyArguments};
use super::output::Output;
use super::{Ending, files};

/// Largest export that is read, in bytes: about twenty million records.
const EXPORT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// What exports and evidence call themselves.
const FORMATS: [&str; 2] = ["schleuse-log-export-1", "schleuse-evidence-1"];

/// Checks an export or evidence. The log key must come from elsewhere than the file.
pub(crate) fn run(
    global: &Global,
    arguments: &VerifyArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let anchors = global.trust.as_deref().map(TrustAnchors::load).transpose()?;
    let known = arguments.log_key.as_ref().or(anchors.as_ref().map(|anchors| &anchors.log_key));
    let Some(log_key) = known else {
        let expected = "a value: give --log-key or --trust; the key in the export proves nothing";
        return Err(ClientError::Argument { what: "log key", expected: expected.to_owned() });
    };
    let trust = anchors.as_ref().map(|anchors| &anchors.trust);
    if trust.is_none() {
        output.note("without --trust the signatures inside the rows are not checked");
    }
    output.note(&format!("reading {} …", arguments.file.display()));
    let json = files::read(&arguments.file, EXPORT_BYTES_MAX)?;
    let mut expected = Expectations::new(log_key);
    if let Some(trust) = trust {
        expected = expected.trust(trust);
    }
    if arguments.complete {
        expected = expected.complete();
    }
    let (report, truncated) = match Evidence::from_json(&json) {
        Ok(evidence) => (evidence.check(&expected), false),
        Err(_) => {
            let Ok(bundle) = Bundle::from_json(&json) else {
                return unreadable(&arguments.file, &json, output);
            };
            output.note(&format!("checking {} rows …", bundle.row_count()));
            (bundle.check(&expected), bundle.is_truncated())
        }
    };
    let value = json!({
        "sound": report.is_sound(),
        "rows": report.rows,
        "log_size": report.log_size,
        "complete": report.complete,
        "truncated": truncated,
        "checks": report.checks,
    });
    output.result(&value, || report.to_string());
    Ok(if report.is_sound() { Ending::Done } else { Ending::Alarm })
}

/// A file that is no export is a slip; one that says it is, and cannot be read as one, was changed or damaged.
fn unreadable(path: &Path, json: &[u8], output: &Output) -> Result<Ending, ClientError> {
    let value: Option<Value> = serde_json::from_slice(json).ok();
    let format = value.as_ref().and_then(|value| value.get("format")?.as_str());
    if format.is_some_and(|format| FORMATS.contains(&format)) {
        let name = path.display();
        output
            .note(&format!("ALARM: {name} calls itself an export and is none: changed or damaged"));
        return Ok(Ending::Alarm);
    }
    let why = match format {
        Some(format) => {
            format!("is not an export that this program can read: its format is {format:?}")
        }
        None => "is not an export: expected a file of `dpo log --export` or `agency evidence`"
            .to_owned(),
    };
    Err(ClientError::File { path: path.to_owned(), why })
}
