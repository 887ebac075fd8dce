//! Templates of the texts that inform participants: what must stand in them, and filling them in.
//!
//! Owns the form of a template file, the linter that demands what an informed consent needs (GDPR Art. 4 (11),
//! 7, 9 and 13; § 67b SGB X), how readable the text is, and rendering. A rendered text names exactly the
//! grants of one consent: its hash is what the consent document holds. It decides nothing and sends nothing.

mod fill;
mod lint;
mod readability;

use serde::Deserialize;

pub use fill::{AgencyNames, Filling, Release};
pub use lint::lint_template;

use crate::error::ClientError;

/// Largest template in bytes.
const TEMPLATE_BYTES_MAX: usize = 64 * 1024;
/// Between this line and the next one like it stands the head, in TOML.
const FENCE: &str = "+++";

/// Something that a template lacks or that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong and what to write.
    pub text: String,
}

impl Fault {
    fn new(line: usize, text: impl Into<String>) -> Self {
        Self { line, text: text.into() }
    }
}

/// What a text declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TemplateKind {
    /// A consent: it has grants.
    Consent,
    /// An objection: it has none, and beats every consent that it touches.
    Objection,
}

/// The head of a template file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    id: String,
    version: String,
    language: String,
    kind: TemplateKind,
    #[serde(default)]
    purposes: Vec<String>,
    #[serde(default)]
    categories: Vec<String>,
    #[serde(default)]
    secrecy: bool,
}

/// What a section is for; it stands in brackets behind its heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    About,
    Purpose,
    Data,
    Health,
    Recipients,
    Secrecy,
    Refusal,
    Revocation,
    Validity,
    Contact,
    Details,
    Effect,
    Signature,
}

impl Element {
    const ALL: [Self; 13] = [
        Self::About,
        Self::Purpose,
        Self::Data,
        Self::Health,
        Self::Recipients,
        Self::Secrecy,
        Self::Refusal,
        Self::Revocation,
        Self::Validity,
        Self::Contact,
        Self::Details,
        Self::Effect,
        Self::Signature,
    ];

    const fn tag(self) -> &'static str {
        match self {
            Self::About => "about",
            Self::Purpose => "purpose",
            Self::Data => "data",
            Self::Health => "health",
            Self::Recipients => "recipients",
            Self::Secrecy => "secrecy",
            Self::Refusal => "refusal",
            Self::Revocation => "revocation",
            Self::Validity => "validity",
            Self::Contact => "contact",
            Self::Details => "details",
            Self::Effect => "effect",
            Self::Signature => "signature",
        }
    }
}

/// A heading and what stands under it.
#[derive(Clone, Debug)]
struct Section {
    element: Element,
    heading: String,
    line: usize,
    /// Lines with their numbers; blank ones too.
    body: Vec<(usize, String)>,
}

impl Section {
    fn text(&self) -> String {
        self.body.iter().map(|(_, line)| line.as_str()).collect::<Vec<_>>().join("\n")
    }
}

/// A template that could be read. Whether it may be used, [`lint_template`] says.
#[derive(Clone, Debug)]
pub struct ConsentTemplate {
    head: Head,
    title: String,
    sections: Vec<Section>,
}

