//! The table of rules: what starts a period, what ends it, how long it is, and the norm. A new rule is a row.
//!
//! The texts are hints for people who decide. § 14 SGB IX is about applications for benefits for
//! participation; whether a message carries one, only its reader knows, and each hint says so.
//!
//! What counts as receipt of a message is its hand-out to the recipient; while that is not known, its
//! acceptance by the broker, which is never later.
//!
//! Source: §§ 14, 15, 17, 18 SGB IX in the version of the Bundesteilhabegesetz, in force since 1 January 2018;
//! the rules of the project punktgenau (DOMAIN).

use super::calendar::{Begin, End, Period};

/// Code of an event that is no message: the participant was registered.
pub const JOINED: &str = "event:joined";
/// Code of an event that is no message: the participation ended.
pub const LEFT: &str = "event:left";
/// Code of an event that is no message: a consent, or the next revision of it, was recorded.
pub const CONSENT_RECORDED: &str = "event:consent-recorded";
/// Code of an event that is no message: a suspended consent was confirmed.
pub const CONSENT_CONFIRMED: &str = "event:consent-confirmed";
/// Code of an event that is no message: a consent was revoked.
pub const CONSENT_REVOKED: &str = "event:consent-revoked";

/// Events that belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Those of one thread, or of one consent. Each trigger starts a period of its own.
    Thread,
    /// All about one participant. Only the first trigger starts a period.
    Participation,
}

/// Which instant of a message counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The sender has sent it: acceptance by the broker.
    Sent,
    /// The recipient has it: first hand-out, or acceptance while that is not known.
    Received,
}

/// A party, seen from the message that starts the period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Party {
    /// Who sent it.
    Sender,
    /// Who received it.
    Recipient,
    /// Nobody in particular: the Lotse sees to it.
    Nobody,
}

/// One row.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Rule {
    /// Stable name.
    pub id: &'static str,
    /// What is due, in German.
    pub what: &'static str,
    /// Where that stands, in German.
    pub norm: &'static str,
    /// What to know about it, in German.
    pub hint: &'static str,
    /// Which events belong together.
    pub scope: Scope,
    /// Codes that start the period.
    pub trigger: &'static [&'static str],
    /// Only the first message that matches starts one in a thread.
    pub first_only: bool,
    /// Which instant of the trigger counts.
    pub from: Moment,
    /// Codes of which one must have occurred in the same thread, for the rule to hold at all.
    pub requires: &'static [&'static str],
    /// Codes of which none may have occurred in the same thread.
    pub unless: &'static [&'static str],
    /// Codes that meet it. `x.*` is every code that begins with `x.`.
    pub stop: &'static [&'static str],
    /// Whether only the one whose duty it is can meet it.
    pub stop_by_obliged: bool,
    /// Which instant of that message counts.
    pub stop_at: Moment,
    /// Codes after which another rule takes its place; from the obliged one only, if only that one can
    /// meet it.
    pub superseded_by: &'static [&'static str],
    /// Codes after which another rule takes its place, whoever they are from.
    pub superseded_by_anyone: &'static [&'static str],
    /// Whose duty it is.
    pub obliged: Party,
    /// How long it is.
    pub period: Period,
    /// Whether the first day counts.
    pub begin: Begin,
    /// What happens at a weekend.
    pub end: End,
}

/// What most rows have.
const STATUTE: Rule = Rule {
    id: "",
    what: "",
    norm: "",
    hint: "",
    scope: Scope::Thread,
    trigger: &[],
    first_only: false,
    from: Moment::Received,
    requires: &[],
    unless: &[],
    stop: &[],
    stop_by_obliged: false,
    stop_at: Moment::Sent,
    superseded_by: &[],
    superseded_by_anyone: &[],
    obliged: Party::Recipient,
    period: Period::Weeks(2),
    begin: Begin::AfterEvent,
    end: End::NextWorkday,
};

/// What most rules of the project have.
const PROJECT: Rule = Rule {
    scope: Scope::Participation,
    trigger: &[JOINED],
    obliged: Party::Nobody,
    period: Period::Months(6),
    ..STATUTE
};

/// Brings an application, or the question whose it is.
const ASK: &[&str] = &["zustaendigkeit.ask", "reha.application"];
const FORWARD: &[&str] = &["zustaendigkeit.forward"];
const INVOLVE: &[&str] = &["zustaendigkeit.involve"];
/// The end of the participation, as the state of it or as the message about it.
const ENDED: &[&str] = &[LEFT, "rueckmeldung.end"];
const DECIDED: &[&str] = &["zustaendigkeit.decided"];
const CONFERENCE: &[&str] = &["fallkonferenz.fix"];
/// After these the first agency no longer decides within three weeks.
const NOT_IN_THREE_WEEKS: &[&str] =
    &["zustaendigkeit.forward", "zustaendigkeit.opinion-ordered", "zustaendigkeit.involve"];
