//! `schleuse lotse template lint` and `render`, and the text of `lotse consent record`.

use std::path::Path;

use schleuse_client::deadlines::day_of;
use schleuse_client::{
    AgencyNames, ClientError, Clock as _, ConsentBuilder, ConsentTemplate, Filling, Grant, Release,
    SystemClock, hex, lint_template, months_later, whole_days,
};
use schleuse_proto::evidence::sha256;
use serde_json::{Value, json};

use jiff::civil::Date;

use super::args::{TemplateCommand, TemplateSource, TextSource};
use super::output::Output;
use super::{Ending, files, report};

/// Runs a command about templates.
pub(crate) fn run(command: &TemplateCommand, output: &Output) -> Result<Ending, ClientError> {
    match command {
        TemplateCommand::Lint { files, catalogue } => lint(files, catalogue, output),
        TemplateCommand::Render { file, grants, source, catalogue, out } => {
            let now_ms = SystemClock.now_ms();
            let path = grants.as_deref();
            let releases = path.map(releases).transpose()?.unwrap_or_default();
            let grants = path.map(files::grants).transpose()?.unwrap_or_default();
            let grants = grants.iter().map(|g| {
                let (not_before_ms, not_after_ms) = term(source, now_ms, g.months)?;
                Ok(Grant {
                    senders: g.from.clone(),
                    recipient: g.to.parse()?,
                    purpose: g.purpose.clone(),
                    categories: g.categories.clone(),
                    not_before_ms,
                    not_after_ms,
                })
            });
            let grants = grants.collect::<Result<Vec<_>, ClientError>>()?;
            let parts = Parts::read(source, catalogue)?;
            let filling = parts.filling(&grants, &releases);
            let (template, text) = ConsentTemplate::render(&files::read_text(file)?, &filling)?;
            files::write(out, text.as_bytes())?;
            show(&template, &text, out, output);
            Ok(Ending::Done)
        }
    }
}

fn show(template: &ConsentTemplate, text: &str, out: &Path, output: &Output) {
    let hash = hex(&sha256(&[text.as_bytes()]));
    let (version, language) = (template.version(), template.language());
    let out = out.display();
    let value = json!({
        "file": out.to_string(),
        "version": version,
        "language": language,
        "sha256": hash,
    });
    output.result(&value, || {
        format!("wrote {out}\nversion {version}\nlanguage {language}\nsha256 {hash}")
    });
}

fn lint(
    paths: &[std::path::PathBuf],
    catalogue: &Path,
    output: &Output,
) -> Result<Ending, ClientError> {
    let names = report::names(Some(catalogue))?;
    let mut faults = Vec::new();
    for path in paths {
        let text = files::read_text(path)?;
        let found = lint_template(&text, &names);
        faults.extend(found.into_iter().map(|fault| (path.display().to_string(), fault)));
    }
    let value = faults
        .iter()
        .map(|(file, fault)| json!({ "file": file, "line": fault.line, "fault": fault.text }));
    output.result(&value.collect::<Value>(), || {
        if faults.is_empty() {
            return format!("{} without faults", paths.len());
        }
        let lines = faults.iter().map(|(file, f)| format!("{file}:{}: {}", f.line, f.text));
        lines.collect::<Vec<_>>().join("\n")
    });
    Ok(if faults.is_empty() { Ending::Done } else { Ending::Faulty })
}

/// What is filled in besides grants.
struct Parts {
    names: schleuse_client::Names,
    agencies: AgencyNames,
    contact: String,
}

impl Parts {
    fn read(source: &TemplateSource, catalogue: &Path) -> Result<Self, ClientError> {
        let agencies = match &source.agencies {
            None => AgencyNames::default(),
            Some(path) => AgencyNames::from_toml(&files::read_text(path)?)?,
        };
        let names = report::names(Some(catalogue))?;
        if source.contact.is_empty() {
            let expected = "a value: give --contact or set its environment variable".to_owned();
            return Err(ClientError::Argument { what: "contact", expected });
        }
        Ok(Self { names, agencies, contact: source.contact.clone() })
    }

    fn filling<'a>(&'a self, grants: &'a [Grant], releases: &'a [Release]) -> Filling<'a> {
        Filling {
            grants,
            releases,
            names: &self.names,
            agencies: &self.agencies,
            contact: &self.contact,
        }
    }
}

/// Releases of a grants file.
pub(crate) fn releases(path: &Path) -> Result<Vec<Release>, ClientError> {
    let releases = files::releases(path)?.into_iter().map(|release| {
        let to = release.to.parse()?;
        Ok(Release { holder: release.holder, to, categories: release.categories })
    });
    releases.collect()
}

/// First and last instant of grants that a text names by days.
fn term(source: &TemplateSource, now_ms: i64, months: u32) -> Result<(i64, i64), ClientError> {
    let wrong = |expected: &str| ClientError::Argument {
        what: "--valid-from",
        expected: expected.to_owned(),
    };
    let from = match &source.valid_from {
        None => day_of(now_ms)?,
        Some(text) => text.parse::<Date>().map_err(|_| wrong("a day such as 2026-12-01"))?,
    };
    whole_days(from, months, now_ms).map_err(|error| match (&error, error.to_string()) {
        (ClientError::Precondition { .. }, why) => ClientError::Precondition {
            what: "--valid-from",
            why: why.trim_start_matches("valid_from: ").to_owned(),
        },
        (_, why) => wrong(&why),
    })
}

