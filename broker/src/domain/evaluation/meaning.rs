//! What a message kind means for the evaluation. The broker is blind: it sees the kind and nothing inside.
//!
//! By the text of the code, so that records of an earlier catalogue mean what they meant.

/// A Fallkonferenz has a date, or took place.
const CONFERENCE: [&str; 2] = ["fallkonferenz.fix", "fallkonferenz.minutes"];
/// An agreement was kept in time.
const KEPT: &str = "fallkonferenz.agreement-kept";
/// An agreement was not kept in time.
const LATE: &str = "fallkonferenz.agreement-late";
/// Somebody asks who is responsible.
const ASKS_RESPONSIBILITY: &str = "zustaendigkeit.ask";
/// Who is responsible is decided.
const SETTLES: &str = "zustaendigkeit.decided";
/// A case course is documented for the evaluation.
const DOCUMENTS: &str = "evaluation.transfer";
/// An agency confirms something that enables the participant: it takes on the responsibility, agrees to the help
/// plan, passes on the application for rehabilitation, takes over after the project.
const ENABLES: [&str; 4] =
    ["zustaendigkeit.take-on", "hilfeplan.confirm", "reha.application", "ueberleitung.taken-over"];
/// Endings of kinds that ask for an answer.
const ASKS: [&str; 2] = [".request", ".ask"];

/// What a kind means. Most mean nothing but that something was exchanged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent properties of a kind")]
pub struct Meaning {
    /// A Fallkonferenz.
    pub conference: bool,
    /// An agreement was kept in time, or not.
    pub agreement_kept: Option<bool>,
    /// It asks for an answer.
    pub asks: bool,
    /// It asks who is responsible.
    pub asks_responsibility: bool,
    /// It decides who is responsible.
    pub settles: bool,
    /// It documents a case course.
    pub documents: bool,
    /// It confirms something that enables the participant.
    pub enables: bool,
}

impl Meaning {
    /// What the kind with this code means.
    #[must_use]
    pub fn of(code: &str) -> Self {
        let agreement_kept = match code {
            KEPT => Some(true),
            LATE => Some(false),
            _ => None,
        };
        Self {
            conference: CONFERENCE.contains(&code),
            agreement_kept,
            asks: ASKS.iter().any(|ending| code.ends_with(ending)),
            asks_responsibility: code == ASKS_RESPONSIBILITY,
            settles: code == SETTLES,
            documents: code == DOCUMENTS,
            enables: ENABLES.contains(&code),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_mean_what_the_table_says() {
        assert!(Meaning::of("fallkonferenz.fix").conference);
        assert!(Meaning::of("fallkonferenz.request").asks);
        assert!(!Meaning::of("fallkonferenz.request").conference);
        let ask = Meaning::of("zustaendigkeit.ask");
        assert!(ask.asks && ask.asks_responsibility && !ask.settles);
        assert_eq!(Meaning::of("fallkonferenz.agreement-late").agreement_kept, Some(false));
        assert_eq!(Meaning::of("leistung.note"), Meaning::default());
        assert_eq!(Meaning::of("ask"), Meaning::default());
    }
}
