//! `schleuse verify`.

use schleuse_client::{Bundle, ClientError, Evidence, Expectations, TrustAnchors};
use serde_json::json;

use super::args::{Global, VerifyArguments};
use super::output::Output;
use super::{Ending, files};

/// Largest export that is read, in bytes: about twenty million records.
const EXPORT_BYTES_MAX: usize = 1024 * 1024 * 1024;

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
            let bundle = Bundle::from_json(&json)?;
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
