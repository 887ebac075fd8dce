//! Fields of Zuleitung, Überleitung, Rückmeldung, Nachbetreuung, Evaluation.

use super::super::rules::Rule;
use super::{Field, LINE, NOTE, list, may, must};

/// The scale of employability: four steps.
const EMPLOYABILITY: Rule = Rule::Number(1, 4);

pub(super) const FIELDS: &[Field] = &[
    // Zuleitung und Überleitung.
    must("ZuleitungHandOver.agreed_on", "Zugestimmt am", Rule::Date),
    must("ZuleitungHandOver.situation", "Situation", NOTE),
    may("ZuleitungHandOver.wishes", "Wünsche", NOTE),
    must("ZuleitungHandOver.contact", "Ansprechstelle", Rule::Message),
    may("ZuleitungHandOver.talk_wanted", "Übergabegespräch gewünscht", Rule::Flag),
    must("ZuleitungReceived.received_on", "Erhalten am", Rule::Date),
    may("ZuleitungReceived.contact", "Ansprechstelle", Rule::Message),
    must("ProposedTalk.starts_at_ms", "Beginn", Rule::Time),
    must("ProposedTalk.minutes", "Minuten", Rule::Number(1, 480)),
    must("ProposedTalk.place", "Ort", LINE),
    must("UeberleitungPlan.ends_on", "Ende geplant am", Rule::Date),
    list("UeberleitungPlan.talks", "Vorgeschlagene Übergabegespräche", 0, 16, Rule::Message),
    may("UeberleitungPlan.outlook", "Ausblick", NOTE),
    must("UeberleitungHandOver.from", "Ab", Rule::Date),
    must("UeberleitungHandOver.reached", "Erreicht", NOTE),
    list("UeberleitungHandOver.open_points", "Offen", 0, 32, Rule::Message),
    may("UeberleitungHandOver.talk_held_on", "Übergabegespräch am", Rule::Date),
    may("UeberleitungHandOver.contact", "Bisherige Ansprechstelle", Rule::Message),
    must("UeberleitungTakenOver.taken_over_on", "Übernommen am", Rule::Date),
    must("UeberleitungTakenOver.contact", "Neue Ansprechstelle", Rule::Message),
    // Rückmeldung.
    must("RueckmeldungClearing.clearing_from", "Clearing von", Rule::Date),
    must("RueckmeldungClearing.clearing_to", "Clearing bis", Rule::Date),
    must("RueckmeldungClearing.outcome", "Ergebnis", Rule::Enum),
    must("RueckmeldungClearing.summary", "Zusammenfassung", NOTE),
    list("RueckmeldungClearing.next_steps", "Nächste Schritte", 0, 16, Rule::Message),
    must("RueckmeldungStatus.phase", "Phase", Rule::Enum),
    must("RueckmeldungStatus.as_of", "Stand", Rule::Date),
    must("RueckmeldungStatus.summary", "Zusammenfassung", NOTE),
    list("RueckmeldungStatus.next_steps", "Nächste Schritte", 0, 16, Rule::Message),
    must("RueckmeldungEnd.ended_on", "Letzter Tag", Rule::Date),
    // Nachbetreuung.
    must("NachbetreuungAgree.period_from", "Von", Rule::Date),
    must("NachbetreuungAgree.period_to", "Bis", Rule::Date),
    must("NachbetreuungAgree.interval_weeks", "Abstand in Wochen", Rule::Number(1, 26)),
    must("NachbetreuungAgree.contact", "Ansprechstelle", Rule::Message),
    may("NachbetreuungAgree.note", "Anmerkung", NOTE),
    must("NachbetreuungContact.contact_on", "Kontakt am", Rule::Date),
    must("NachbetreuungContact.channel", "Kontaktweg", Rule::Enum),
    must("NachbetreuungContact.summary", "Zusammenfassung", NOTE),
    may("NachbetreuungContact.next_on", "Nächster Kontakt", Rule::Date),
    list("NachbetreuungContact.next_steps", "Nächste Schritte", 0, 16, Rule::Message),
    must("NachbetreuungEnd.ended_on", "Letzter Tag", Rule::Date),
    // Evaluation.
    must("EvaluationValue.item", "Merkmal", Rule::Code),
    must("EvaluationValue.value", "Wert", LINE),
    must("EvaluationTransfer.survey_pseudonym", "Pseudonym der Erhebung", Rule::Code),
    must("EvaluationTransfer.period_from", "Zeitraum von", Rule::Date),
    must("EvaluationTransfer.period_to", "Zeitraum bis", Rule::Date),
    may("EvaluationTransfer.employability_before", "Beschäftigungsfähigkeit vorher", EMPLOYABILITY),
    may("EvaluationTransfer.employability_after", "Beschäftigungsfähigkeit nachher", EMPLOYABILITY),
    list("EvaluationTransfer.values", "Werte", 0, 200, Rule::Message),
];
