//! The reference templates pass, and each demanded element that is taken out of one is named.

use std::collections::BTreeSet;

use super::lint::demanded;
use super::*;
use crate::ids::Address;
use crate::lotse::Grant;
use crate::report::Names;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/reference/consent-templates");

fn names() -> Names {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/reference/catalogue.toml");
    Names::from_toml(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn references() -> Vec<(String, String)> {
    let files = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    let texts = files.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, std::fs::read_to_string(&path).unwrap())
    });
    let mut found: Vec<_> = texts.collect();
    found.sort();
    found
}

fn template(name: &str) -> String {
    references().into_iter().find(|(known, _)| known == name).unwrap().1
}

fn grant(purpose: &str, categories: &[&str]) -> Grant {
    Grant {
        senders: vec!["jobcenter-stadt-regensburg".to_owned()],
        recipient: "drv-bayern-sued/reha-beratung".parse().unwrap(),
        purpose: purpose.to_owned(),
        categories: categories.iter().map(|&category| category.to_owned()).collect(),
        not_before_ms: crate::parse_time("2026-11-21T23:00:00Z").unwrap(),
        not_after_ms: crate::parse_time("2027-05-21T22:00:00Z").unwrap(),
    }
}

fn agencies() -> AgencyNames {
    let text = "[agency.drv-bayern-sued]\nname = 'DRV Bayern Süd'\n\
        functions = { reha-beratung = 'Reha-Beratung' }\n";
    AgencyNames::from_toml(text).unwrap()
}

struct Parts {
    grants: Vec<Grant>,
    releases: Vec<Release>,
    names: Names,
    agencies: AgencyNames,
    contact: String,
}

impl Parts {
    fn new(grants: Vec<Grant>) -> Self {
        let contact = "Lotsin im Projekt, Telefon 0941 0000".to_owned();
        Self { grants, releases: Vec::new(), names: names(), agencies: agencies(), contact }
    }

    fn filling(&self) -> Filling<'_> {
        Filling {
            grants: &self.grants,
            releases: &self.releases,
            names: &self.names,
            agencies: &self.agencies,
            contact: &self.contact,
        }
    }

    fn render(&self, name: &str) -> Result<String, ClientError> {
        ConsentTemplate::render(&template(name), &self.filling()).map(|(_, text)| text)
    }
}

#[test]
fn the_reference_templates_have_no_faults() {
    let found = references();
    assert_eq!(found.len(), 6);
    for (name, text) in found {
        assert_eq!(lint_template(&text, &names()), [], "{name}");
        let template = ConsentTemplate::parse(&text).unwrap();
        assert_eq!(format!("{}.md", template.head.id), name);
    }
}

/// Takes out of each reference template each thing that is demanded of it: the section, each placeholder,
/// each word. The linter names each.
#[test]
fn each_demanded_element_that_is_taken_out_is_named() {
    let (names, mut taken, mut tags) = (names(), 0, BTreeSet::new());
    for (name, text) in references() {
        let template = ConsentTemplate::parse(&text).unwrap();
        for (element, placeholders, words) in demanded(&template, &names) {
            let section = template.section(element).unwrap();
            let mark = format!("[{}]", element.tag());
            tags.insert(element.tag());
            let lines = section.body.first().unwrap().0..=section.body.last().unwrap().0;
            let with = |change: &dyn Fn(&str) -> String| -> String {
                let lines = text.lines().enumerate().map(|(n, line)| {
                    if lines.contains(&(n + 1)) { change(line) } else { line.to_owned() }
                });
                lines.collect::<Vec<_>>().join("\n")
            };
            let named = |changed: &str, what: &str| {
                let faults = lint_template(changed, &names);
                let is_named = |f: &Fault| f.text.contains(&mark) && f.text.contains(what);
                assert!(faults.iter().any(is_named), "{name} without {what} of {mark}: {faults:?}");
            };
            let gone =
                with(&|_| String::new()).replace(&format!("## {} {mark}", section.heading), "");
            named(&gone, "es fehlt der Abschnitt");
            taken += 1;
            for placeholder in placeholders {
                let gone = with(&|line| line.replace(&format!("{{{{{placeholder}}}}}"), "etwas"));
                named(&gone, placeholder);
                taken += 1;
            }
            for (alternatives, write) in words {
                let gone = with(&|line| {
                    let mut line = line.to_lowercase();
                    alternatives.iter().for_each(|word| line = line.replace(word, "etwas"));
                    line
                });
                named(&gone, write);
                taken += 1;
            }
        }
    }
    assert_eq!(tags.len(), 11, "{tags:?}");
    assert!(taken > 100, "{taken}");
}