/// After these the agency to which it was forwarded does not.
const NOT_IN_THREE_WEEKS_FORWARDED: &[&str] =
    &["zustaendigkeit.opinion-ordered", "zustaendigkeit.involve"];
/// Findings of an involved agency: any answer about responsibility, documents, or its part of the plan.
const FINDINGS: &[&str] = &[
    "zustaendigkeit.take-on",
    "zustaendigkeit.decided",
    "zustaendigkeit.note",
    "unterlagen.supply",
    "hilfeplan.*",
];

const HINT_14_2_4: &str = "Die Frist beginnt mit dem Eingang bei der Stelle, an die weitergeleitet wurde. Leitet sie im \
    Einvernehmen noch einmal weiter (§ 14 Abs. 3 SGB IX), läuft dieselbe Frist weiter.";
const HINT_15_4: &str = "Gilt statt der Fristen des § 14 Abs. 2 SGB IX, wenn weitere Rehabilitationsträger beteiligt sind. \
    Die antragstellende Person ist über Beteiligung, Zuständigkeiten und Fristen zu unterrichten (§ 15 Abs. 4 Satz 3).";
const HINT_15_4_2: &str = "Gilt, wenn eine Teilhabeplankonferenz nach § 20 SGB IX durchgeführt wird. Angenommen ist, dass \
    die Fallkonferenz in diesem Verlauf eine solche ist.";
const HINT_18: &str = "Kann bis dahin nicht entschieden werden, sind die Gründe vorher schriftlich mitzuteilen (begründete \
    Mitteilung); sonst gilt die Leistung als genehmigt (§ 18 Abs. 3). Nicht für Eingliederungshilfe, Jugendhilfe und \
    Soziale Entschädigung (§ 18 Abs. 7).";

