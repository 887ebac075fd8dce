//! `schleuse verify`.

use schleuse_client::{Bundle, ClientError, TrustAnchors};
use serde_json::json;

use super::args::{Global, VerifyArguments};
use super::output::Output;
use super::{Ending, files};

/// Largest export that is read, in bytes: about twenty million records.
const EXPORT_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// Checks an export. The log key must come from elsewhere than the export.
pub(crate) fn run(
    global: &Global,
    arguments: &VerifyArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    let log_key = match (&arguments.log_key, &global.trust) {
        (Some(key), _) => key.clone(),
        (None, Some(path)) => TrustAnchors::load(path)?.log_key,
        (None, None) => {
            let expected =
                "a value: give --log-key or --trust; the key in the export proves nothing";
            return Err(ClientError::Argument { what: "log key", expected: expected.to_owned() });
        }
    };
    output.note(&format!("reading {} …", arguments.file.display()));
    let bundle = Bundle::from_json(&files::read(&arguments.file, EXPORT_BYTES_MAX)?)?;
    output.note(&format!("checking {} rows …", bundle.row_count()));
    let report = bundle.verify(&log_key);
    let value = json!({
        "sound": report.is_sound(),
        "rows": report.rows,
        "log_size": report.log_size,
        "truncated": bundle.is_truncated(),
        "checks": report.checks,
    });
    output.result(&value, || report.to_string());
    Ok(if report.is_sound() { Ending::Done } else { Ending::Alarm })
}
