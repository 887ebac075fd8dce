//! Messages of a Fallkonferenz as text for people: German names, German time.

use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use crate::german::{german_end, german_on, german_time};
use crate::ids::hex;
use crate::terminal::terminal_text;

/// A message of a Fallkonferenz as lines below its name; none for any other.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are shown elsewhere")]
pub(in crate::content) fn text(kind: &Kind) -> Option<String> {
    let mut lines = Lines(String::new());
    match kind {
        Kind::FallkonferenzRequest(one) => request(&mut lines, one),
        Kind::FallkonferenzAnswer(one) => answer(&mut lines, one),
        Kind::FallkonferenzPart(one) => {
            lines.id("Konferenz", &one.conference_id);
            one.item.iter().for_each(|one| item(&mut lines, "", one));
        }
        Kind::FallkonferenzAccept(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.dates("Passt", &one.dates);
        }
        Kind::FallkonferenzDecline(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.line("Grund", &code(one.reason, decline_word));
            lines.line("Erläuterung", &one.text);
        }
        Kind::FallkonferenzPropose(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.dates("Vorschlag", &one.dates);
        }
        Kind::FallkonferenzFix(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.dates("Termin", one.date.as_slice());
            lines.line("Ort", &one.place);
        }
        Kind::FallkonferenzMove(one) => moved(&mut lines, one),
        Kind::FallkonferenzCancel(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.line("Grund", &code(one.reason, change_word));
        }
        Kind::FallkonferenzMinutes(one) => minutes(&mut lines, one),
        Kind::FallkonferenzConfirm(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.id("Tagesordnungspunkt", &one.item_id);
            lines.line("Fassung", &one.version.to_string());
            let confirmed = if one.objection.is_empty() { "bestätigt" } else { "Einwand" };
            lines.line("Protokoll", confirmed);
            lines.line("Einwand", &one.objection);
        }
        Kind::FallkonferenzAgreementKept(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.id("Tagesordnungspunkt", &one.item_id);
            lines.id("Vereinbarung", &one.agreement_id);
            lines.line("Erfüllt am", &german_on(one.kept_at_ms));
        }
        Kind::FallkonferenzAgreementLate(one) => {
            lines.id("Konferenz", &one.conference_id);
            lines.id("Tagesordnungspunkt", &one.item_id);
            lines.id("Vereinbarung", &one.agreement_id);
            lines.line("Erwartet bis", &german_end(one.expected_by_ms));
            lines.line("Grund", &one.text);
        }
        _ => return None,
    }
    Some(lines.0)
}

fn request(lines: &mut Lines, request: &v1::FallkonferenzRequest) {
    lines.id("Konferenz", &request.conference_id);
    lines.dates("Vorschlag", &request.proposed_dates);
    lines.line("Ort", &request.place);
    lines.line("Antwort bis", &german_end(request.answer_by_ms));
    for (one, number) in request.agenda.iter().zip(1..) {
        lines.head(&format!("Tagesordnungspunkt {number}"));
        item(lines, "  ", one);
    }
}

fn answer(lines: &mut Lines, answer: &v1::FallkonferenzAnswer) {
    lines.id("Konferenz", &answer.conference_id);
    lines.line("Antwort", &code(answer.reply, reply));
    lines.dates("Termin", answer.chosen_date.as_slice());
    lines.dates("Vorschlag", &answer.other_dates);
    lines.line("Grund", &answer.reason);
}

fn moved(lines: &mut Lines, change: &v1::FallkonferenzMove) {
    lines.id("Konferenz", &change.conference_id);
    let name = if change.dates.len() == 1 { "Termin" } else { "Vorschlag" };
    lines.dates(name, &change.dates);
    lines.line("Ort", &change.place);
    lines.line("Grund", &code(change.reason, change_word));
    if change.answer_by_ms > 0 {
        lines.line("Antwort bis", &german_end(change.answer_by_ms));
    }
}

