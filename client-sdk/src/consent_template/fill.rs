//! Filling a template in: exactly the grants of one consent, and nothing that a value could smuggle in.
//!
//! Values are put in once and never read as a template again. A value with a line break, a brace, or a character
//! that would be invisible or turn text around is refused, so no name can add a line or hide one.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::{ConsentTemplate, Element, TemplateKind, lint_template, refused};
use crate::deadlines::day_of;
use crate::directory::AgencyEntry;
use crate::error::ClientError;
use crate::ids::Address;
use crate::lotse::Grant;
use crate::report::{Names, visible};

/// Most characters of one value.
const VALUE_CHARACTERS_MAX: usize = 200;

/// Names of agencies and their functions, from a file. Without a name the identifier is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgencyNames {
    #[serde(default)]
    agency: BTreeMap<String, AgencyName>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AgencyName {
    name: String,
    #[serde(default)]
    functions: BTreeMap<String, String>,
}

impl AgencyNames {
    /// Reads a file of `[agency.drv-bayern-sued]` tables: `name`, and `functions = { reha-beratung = "…" }`.
    ///
    /// # Errors
    /// Not such a file.
    pub fn from_toml(text: &str) -> Result<Self, ClientError> {
        let malformed =
            |_| ClientError::argument("agencies", "a file of [agency.ID] tables in TOML");
        toml::from_str(text).map_err(malformed)
    }

    /// Takes the names that agencies gave themselves in the directory.
    #[must_use]
    pub fn of_directory<'a>(entries: impl IntoIterator<Item = &'a AgencyEntry>) -> Self {
        let named = |entry: &AgencyEntry| {
            let functions = entry.functions.iter().cloned().collect();
            (entry.agency.clone(), AgencyName { name: entry.display_name.clone(), functions })
        };
        Self { agency: entries.into_iter().map(named).collect() }
    }

    fn agency(&self, id: &str) -> Result<String, ClientError> {
        match self.agency.get(id) {
            Some(known) => Ok(format!("{} ({})", value(&known.name)?, value(id)?)),
            None => value(id).map(str::to_owned),
        }
    }

    fn address(&self, address: &Address) -> Result<String, ClientError> {
        let Some(known) = self.agency.get(&address.agency) else {
            return value(&address.to_string()).map(str::to_owned);
        };
        let function = known.functions.get(&address.function).unwrap_or(&address.function);
        Ok(format!("{}, {} ({address})", value(&known.name)?, value(function)?))
    }
}

/// Somebody who is released from professional secrecy towards a recipient. Source: § 203 StGB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// Who is released, for people.
    pub holder: String,
    /// Towards whom.
    pub to: Address,
    /// About which categories.
    pub categories: Vec<String>,
}

/// What is put into a template.
#[derive(Clone, Copy, Debug)]
pub struct Filling<'a> {
    /// The grants of the consent, all of them.
    pub grants: &'a [Grant],
    /// Its releases from professional secrecy, all of them.
    pub releases: &'a [Release],
    /// Names of purposes and categories.
    pub names: &'a Names,
    /// Names of agencies.
    pub agencies: &'a AgencyNames,
    /// Whom the participant asks, for example name, telephone and office hours of the Lotse.
    pub contact: &'a str,
}

impl ConsentTemplate {
    /// Lints a template and fills it in: the text to read out and to sign.
    ///
    /// # Errors
    /// The template has faults, it does not allow a grant, or a value may not stand in a text.
    pub fn render(source: &str, filling: &Filling<'_>) -> Result<(Self, String), ClientError> {
        let faults = lint_template(source, filling.names);
        if !faults.is_empty() {
            return Err(refused(&faults));
        }
        let template = Self::parse(source).map_err(|faults| refused(&faults))?;
        template.allows(filling)?;
        let values = Values::new(filling)?;
        let mut text = format!("{}\n", template.title);
        let has_health = values.0.get("health_categories").is_some_and(|names| !names.is_empty());
        for section in &template.sections {
            // Without such data there is nothing to agree to expressly.
            if section.element == Element::Health && !has_health {
                continue;
            }
            text.push_str(&format!("\n{}\n", section.heading));
            let body = section.body.iter().map(|(_, line)| line.as_str());
            for line in collapsed(body) {
                text.push_str(&values.put_in(line)?);
                text.push('\n');
            }
        }
        text.push_str(&format!(
            "\nVorlage {}, Sprache {}\n",
            template.version(),
            template.language()
        ));
        Ok((template, text))
    }