#[test]
fn a_fault_names_its_line_and_what_to_write() {
    let text = template("unterlagen.md");
    let at = |changed: &str| -> Vec<(usize, String)> {
        lint_template(changed, &names()).into_iter().map(|f| (f.line, f.text)).collect()
    };
    let line = |text: &str, part: &str| text.lines().position(|l| l.contains(part)).unwrap() + 1;
    let long = text.replace(
        "Eine andere Stelle braucht sie.",
        "Eine andere Stelle braucht sie, und weil das so ist, und weil es oft lange dauert, bis etwas da ist, \
         fragen wir Sie jetzt und heute und hier.",
    );
    let faults = at(&long);
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].0, line(&long, "andere Stelle"));
    assert!(faults[0].1.contains("höchstens 18"), "{faults:?}");
    let office = text.replace("Eine Stelle hat Unterlagen", "Hiermit hat eine Stelle Unterlagen");
    assert!(at(&office)[0].1.contains("Amtssprache"));
    let word = text.replace("ein Gutachten", "ein Rehabilitationsgutachten");
    assert!(at(&word)[0].1.contains("Bindestrich"), "{:?}", at(&word));
    let unknown = text.replace("{{purposes}}", "{{purposes}} {{name}}");
    assert!(at(&unknown)[0].1.contains("unbekannter Platzhalter"));
    let category = text.replace("\"termine\"]", "\"termin\"]");
    assert_eq!(at(&category)[0], (1, "\"termin\" is not in the catalogue".to_owned()));
    let twice = text.replace("[data]", "[purpose]");
    assert!(at(&twice)[0].1.contains("second section"));
    let head = text.replace("kind = \"consent\"", "kind = \"wish\"");
    assert_eq!(at(&head)[0].0, 5);
    assert_eq!(at("text")[0].0, 1);
    assert_eq!(at("+++\nid = 1")[0].0, 1);
}

#[test]
fn a_rendered_text_names_exactly_the_grants() {
    let mut parts = Parts::new(vec![grant("unterlagen", &["gesundheit", "termine"])]);
    let text = parts.render("unterlagen.md").unwrap();
    for named in [
        "Einwilligung: Unterlagen und Gesundheit\n",
        "In den Unterlagen stehen diese Daten: Gesundheit, Termine\n",
        "Hier geht es um: Gesundheit\n",
        "1. Wer sendet: jobcenter-stadt-regensburg\n",
        "   Wer bekommt: DRV Bayern Süd, Reha-Beratung (drv-bayern-sued/reha-beratung)\n",
        "   Wofür: Unterlagen und Begutachtung\n",
        "   Gültig: vom 22.11.2026 bis 21.05.2027\n",
        "Lotsin im Projekt, Telefon 0941 0000\n",
        "Vorlage unterlagen/2026-1, Sprache de\n",
    ] {
        assert!(text.contains(named), "{named:?} is not in\n{text}");
    }
    assert!(!text.contains("{{") && !text.contains('[') && !text.contains("Schulden"), "{text}");
    let source = template("unterlagen.md");
    assert!(ConsentTemplate::agree(&source, &parts.filling(), &text).is_ok());
    let without =
        Parts::new(vec![grant("unterlagen", &["termine"])]).render("unterlagen.md").unwrap();
    assert!(!without.contains("ausdrücklich") && !without.contains("Sucht"), "{without}");
    // A text for other grants, or one with a word more, does not agree.
    let more = text.replace("Mehr ist nicht erlaubt.", "Mehr ist auch erlaubt.");
    let error = ConsentTemplate::agree(&source, &parts.filling(), &more).err().unwrap().to_string();
    assert!(error.contains("Mehr ist nicht erlaubt."), "{error}");
    parts.grants.push(grant("reha-einleitung", &["gesundheit"]));
    assert!(ConsentTemplate::agree(&source, &parts.filling(), &text).is_err());
    let both = parts.render("unterlagen.md").unwrap();
    assert!(both.contains("2. Wer sendet") && both.contains("Reha-Einleitung, Unterlagen"));
}

