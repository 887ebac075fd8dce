//! What must stand in a template. Each demand is a row: section, placeholders, words, and what to write.

use super::readability;
use super::{ConsentTemplate, Element, Fault, Section, TemplateKind};
use crate::report::Names;

/// Longest `id/version` that a consent document can hold, in characters.
const VERSION_CHARACTERS_MAX: usize = 40;

/// Who must meet a demand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Consent,
    Objection,
    Both,
    /// A consent that may touch a category of GDPR Art. 9.
    Health,
    /// A consent that releases somebody from professional secrecy.
    Secrecy,
}

/// One demand.
struct Demand {
    element: Element,
    when: When,
    /// Placeholders that must stand in the section.
    placeholders: &'static [&'static str],
    /// Of each list one word must stand in the section; behind it, what to write.
    words: &'static [(&'static [&'static str], &'static str)],
    /// What to write if the section is missing.
    write: &'static str,
}

const DEMANDS: &[Demand] = &[
    Demand {
        element: Element::Purpose,
        when: When::Consent,
        placeholders: &["purposes"],
        words: &[],
        write: "wofür die Daten gebraucht werden, mit {{purposes}}",
    },
    Demand {
        element: Element::Data,
        when: When::Consent,
        placeholders: &["categories"],
        words: &[],
        write: "welche Daten es sind, mit {{categories}}",
    },
    Demand {
        element: Element::Health,
        when: When::Health,
        placeholders: &["health_categories"],
        words: &[
            (
                &["gesundheit"],
                "das Wort Gesundheit: diese Daten sind ausdrücklich zu nennen (Art. 9 DSGVO)",
            ),
            (
                &["ausdrücklich"],
                "dass die Person ausdrücklich einwilligt (Art. 9 Abs. 2 Buchst. a DSGVO)",
            ),
        ],
        write: "dass es um Daten über die Gesundheit geht, ausdrücklich, mit {{health_categories}}",
    },
    Demand {
        element: Element::Recipients,
        when: When::Consent,
        placeholders: &["senders", "recipients"],
        words: &[],
        write: "wer sendet und wer bekommt, mit {{senders}} und {{recipients}}",
    },
    Demand {
        element: Element::Secrecy,
        when: When::Secrecy,
        placeholders: &["holders"],
        words: &[
            (&["schweigepflicht", "schweige-pflicht"], "das Wort Schweigepflicht (§ 203 StGB)"),
            (&["entbinde"], "dass die Person von der Schweigepflicht entbindet"),
        ],
        write: "wer von der Schweigepflicht entbunden wird, mit {{holders}}",
    },
    Demand {
        element: Element::Refusal,
        when: When::Both,
        placeholders: &[],
        words: &[
            (&["freiwillig"], "dass es freiwillig ist"),
            (&["kein nachteil", "keine nachteile"], "dass ein Nein keine Nachteile hat"),
            (&["sanktion", "gekürzt"], "dass niemand deshalb Leistungen kürzt (keine Sanktion)"),
        ],
        write: "was bei einem Nein geschieht: freiwillig, keine Nachteile, keine Sanktion",
    },
    Demand {
        element: Element::Revocation,
        when: When::Consent,
        placeholders: &[],
        words: &[
            (&["jederzeit"], "dass der Widerruf jederzeit geht"),
            (&["widerruf"], "das Wort Widerruf oder widerrufen"),
            (
                &["mündlich", "schriftlich", "anruf", "sagen"],
                "wie der Widerruf geht: sagen, anrufen oder schreiben",
            ),
            (&["ab dann", "von da an", "ab diesem moment"], "dass der Widerruf von da an wirkt"),
            (&["bis dahin", "vorher", "schon"], "dass bleibt, was bis dahin erlaubt war"),
        ],
        write: "dass man jederzeit widerrufen kann, wie, und was dann geschieht",
    },
    Demand {
        element: Element::Revocation,
        when: When::Objection,
        placeholders: &[],
        words: &[
            (&["jederzeit"], "dass man es jederzeit ändern kann"),
            (&["zurücknehmen"], "dass man den Widerspruch zurücknehmen kann"),
        ],
        write: "dass man den Widerspruch jederzeit zurücknehmen kann",
    },
    Demand {
        element: Element::Effect,
        when: When::Objection,
        placeholders: &[],
        words: &[
            (&["einwilligung"], "dass der Widerspruch auch gegen jede Einwilligung gilt"),
            (&["ab dann", "von da an", "ab diesem moment"], "dass der Widerspruch von da an wirkt"),
        ],
        write: "was der Widerspruch bewirkt: er gilt auch gegen jede Einwilligung",
    },
    Demand {
        element: Element::Validity,
        when: When::Consent,
        placeholders: &["validity"],
        words: &[],
        write: "wie lange es gilt, mit {{validity}}",
    },
    Demand {
        element: Element::Contact,
        when: When::Both,
        placeholders: &["contact"],
        words: &[],
        write: "wen man fragen kann, mit {{contact}}",
    },
    Demand {
        element: Element::Details,
        when: When::Consent,
        placeholders: &["grants"],
        words: &[],
        write: "alle Erlaubnisse einzeln: eine Zeile mit {{grants}}",
    },
];

/// Placeholders and whether an objection has them too.
pub(super) const PLACEHOLDERS: &[(&str, bool)] = &[
    ("purposes", false),
    ("categories", false),
    ("health_categories", false),
    ("senders", false),
    ("recipients", false),
    ("holders", false),
    ("validity", false),
    ("grants", false),
    ("contact", true),
];