/// First and last instant of grants for so many months: by days with a template or a first day, else from now on.
pub(crate) fn interval(
    source: &TextSource,
    now_ms: i64,
    months: u32,
) -> Result<(i64, i64), ClientError> {
    if source.template.is_none() && source.filling.valid_from.is_none() {
        return Ok((now_ms, months_later(now_ms, months)?));
    }
    term(&source.filling, now_ms, months)
}

/// Puts the text into a consent: that of a file, or the one that the template makes of exactly these grants.
pub(crate) fn text(
    consent: ConsentBuilder,
    source: &TextSource,
    grants: &[Grant],
    releases: &[Release],
) -> Result<ConsentBuilder, ClientError> {
    let wrong = |what: &'static str, expected: &str| ClientError::Argument {
        what,
        expected: expected.to_owned(),
    };
    let Some(template) = &source.template else {
        let path = source.text.as_deref().ok_or_else(|| wrong("text", "--text or --template"))?;
        let version = source.text_version.as_deref();
        let version = version.ok_or_else(|| wrong("text version", "--text-version"))?;
        return Ok(consent.text(version, &files::read_text(path)?, &source.language));
    };
    let catalogue = source.catalogue.as_deref();
    let catalogue = catalogue.ok_or_else(|| wrong("catalogue", "--catalogue"))?;
    let parts = Parts::read(&source.filling, catalogue)?;
    let filling = parts.filling(grants, releases);
    let template = files::read_text(template)?;
    let (template, text) = match (&source.text, &source.text_out) {
        (Some(path), _) => {
            let text = files::read_text(path)?;
            (ConsentTemplate::agree(&template, &filling, &text)?, text)
        }
        (None, Some(out)) => {
            let (template, text) = ConsentTemplate::render(&template, &filling)?;
            files::write(out, text.as_bytes())?;
            (template, text)
        }
        // Only the hash leaves this machine: nobody could ever show the text again.
        (None, None) => return Err(wrong("text", "--text-out, where the text is kept, or --text")),
    };
    Ok(consent.text(&template.version(), &text, template.language()))
}

#[cfg(test)]
mod tests {
    use schleuse_client::parse_time;

    use super::*;

    #[test]
    fn grants_of_a_template_hold_for_whole_days_and_never_longer_than_the_broker_allows() {
        let source = |day: &str| TemplateSource {
            agencies: None,
            contact: String::new(),
            valid_from: Some(day.to_owned()),
        };
        let interval = |day: &str, months| term(&source(day), 0, months).unwrap();
        let ms = |text: &str| parse_time(text).unwrap();
        let winter = interval("2026-11-22", 6);
        assert_eq!(winter, (ms("2026-11-21T23:00:00Z"), ms("2027-05-21T22:00:00Z")));
        // The clocks change between 31 October 2027 and 31 October 2029: an hour less, the same last day.
        let autumn = interval("2027-10-31", 24);
        assert_eq!(autumn, (ms("2027-10-30T22:00:00Z"), ms("2029-10-30T22:00:00Z")));
        assert_eq!(day_of(autumn.1 - 1).unwrap().to_string(), "2029-10-30");
        assert!(term(&source("soon"), 0, 6).is_err());
    }

    #[test]
    fn the_first_day_counts_for_every_source_of_a_text_and_a_term_that_is_over_is_refused() {
        let ms = |text: &str| parse_time(text).unwrap();
        let now_ms = ms("2026-11-22T10:00:00Z");
        let source = |template: Option<&str>, valid_from: Option<&str>| TextSource {
            text: None,
            text_version: None,
            language: "de".to_owned(),
            template: template.map(Into::into),
            catalogue: None,
            filling: TemplateSource {
                agencies: None,
                contact: String::new(),
                valid_from: valid_from.map(str::to_owned),
            },
            text_out: None,
        };
        let later = (ms("2027-01-31T23:00:00Z"), ms("2027-07-31T22:00:00Z"));
        for template in [None, Some("unterlagen.md")] {
            let first = source(template, Some("2027-02-01"));
            assert_eq!(interval(&first, now_ms, 6).unwrap(), later, "{template:?}");
            let over = source(template, Some("2026-05-22"));
            let error = interval(&over, now_ms, 6).unwrap_err().to_string();
            assert!(
                error.starts_with("--valid-from: 6 months from 2026-05-22 on are over"),
                "{error}"
            );
            // Until midnight in Germany it is not over.
            let last = source(template, Some("2026-05-23"));
            assert_eq!(interval(&last, now_ms, 6).unwrap().1, ms("2026-11-22T22:00:00Z"));
        }
        let now_on = interval(&source(None, None), now_ms, 6).unwrap();
        assert_eq!(now_on, (now_ms, ms("2027-05-22T10:00:00Z")));
        assert_eq!(
            interval(&source(Some("x"), None), now_ms, 6).unwrap().0,
            ms("2026-11-21T23:00:00Z")
        );
    }
}