fn minutes(lines: &mut Lines, minutes: &v1::FallkonferenzMinutes) {
    lines.id("Konferenz", &minutes.conference_id);
    lines.id("Tagesordnungspunkt", &minutes.item_id);
    lines.line("Fassung", &minutes.version.to_string());
    lines.line("Protokoll", &minutes.text);
    for (one, number) in minutes.agreements.iter().zip(1..) {
        lines.head(&format!("Vereinbarung {number}"));
        lines.line("  Kennung", &hex(&one.agreement_id));
        lines.line("  Wer", &format!("{}/{}", one.agency, one.function));
        lines.line("  Was", &one.what);
        lines.line("  Bis", &german_end(one.until_ms));
    }
}

fn item(lines: &mut Lines, indent: &str, item: &v1::AgendaItem) {
    lines.line(&format!("{indent}Titel"), &item.title);
    if !item.item_id.is_empty() {
        lines.line(&format!("{indent}Kennung"), &hex(&item.item_id));
    }
    lines.line(&format!("{indent}Datenkategorien"), &item.categories.join(", "));
    lines.line(&format!("{indent}Minuten"), &item.minutes.to_string());
    lines.line(&format!("{indent}Vorab"), &item.notes);
}

/// Lines of the form `Name: value`; what has no value has no line, and values of several lines are indented, so that
/// none of them looks like a line of its own.
struct Lines(String);

impl Lines {
    fn head(&mut self, name: &str) {
        self.0 += &format!("\n{name}:");
    }

    fn line(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            let margin = name.len() - name.trim_start().len() + 2;
            // First of all what else ends a line: later it would end it without the margin.
            let value = terminal_text(value);
            let value = value.replace('\n', &format!("\n{}", " ".repeat(margin)));
            self.0 += &format!("\n{name}: {value}");
        }
    }

    fn id(&mut self, name: &str, bytes: &[u8]) {
        self.line(name, &hex(bytes));
    }

    /// One date by its name, several with their numbers.
    fn dates(&mut self, name: &str, dates: &[v1::ProposedDate]) {
        for (date, number) in dates.iter().zip(1..) {
            let name = if dates.len() > 1 { format!("{name} {number}") } else { name.to_owned() };
            let value = format!("{}, {} Minuten", german_time(date.starts_at_ms), date.minutes);
            self.line(&name, &value);
        }
    }
}

/// A code in German; its number, if only a newer version has it.
fn code<E: TryFrom<i32>>(number: i32, word: fn(E) -> &'static str) -> String {
    E::try_from(number).map_or_else(
        |_| format!("Wert {number}, den dieses Programm nicht kennt"),
        |known| word(known).to_owned(),
    )
}

fn reply(reply: v1::FallkonferenzReply) -> &'static str {
    match reply {
        v1::FallkonferenzReply::Accept => "nimmt teil",
        v1::FallkonferenzReply::Decline => "sagt ab",
        v1::FallkonferenzReply::Propose => "schlägt andere Termine vor",
        v1::FallkonferenzReply::Unspecified => "ohne Angabe",
    }
}

/// Why a body does not take part, in German.
pub(crate) fn decline_word(reason: v1::FallkonferenzDeclineReason) -> &'static str {
    use v1::FallkonferenzDeclineReason as Reason;
    match reason {
        Reason::NoDate => "kein Termin möglich",
        Reason::NotConcerned => "nicht betroffen",
        Reason::OtherFunction => "andere Stelle im Haus",
        Reason::InWriting => "schriftliche Stellungnahme folgt",
        Reason::Capacity => "keine Kapazität",
        Reason::Other | Reason::Unspecified => "anderer Grund",
    }
}

/// Why a conference is moved or cancelled, in German.
pub(crate) fn change_word(reason: v1::FallkonferenzChangeReason) -> &'static str {
    use v1::FallkonferenzChangeReason as Reason;
    match reason {
        Reason::Attendance => "jemand ist verhindert",
        Reason::Documents => "Unterlagen fehlen",
        Reason::Place => "Raum oder Verbindung fehlt",
        Reason::Settled => "hat sich erledigt",
        Reason::NotStated | Reason::Unspecified => "ohne Angabe",
    }
}