/// All faults of a template, in the order of its lines; none if it may be used.
#[must_use]
pub fn lint_template(text: &str, names: &Names) -> Vec<Fault> {
    let template = match ConsentTemplate::parse(text) {
        Ok(template) => template,
        Err(faults) => return faults,
    };
    let mut faults = template.faults(names);
    faults.extend(readability::faults(&template));
    faults.sort();
    faults
}

impl ConsentTemplate {
    fn faults(&self, names: &Names) -> Vec<Fault> {
        let mut faults = Vec::new();
        self.head_faults(names, &mut faults);
        for demand in DEMANDS.iter().filter(|demand| self.must(demand.when, names)) {
            match self.section(demand.element) {
                None => {
                    let tag = demand.element.tag();
                    let text =
                        format!("es fehlt der Abschnitt [{tag}]: schreiben Sie, {}", demand.write);
                    faults.push(Fault::new(self.last_line(), text));
                }
                Some(section) => check(demand, section, &mut faults),
            }
        }
        let sections = self.sections.iter();
        let lines = sections.flat_map(|s| s.body.iter().map(|(n, line)| (*n, line.as_str())));
        let titles = self.sections.iter().map(|section| (section.line, section.heading.as_str()));
        lines.for_each(|(number, line)| self.check_placeholders(number, line, &mut faults));
        for (number, line) in titles.chain([(1, self.title.as_str())]) {
            if line.contains("{{") {
                faults.push(Fault::new(number, "kein Platzhalter in einer Überschrift"));
            }
        }
        faults
    }

    fn must(&self, when: When, names: &Names) -> bool {
        let is_consent = self.head.kind == TemplateKind::Consent;
        match when {
            When::Both => true,
            When::Consent => is_consent,
            When::Objection => !is_consent,
            When::Health => is_consent && self.head.categories.iter().any(|c| names.is_health(c)),
            When::Secrecy => is_consent && self.head.secrecy,
        }
    }

    fn last_line(&self) -> usize {
        let last = self.sections.last();
        last.map_or(1, |s| s.body.last().map_or(s.line, |(number, _)| *number))
    }

    fn head_faults(&self, names: &Names, faults: &mut Vec<Fault>) {
        let head = &self.head;
        let is_code = |text: &str| {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            !text.is_empty() && text.bytes().all(fits)
        };
        if !is_code(&head.id) || !is_code(&head.version) {
            faults.push(Fault::new(1, "id and version are of [a-z0-9-], for example \"2026-1\""));
        }
        if self.version().chars().count() > VERSION_CHARACTERS_MAX {
            let text =
                format!("id and version have at most {VERSION_CHARACTERS_MAX} characters together");
            faults.push(Fault::new(1, text));
        }
        if head.language != "de" {
            faults.push(Fault::new(1, "language: \"de\"; the linter knows no other"));
        }
        let unknown_purpose = head.purposes.iter().find(|code| !names.has_purpose(code));
        let unknown_category = head.categories.iter().find(|code| !names.has_category(code));
        for code in unknown_purpose.into_iter().chain(unknown_category) {
            faults.push(Fault::new(1, format!("{code:?} is not in the catalogue")));
        }
        let has_none = head.purposes.is_empty() || head.categories.is_empty();
        if head.kind == TemplateKind::Consent && has_none {
            faults.push(Fault::new(
                1,
                "purposes and categories: those that a consent of it may have",
            ));
        }
    }

    fn check_placeholders(&self, number: usize, line: &str, faults: &mut Vec<Fault>) {
        for part in line.split("{{").skip(1) {
            let name = part.split_once("}}").map(|(name, _)| name);
            let known = name.and_then(|name| PLACEHOLDERS.iter().find(|(known, _)| *known == name));
            match known {
                Some((_, in_objection))
                    if *in_objection || self.head.kind == TemplateKind::Consent => {}
                _ => {
                    let known: Vec<_> =
                        PLACEHOLDERS.iter().map(|(n, _)| format!("{{{{{n}}}}}")).collect();
                    let text = format!("unbekannter Platzhalter; es gibt {}", known.join(", "));
                    faults.push(Fault::new(number, text));
                }
            }
        }
        if line.matches("}}").count() != line.matches("{{").count() {
            faults.push(Fault::new(number, "ein Platzhalter steht zwischen {{ und }}"));
        }
        if line.contains("{{grants}}") && line != "{{grants}}" {
            faults.push(Fault::new(number, "{{grants}} steht allein auf seiner Zeile"));
        }
    }
}

fn check(demand: &Demand, section: &Section, faults: &mut Vec<Fault>) {
    let text = section.text().to_lowercase();
    let tag = demand.element.tag();
    for name in demand.placeholders {
        if !text.contains(&format!("{{{{{name}}}}}")) {
            let text = format!(
                "im Abschnitt [{tag}] fehlt {{{{{name}}}}}: schreiben Sie, {}",
                demand.write
            );
            faults.push(Fault::new(section.line, text));
        }
    }
    for (words, write) in demand.words {
        if !words.iter().any(|word| text.contains(word)) {
            let text = format!("im Abschnitt [{tag}] fehlt: {write}");
            faults.push(Fault::new(section.line, text));
        }
    }
}

/// What is demanded of a template: element, placeholders, words with what to write.
#[cfg(test)]
#[expect(clippy::type_complexity, reason = "a row of the table, for one test")]
pub(super) fn demanded(
    template: &ConsentTemplate,
    names: &Names,
) -> Vec<(Element, &'static [&'static str], &'static [(&'static [&'static str], &'static str)])> {
    let demands = DEMANDS.iter().filter(|demand| template.must(demand.when, names));
    demands.map(|demand| (demand.element, demand.placeholders, demand.words)).collect()
}
