//! `schleuse dpo report` and `schleuse lotse report`: everything about one participant, as a page for that
//! person and as an export with its proofs.

use std::path::{Path, PathBuf};

use schleuse_client::{
    ClientError, Clock as _, DataReport, Expectations, LogQuery, LogRow, Names, SystemClock, Texts,
    v1,
};
use serde_json::json;

use super::args::{Global, ReportArguments};
use super::output::Output;
use super::{Ending, connect, files};

/// Rows of one page of the query.
const PAGE_ROWS: u32 = 10_000;
/// Largest catalogue, in bytes.
const CATALOGUE_BYTES_MAX: usize = 1024 * 1024;

/// Writes the report and its proofs.
pub(crate) async fn run(
    global: &Global,
    arguments: &ReportArguments,
    output: &Output,
) -> Result<Ending, ClientError> {
    // Files are read before anything is asked of the broker.
    let names = names(arguments.catalogue.as_deref())?;
    let texts = texts(&arguments.text)?;
    let participant = &arguments.participant;
    let query = LogQuery::new(&arguments.reason).participant(participant).max_rows(PAGE_ROWS);
    let client = connect(global, None, output).await?;
    let bundle = client.export_all(&query, |_, _| ()).await?;
    let check = bundle.check(&Expectations::new(client.log_key()).trust(client.trust()));
    let rows = bundle.parse_rows()?;
    if check.is_sound() && is_about_nobody(&rows) {
        return Err(nobody(client.agency()));
    }
    let report = DataReport::new(&rows, participant, &names, &texts, SystemClock.now_ms())?;
    files::write(&arguments.out, report.to_html()?.as_bytes())?;
    files::write(&arguments.proofs, &bundle.to_json()?)?;
    let value = json!({
        "records": rows.len(),
        "report": arguments.out.display().to_string(),
        "proofs": arguments.proofs.display().to_string(),
        "sound": check.is_sound(),
        "query_record": bundle.query_record(),
    });
    output.result(&value, || {
        let (page, proofs) = (arguments.out.display(), arguments.proofs.display());
        format!("wrote {page} about {} records\nwrote {proofs}", rows.len())
    });
    output.note(&check.to_string());
    Ok(if check.is_sound() { Ending::Done } else { Ending::Alarm })
}

/// Whether the rows show nothing but that somebody asked. Whom the broker knows has at least the record that made the
/// reference.
fn is_about_nobody(rows: &[LogRow]) -> bool {
    rows.iter().all(|row| row.record_type() == v1::RecordType::LogQueried)
}

fn nobody(agency: &str) -> ClientError {
    let why = format!(
        "{agency} has no such reference, and nothing was written; the Lotse makes it with: \
         schleuse lotse participant reference --participant REF --agency {agency}"
    );
    ClientError::Precondition { what: "--participant", why }
}

/// Names of codes; without a catalogue none.
pub(super) fn names(catalogue: Option<&Path>) -> Result<Names, ClientError> {
    let Some(path) = catalogue else { return Ok(Names::default()) };
    let bytes = files::read(path, CATALOGUE_BYTES_MAX)?;
    let wrong = |why: &str| ClientError::File { path: path.to_owned(), why: why.to_owned() };
    if bytes.len() > CATALOGUE_BYTES_MAX {
        return Err(wrong("larger than 1 MiB"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| wrong("not UTF-8 text"))?;
    Names::from_toml(text).map_err(|error| wrong(&error.to_string()))
}

/// Texts of consents.
pub(super) fn texts(paths: &[PathBuf]) -> Result<Texts, ClientError> {
    let texts = paths.iter().map(|path| files::read_text(path));
    Ok(Texts::new(texts.collect::<Result<Vec<_>, _>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogue_that_cannot_be_read_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalogue.toml");
        assert!(names(Some(&path)).is_err());
        std::fs::write(&path, "purpose = 3").unwrap();
        let error = names(Some(&path)).unwrap_err().to_string();
        assert!(error.contains("catalogue.toml"), "{error}");
        std::fs::write(&path, "[purpose]\nx = { name = 'Zweck' }").unwrap();
        assert!(names(Some(&path)).is_ok() && names(None).is_ok());
        assert!(texts(&[folder.path().join("none.txt")]).is_err());
    }
}