/// All rules.
pub const RULES: &[Rule] = &[
    Rule {
        id: "sgb9-14-1-1",
        what: "Zuständigkeit feststellen oder weiterleiten",
        norm: "§ 14 Abs. 1 Satz 1 SGB IX",
        hint: "Gilt, wenn die Nachricht einen Antrag auf Leistungen zur Teilhabe enthält. Wer insgesamt nicht zuständig ist, \
            leitet unverzüglich weiter (Satz 2); danach ist die Stelle leistender Träger (Abs. 2 Satz 1).",
        trigger: ASK,
        stop: &[
            "zustaendigkeit.take-on",
            "zustaendigkeit.forward",
            "zustaendigkeit.decided",
            "zustaendigkeit.involve",
        ],
        stop_by_obliged: true,
        ..STATUTE
    },
    Rule {
        id: "sgb9-14-2-2",
        what: "Über den Antrag entscheiden (ohne Gutachten)",
        norm: "§ 14 Abs. 2 Satz 2 SGB IX",
        hint: "Gilt, wenn nicht weitergeleitet wird und kein Gutachten nötig ist.",
        trigger: ASK,
        stop: DECIDED,
        stop_by_obliged: true,
        superseded_by: NOT_IN_THREE_WEEKS,
        period: Period::Weeks(3),
        ..STATUTE
    },
    Rule {
        id: "sgb9-14-2-4",
        what: "Über den weitergeleiteten Antrag entscheiden (ohne Gutachten)",
        norm: "§ 14 Abs. 2 Satz 4 mit Satz 2 SGB IX",
        hint: HINT_14_2_4,
        trigger: FORWARD,
        first_only: true,
        stop: DECIDED,
        superseded_by: NOT_IN_THREE_WEEKS_FORWARDED,
        period: Period::Weeks(3),
        ..STATUTE
    },
    Rule {
        id: "sgb9-14-2-3",
        what: "Nach dem Gutachten entscheiden",
        norm: "§ 14 Abs. 2 Satz 3 SGB IX",
        hint: "Die Frist beginnt, sobald das Gutachten vorliegt; hier mit der Mitteilung, dass es vorliegt.",
        trigger: &["zustaendigkeit.opinion-received"],
        from: Moment::Sent,
        unless: INVOLVE,
        stop: DECIDED,
        obliged: Party::Sender,
        ..STATUTE
    },
    Rule {
        id: "sgb9-17-2-1",
        what: "Gutachten erstellen",
        norm: "§ 17 Abs. 2 Satz 1 SGB IX",
        hint: "Frist der Sachverständigen ab Auftrag. Die beauftragende Stelle erinnert.",
        trigger: &["zustaendigkeit.opinion-ordered"],
        from: Moment::Sent,
        stop: &["zustaendigkeit.opinion-received"],
        obliged: Party::Sender,
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-2-2",
        what: "Feststellungen der beteiligten Stelle",
        norm: "§ 15 Abs. 2 Satz 2 SGB IX",
        hint: "Nur rechtzeitige Feststellungen binden den leistenden Träger. Danach stellt er den Bedarf nach allen \
            Leistungsgesetzen selbst fest (Satz 3).",
        trigger: INVOLVE,
        from: Moment::Sent,
        stop: FINDINGS,
        stop_by_obliged: true,
        stop_at: Moment::Received,
        superseded_by_anyone: &["zustaendigkeit.opinion-ordered"],
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-2-2-gutachten",
        what: "Feststellungen der beteiligten Stelle nach dem Gutachten",
        norm: "§ 15 Abs. 2 Satz 2 SGB IX",
        hint: "Im Fall der Begutachtung zählt, wann das Gutachten beim leistenden Träger vorliegt.",
        trigger: &["zustaendigkeit.opinion-received"],
        requires: INVOLVE,
        stop: FINDINGS,
        stop_at: Moment::Received,
        obliged: Party::Nobody,
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-4-1",
        what: "Mit beteiligten Trägern entscheiden",
        norm: "§ 15 Abs. 4 Satz 1 SGB IX",
        hint: HINT_15_4,
        trigger: ASK,
        requires: INVOLVE,
        stop: DECIDED,
        stop_by_obliged: true,
        superseded_by: FORWARD,
        superseded_by_anyone: CONFERENCE,
        period: Period::Weeks(6),
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-4-1-weiterleitung",
        what: "Mit beteiligten Trägern über den weitergeleiteten Antrag entscheiden",
        norm: "§ 15 Abs. 4 Satz 1 SGB IX",
        hint: HINT_15_4,
        trigger: FORWARD,
        first_only: true,
        requires: INVOLVE,
        stop: DECIDED,
        superseded_by: CONFERENCE,
        period: Period::Weeks(6),
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-4-2",
        what: "Mit Teilhabeplankonferenz entscheiden",
        norm: "§ 15 Abs. 4 Satz 2 SGB IX",
        hint: HINT_15_4_2,
        trigger: ASK,
        requires: CONFERENCE,
        stop: DECIDED,
        stop_by_obliged: true,
        superseded_by: FORWARD,
        period: Period::Months(2),
        ..STATUTE
    },
    Rule {
        id: "sgb9-15-4-2-weiterleitung",
        what: "Mit Teilhabeplankonferenz über den weitergeleiteten Antrag entscheiden",
        norm: "§ 15 Abs. 4 Satz 2 SGB IX",
        hint: HINT_15_4_2,
        trigger: FORWARD,
        first_only: true,
        requires: CONFERENCE,
        stop: DECIDED,
        period: Period::Months(2),
        ..STATUTE
    },
    Rule {
        id: "sgb9-18-1",
        what: "Entscheiden oder Gründe für die Verzögerung mitteilen",
        norm: "§ 18 Abs. 1 SGB IX",
        hint: HINT_18,
        trigger: ASK,
        stop: DECIDED,
        stop_by_obliged: true,
        superseded_by: FORWARD,
        period: Period::Months(2),
        ..STATUTE
    },
    Rule {
        id: "sgb9-18-1-weiterleitung",
        what: "Über den weitergeleiteten Antrag entscheiden oder Gründe mitteilen",
        norm: "§ 18 Abs. 1 SGB IX",
        hint: HINT_18,
        trigger: FORWARD,
        first_only: true,
        stop: DECIDED,
        period: Period::Months(2),
        ..STATUTE
    },
    Rule {
        id: "projekt-rueckmeldung",
        what: "Rückmeldung nach dem Clearing",
        norm: "Projektregel: spätestens nach acht Wochen",
        hint: "Rückmeldung an die Stelle, die zugeleitet hat.",
        trigger: &[JOINED, "zuleitung.*"],
        stop: &["rueckmeldung.*"],
        period: Period::Weeks(8),
        ..PROJECT
    },
    Rule {
        id: "projekt-gutachten",
        what: "Ärztlicher Bericht oder Gutachten liegt vor",
        norm: "Projektregel: sechs Monate nach dem Eintritt",
        hint: "Ein Bericht, der außerhalb von Schleuse kam, ist hier nicht zu sehen.",
        stop: &["unterlagen.supply", "begutachtung.result"],
        ..PROJECT
    },
    Rule {
        id: "projekt-hilfeplan",
        what: "Hilfeplan ist abgestimmt und bestätigt",
        norm: "Projektziel: 75 % innerhalb von sechs Monaten",
        hint: "Erfüllt, sobald eine Stelle den Plan bestätigt.",
        stop: &["hilfeplan.confirm"],
        ..PROJECT
    },
    Rule {
        id: "projekt-zustaendigkeit",
        what: "Zuständigkeit ist geklärt",
        norm: "Projektziel: 70 % innerhalb von zwölf Monaten",
        hint: "Erfüllt mit der ersten Entscheidung über die Zuständigkeit.",
        stop: DECIDED,
        period: Period::Months(12),
        ..PROJECT
    },
    Rule {
        id: "projekt-ende",
        what: "Teilnahme endet",
        norm: "Projektregel: höchstens 24 Monate; § 26 Abs. 4 SGB X",
        hint: "Der Tag des Eintritts zählt mit (§ 187 Abs. 2 BGB); das Ende verschiebt sich an Wochenenden nicht. Vorher die \
            Überleitung vorbereiten.",
        stop: ENDED,
        period: Period::Months(24),
        begin: Begin::WithDay,
        end: End::AsItIs,
        ..PROJECT
    },
    Rule {
        id: "projekt-ueberpruefung",
        what: "Einwilligung gemeinsam überprüfen",
        norm: "Projektregel: alle sechs Monate; Art. 7 DSGVO",
        hint: "Gilt je Einwilligung. Eine neue Fassung oder eine Bestätigung beginnt die Frist neu.",
        scope: Scope::Thread,
        trigger: &[CONSENT_RECORDED, CONSENT_CONFIRMED],
        stop: &[CONSENT_RECORDED, CONSENT_CONFIRMED],
        superseded_by: &[CONSENT_REVOKED, LEFT],
        ..PROJECT
    },
    Rule {
        id: "projekt-nachbetreuung-3",
        what: "Nachbetreuung: drei Monate",
        norm: "Projektregel: bis zu drei Monate nach dem Ende",
        hint: "Zeitraum der Nachbetreuung; er endet auch an einem Wochenende (§ 26 Abs. 4 SGB X).",
        trigger: ENDED,
        period: Period::Months(3),
        end: End::AsItIs,
        ..PROJECT
    },
    Rule {
        id: "projekt-nachbetreuung-6",
        what: "Nachbetreuung: sechs Monate",
        norm: "Projektregel: anderswo sechs Monate nach dem Ende",
        hint: "Nur, wenn sechs Monate vereinbart sind.",
        trigger: ENDED,
        end: End::AsItIs,
        ..PROJECT
    },
];