#[test]
fn a_grant_that_the_template_is_not_for_is_refused() {
    let refused = |grants: Vec<Grant>, name: &str| Parts::new(grants).render(name).is_err();
    assert!(refused(vec![grant("evaluation", &["gesundheit"])], "unterlagen.md"));
    assert!(refused(vec![grant("unterlagen", &["familie"])], "unterlagen.md"));
    assert!(refused(Vec::new(), "unterlagen.md"));
    assert!(refused(vec![grant("unterlagen", &["gesundheit"])], "widerspruch.md"));
    assert!(refused(vec![grant("unterlagen", &["gesundheit"])], "schweigepflicht.md"));
    assert!(!refused(Vec::new(), "widerspruch.md"));
    let mut parts = Parts::new(vec![grant("unterlagen", &["gesundheit"])]);
    let to: Address = "drv-bayern-sued/reha-beratung".parse().unwrap();
    let release = Release {
        holder: "Hausarztpraxis".to_owned(),
        to,
        categories: vec!["gesundheit".to_owned()],
    };
    parts.releases.push(release);
    let text = parts.render("schweigepflicht.md").unwrap();
    assert!(text.contains("Hausarztpraxis gegenüber DRV Bayern Süd"), "{text}");
    assert!(parts.render("unterlagen.md").is_err(), "a release that the text does not speak of");
    parts.releases[0].categories.push("schulden-finanzen".to_owned());
    assert!(parts.render("schweigepflicht.md").is_err());
}

#[test]
fn no_value_can_add_a_line_hide_one_or_become_a_placeholder() {
    let text = |contact: &str| {
        let mut parts = Parts::new(vec![grant("unterlagen", &["gesundheit"])]);
        contact.clone_into(&mut parts.contact);
        parts.render("unterlagen.md")
    };
    assert!(text("Lotsin, 0941 0000").is_ok());
    let long = "x".repeat(201);
    for value in [
        "",
        " x",
        "{{grants}}",
        "}}",
        "a\nMehr ist erlaubt.",
        "a\rb",
        "a\u{202e}b",
        "a\u{200b}b",
        "a\u{2028}b",
        "# x",
        "a\0b",
        long.as_str(),
    ] {
        assert!(text(value).is_err(), "{value:?}");
    }
    let agencies = "[agency.drv-bayern-sued]\nname = \"DRV\\n2. Wer sendet: alle\"\n";
    let mut parts = Parts::new(vec![grant("unterlagen", &["gesundheit"])]);
    parts.agencies = AgencyNames::from_toml(agencies).unwrap();
    assert!(parts.render("unterlagen.md").is_err());
    parts.agencies = agencies_of("{{contact}}");
    assert!(parts.render("unterlagen.md").is_err());
}

fn agencies_of(name: &str) -> AgencyNames {
    AgencyNames::from_toml(&format!("[agency.drv-bayern-sued]\nname = '{name}'\n")).unwrap()
}

#[test]
fn sentences_are_counted_as_people_read_them() {
    let source = template("widerspruch.md").replace(
        "Sie müssen keinen Grund nennen.",
        "Das steht in Art. 21 Abs. 1 der DSGVO.\nHier: {{contact}}\n- eins zwei\n- drei",
    );
    let template = ConsentTemplate::parse(&source).unwrap();
    let about = template.section(Element::About).unwrap().line;
    let next = template.section(Element::Effect).unwrap().line;
    let sentences = super::readability::sentences(&template);
    let counts: Vec<usize> = sentences
        .iter()
        .filter(|s| s.line > about && s.line < next)
        .map(|s| s.words.len())
        .collect();
    assert_eq!(counts, [8, 6, 7, 1, 1, 2, 1]);
}