    /// Checks that a text is the one that this template and these grants make, byte by byte.
    ///
    /// # Errors
    /// As [`ConsentTemplate::render`], or the text is another: the first line that differs is named.
    pub fn agree(source: &str, filling: &Filling<'_>, text: &str) -> Result<Self, ClientError> {
        let (template, rendered) = Self::render(source, filling)?;
        if rendered == text {
            return Ok(template);
        }
        let same = rendered.lines().zip(text.lines()).take_while(|(a, b)| a == b).count();
        let expected = rendered.lines().nth(same).unwrap_or("(the end)");
        let expected =
            format!("the text of this template and these grants; line {} is: {expected}", same + 1);
        Err(ClientError::argument("text", expected))
    }

    /// A text may name only what its template is for.
    fn allows(&self, filling: &Filling<'_>) -> Result<(), ClientError> {
        let wrong = |expected: String| Err(ClientError::argument("grants", expected));
        let (head, id) = (&self.head, &self.head.id);
        match (head.kind, filling.grants.is_empty()) {
            (TemplateKind::Consent, true) => return wrong("at least one grant".to_owned()),
            (TemplateKind::Objection, false) => {
                return wrong("none: an objection has no grants".to_owned());
            }
            (TemplateKind::Consent, false) | (TemplateKind::Objection, true) => {}
        }
        if head.secrecy == filling.releases.is_empty() {
            let what = if head.secrecy { "at least one [[release]]" } else { "no [[release]]" };
            return wrong(format!("{what}, for the template {id}"));
        }
        for grant in filling.grants {
            if !head.purposes.contains(&grant.purpose) {
                return wrong(format!(
                    "purposes of the template {id}: {}",
                    head.purposes.join(", ")
                ));
            }
        }
        let released = filling.releases.iter().flat_map(|release| &release.categories);
        let mut categories =
            filling.grants.iter().flat_map(|grant| &grant.categories).chain(released);
        if categories.any(|category| !head.categories.contains(category)) {
            return wrong(format!(
                "categories of the template {id}: {}",
                head.categories.join(", ")
            ));
        }
        Ok(())
    }
}

/// Lines without blank ones at the ends.
fn collapsed<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lines: Vec<&str> = lines.skip_while(|line| line.is_empty()).collect();
    let end = lines.iter().rposition(|line| !line.is_empty()).map_or(0, |last| last + 1);
    lines.into_iter().take(end).collect()
}

/// Values by the names of their placeholders.
struct Values(BTreeMap<&'static str, String>);

impl Values {
    fn new(filling: &Filling<'_>) -> Result<Self, ClientError> {
        let (grants, names) = (filling.grants, filling.names);
        let mut values = BTreeMap::new();
        let codes: BTreeSet<&str> = grants.iter().map(|grant| grant.purpose.as_str()).collect();
        values.insert("purposes", list(codes.into_iter().map(|code| names.purpose(code)))?);
        let codes = grants.iter().flat_map(|grant| &grant.categories);
        let codes: BTreeSet<&str> = codes.map(String::as_str).collect();
        values.insert("categories", list(codes.iter().map(|code| names.category(code)))?);
        let health = codes.iter().filter(|code| names.is_health(code));
        let health = list(health.map(|code| names.category(code)))?;
        values.insert("health_categories", health);
        let senders: BTreeSet<&str> =
            grants.iter().flat_map(|grant| &grant.senders).map(String::as_str).collect();
        let senders = senders.into_iter().map(|id| filling.agencies.agency(id));
        values.insert("senders", senders.collect::<Result<Vec<_>, _>>()?.join("; "));
        let recipients: BTreeSet<&Address> = grants.iter().map(|grant| &grant.recipient).collect();
        let recipients = recipients.into_iter().map(|one| filling.agencies.address(one));
        values.insert("recipients", recipients.collect::<Result<Vec<_>, _>>()?.join("; "));
        values.insert("holders", holders(filling)?);
        values.insert("validity", validity(grants)?);
        values.insert("grants", single_grants(filling)?);
        values.insert("contact", value(filling.contact)?.to_owned());
        Ok(Self(values))
    }

    /// A line with its values. What was put in is not looked at again.
    fn put_in(&self, line: &str) -> Result<String, ClientError> {
        let mut parts = line.split("{{");
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let known = part.split_once("}}");
            let known = known.and_then(|(name, rest)| Some((self.0.get(name)?, rest)));
            let unknown = || ClientError::argument("template", "only known placeholders");
            let (value, rest) = known.ok_or_else(unknown)?;
            text.push_str(value);
            text.push_str(rest);
        }
        Ok(text)
    }
}