/// Whether a code is meant by a pattern: the same code, or `x.*` and it begins with `x.`.
pub(super) fn is_meant(code: &str, patterns: &[&str]) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(prefix) => code.starts_with(prefix),
        None => code == *pattern,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn codes() -> BTreeSet<&'static str> {
        let lists = RULES.iter().flat_map(|rule| {
            [
                rule.trigger,
                rule.requires,
                rule.unless,
                rule.stop,
                rule.superseded_by,
                rule.superseded_by_anyone,
            ]
        });
        lists.flatten().copied().collect()
    }

    #[test]
    fn each_code_is_one_of_the_catalogue() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../ops/reference/catalogue.toml");
        let catalogue: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
        let kinds = catalogue["kind"].as_table().unwrap();
        let events = [JOINED, LEFT, CONSENT_RECORDED, CONSENT_CONFIRMED, CONSENT_REVOKED];
        for code in codes() {
            let is_known = kinds.keys().any(|kind| is_meant(kind, &[code]));
            assert!(is_known || events.contains(&code), "{code}");
        }
    }

    #[test]
    fn rows_are_complete_and_their_names_differ() {
        let ids: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(ids.len(), RULES.len());
        for rule in RULES {
            assert!(!rule.trigger.is_empty() && !rule.what.is_empty(), "{}", rule.id);
            assert!(!rule.norm.is_empty() && !rule.hint.is_empty(), "{}", rule.id);
            assert!(!rule.hint.contains("  "), "{}", rule.id);
        }
    }

    /// The statute, read row by row.
    #[test]
    fn the_periods_are_those_of_the_norms() {
        let period = |id: &str| RULES.iter().find(|rule| rule.id == id).unwrap().period;
        assert_eq!(period("sgb9-14-1-1"), Period::Weeks(2));
        assert_eq!(period("sgb9-14-2-2"), Period::Weeks(3));
        assert_eq!(period("sgb9-14-2-3"), Period::Weeks(2));
        assert_eq!(period("sgb9-14-2-4"), Period::Weeks(3));
        assert_eq!(period("sgb9-17-2-1"), Period::Weeks(2));
        assert_eq!(period("sgb9-15-2-2"), Period::Weeks(2));
        assert_eq!(period("sgb9-15-4-1"), Period::Weeks(6));
        assert_eq!(period("sgb9-15-4-2"), Period::Months(2));
        assert_eq!(period("sgb9-18-1"), Period::Months(2));
        assert_eq!(period("projekt-ende"), Period::Months(24));
    }
}