impl ConsentTemplate {
    /// Reads a template.
    ///
    /// # Errors
    /// All that keeps it from being read, each with its line.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        if text.len() > TEMPLATE_BYTES_MAX {
            return Err(vec![Fault::new(1, "larger than 64 KiB: no one reads that much")]);
        }
        let mut lines =
            text.lines().enumerate().map(|(number, line)| (number + 1, line.trim_end()));
        let fence = |line: Option<(usize, &str)>| line.is_some_and(|(_, line)| line == FENCE);
        if !fence(lines.next()) {
            return Err(vec![Fault::new(
                1,
                format!("the first line is {FENCE}, then the head in TOML"),
            )]);
        }
        let (mut head, mut closed) = (String::new(), false);
        for (_, line) in lines.by_ref() {
            if line == FENCE {
                closed = true;
                break;
            }
            head.push_str(line);
            head.push('\n');
        }
        if !closed {
            return Err(vec![Fault::new(1, format!("the head has no end: a second line {FENCE}"))]);
        }
        let head: Head = toml::from_str(&head).map_err(|error| {
            let before = error.span().and_then(|span| head.get(..span.start));
            let line = before.map_or(0, |before| before.matches('\n').count());
            vec![Fault::new(line + 2, format!("head: {}", error.message()))]
        })?;
        let (title, sections) = body(lines)?;
        Ok(Self { head, title, sections })
    }

    /// Name and version as a consent document holds them, for example `unterlagen/2026-1`.
    #[must_use]
    pub fn version(&self) -> String {
        format!("{}/{}", self.head.id, self.head.version)
    }

    /// BCP 47 language tag.
    #[must_use]
    pub fn language(&self) -> &str {
        &self.head.language
    }

    /// What it declares.
    #[must_use]
    pub fn kind(&self) -> TemplateKind {
        self.head.kind
    }

    /// Its title.
    #[must_use]
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Purpose codes that a consent with it may have.
    #[must_use]
    pub fn purposes(&self) -> &[String] {
        &self.head.purposes
    }

    /// Category codes that a consent with it may have.
    #[must_use]
    pub fn categories(&self) -> &[String] {
        &self.head.categories
    }

    /// Whether a consent with it releases somebody from professional secrecy.
    #[must_use]
    pub fn has_releases(&self) -> bool {
        self.head.secrecy
    }

    fn section(&self, element: Element) -> Option<&Section> {
        self.sections.iter().find(|section| section.element == element)
    }
}

fn body<'a>(
    lines: impl Iterator<Item = (usize, &'a str)>,
) -> Result<(String, Vec<Section>), Vec<Fault>> {
    let (mut title, mut sections, mut faults) = (None, Vec::<Section>::new(), Vec::new());
    let mut last = 1;
    for (number, line) in lines {
        last = number;
        if let Some(heading) = line.strip_prefix("## ") {
            match tagged(heading) {
                Some((_, element)) if sections.iter().any(|known| known.element == element) => {
                    let tag = element.tag();
                    faults.push(Fault::new(
                        number,
                        format!("a second section [{tag}]: join the two"),
                    ));
                }
                Some((heading, element)) => {
                    let heading = heading.to_owned();
                    sections.push(Section { element, heading, line: number, body: Vec::new() });
                }
                None => {
                    let tags = Element::ALL.map(Element::tag).join("], [");
                    let text = format!("behind a heading stands one of [{tags}]");
                    faults.push(Fault::new(number, text));
                }
            }
        } else if let Some(text) = line.strip_prefix("# ") {
            if title.replace(text.trim().to_owned()).is_some() {
                faults.push(Fault::new(number, "a second title: only one line begins with #"));
            }
        } else if let Some(section) = sections.last_mut() {
            section.body.push((number, line.to_owned()));
        } else if !line.is_empty() {
            faults
                .push(Fault::new(number, "text before the first heading: begin with ## … [about]"));
        }
    }
    let Some(title) = title.filter(|title| !title.is_empty()) else {
        faults.push(Fault::new(last, "no title: a line that begins with # and names the consent"));
        return Err(faults);
    };
    if faults.is_empty() { Ok((title, sections)) } else { Err(faults) }
}

/// A heading without its tag, and the element.
fn tagged(heading: &str) -> Option<(&str, Element)> {
    let (text, tag) = heading.trim().strip_suffix(']')?.rsplit_once('[')?;
    let element = Element::ALL.into_iter().find(|element| element.tag() == tag)?;
    let text = text.trim();
    (!text.is_empty()).then_some((text, element))
}

/// An error that names the first fault.
pub(crate) fn refused(faults: &[Fault]) -> ClientError {
    let lines: Vec<String> =
        faults.iter().map(|fault| format!("line {}: {}", fault.line, fault.text)).collect();
    ClientError::argument("template", format!("one without faults:\n{}", lines.join("\n")))
}

#[cfg(test)]
mod tests;