fn list(names: impl Iterator<Item = String>) -> Result<String, ClientError> {
    let names = names.map(|name| value(&name).map(str::to_owned));
    Ok(names.collect::<Result<Vec<_>, _>>()?.join(", "))
}

fn holders(filling: &Filling<'_>) -> Result<String, ClientError> {
    let one = |release: &Release| {
        let categories = list(release.categories.iter().map(|code| filling.names.category(code)))?;
        let to = filling.agencies.address(&release.to)?;
        Ok::<_, ClientError>(format!(
            "{} gegenüber {to}, über: {categories}",
            value(&release.holder)?
        ))
    };
    Ok(filling.releases.iter().map(one).collect::<Result<Vec<_>, _>>()?.join("; "))
}

/// From its first to its last day, in Germany.
fn span(from_ms: i64, until_ms: i64) -> Result<String, ClientError> {
    let (first, last) = (day_of(from_ms)?, day_of(until_ms.saturating_sub(1))?);
    Ok(format!("vom {} bis {}", first.strftime("%d.%m.%Y"), last.strftime("%d.%m.%Y")))
}

/// The time in which any grant holds.
fn validity(grants: &[Grant]) -> Result<String, ClientError> {
    let from = grants.iter().map(|grant| grant.not_before_ms).min();
    let until = grants.iter().map(|grant| grant.not_after_ms).max();
    match (from, until) {
        (Some(from), Some(until)) => span(from, until),
        (None, _) | (_, None) => Ok(String::new()),
    }
}

/// Each grant on its own.
fn single_grants(filling: &Filling<'_>) -> Result<String, ClientError> {
    let one = |(number, grant): (usize, &Grant)| {
        let senders = grant.senders.iter().map(|id| filling.agencies.agency(id));
        let categories = list(grant.categories.iter().map(|code| filling.names.category(code)))?;
        Ok::<_, ClientError>(format!(
            "{}. Wer sendet: {}\n   Wer bekommt: {}\n   Wofür: {}\n   Welche Daten: {categories}\n   Gültig: {}",
            number + 1,
            senders.collect::<Result<Vec<_>, _>>()?.join("; "),
            filling.agencies.address(&grant.recipient)?,
            value(&filling.names.purpose(&grant.purpose))?,
            span(grant.not_before_ms, grant.not_after_ms)?,
        ))
    };
    Ok(filling.grants.iter().enumerate().map(one).collect::<Result<Vec<_>, _>>()?.join("\n"))
}

/// A value as it may stand in a text.
fn value(text: &str) -> Result<&str, ClientError> {
    let is_plain =
        |c: char| !c.is_control() && visible(c) == c && !matches!(c, '{' | '}' | '\u{fffd}');
    let count = text.chars().count();
    let fits = (1..=VALUE_CHARACTERS_MAX).contains(&count) && text.trim() == text;
    if fits && text.chars().all(is_plain) && !text.starts_with('#') {
        return Ok(text);
    }
    let expected =
        "names, codes and contact of 1 to 200 visible characters on one line, without braces";
    Err(ClientError::argument("value of a template", expected))
}
