//! Fields of the kinds without content: codes, identifiers and days only.

use super::super::rules::Rule;
use super::{Field, list, may, must};

pub(super) const FIELDS: &[Field] = &[
    must("ConsentRequestedNotice.purpose", "Zweck", Rule::Code),
    list("ConsentRequestedNotice.categories", "Datenkategorien", 1, 32, Rule::Code),
    must("ConsentRequestedNotice.recipient_agency", "Empfangende Stelle", Rule::Part),
    must("ConsentRequestedNotice.recipient_function", "Empfangende Funktion", Rule::Part),
    must("RevocationNotice.notice_id", "Mitteilung", Rule::Id),
    list("RevocationNotice.message_ids", "Nachrichten", 0, 1000, Rule::Id),
    must("RevocationNotice.answer_by", "Bestätigung erbeten bis", Rule::Date),
    must("DeletionConfirmedNotice.notice_id", "Mitteilung", Rule::Id),
    list("DeletionConfirmedNotice.message_ids", "Nachrichten", 0, 1000, Rule::Id),
    must("DeletionConfirmedNotice.deleted_on", "Gelöscht am", Rule::Date),
    must("DataRetained.notice_id", "Mitteilung", Rule::Id),
    list("DataRetained.message_ids", "Nachrichten", 0, 1000, Rule::Id),
    must("DataRetained.rule", "Vorschrift", Rule::Code),
    may("DataRetained.retained_until", "Aufbewahrt bis", Rule::Date),
    must("Misdirected.message_id", "Nachricht", Rule::Id),
    must("Misdirected.reason", "Grund", Rule::Enum),
    may("Misdirected.deleted", "Dort gelöscht", Rule::Flag),
    must("Correction.message_id", "Nachricht", Rule::Id),
    must("Correction.reason", "Grund", Rule::Enum),
    may("Correction.replaced_by", "Ersetzt durch Nachricht", Rule::Id),
    must("NonDelivery.message_id", "Nachricht", Rule::Id),
    must("NonDelivery.reason", "Grund", Rule::Enum),
];
