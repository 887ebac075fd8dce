//! A conference for people, in German, and for programs, in JSON.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::conference::Conference;
use super::state::{
    AgreementStatus, Body, Confirmation, Date, ItemState, Phase, Reply, State, Task,
};
use crate::clock::rfc3339;
use crate::content::{change_word, decline_word};
use crate::german::{german_end, german_time};
use crate::ids::{Address, ItemId};
use crate::terminal::{terminal_line, terminal_text};

/// Before each further line of a text of others, so that it looks like no line of the conference.
const FURTHER: &str = "\n    | ";

impl Conference {
    /// The conference at an instant, in German.
    #[must_use]
    pub fn show(&self, now_ms: i64) -> String {
        let state = self.state();
        let mut text = String::new();
        let name = if self.is_about_participant() { "Fallkonferenz" } else { "Konferenz" };
        let phase = match state.phase {
            Phase::Planned => "geplant, noch niemand eingeladen",
            Phase::Invited => "eingeladen, Termin noch offen",
            Phase::Fixed => "Termin steht fest",
            Phase::Cancelled => "fällt aus",
            Phase::Withdrawn => "Einladung zurückgerufen",
        };
        // Writing to a text cannot fail.
        let _written = self.write(&mut text, &state, now_ms, name, phase);
        text
    }

    fn write(
        &self,
        text: &mut String,
        state: &State,
        now_ms: i64,
        name: &str,
        phase: &str,
    ) -> std::fmt::Result {
        writeln!(text, "{name} {}: {phase}", self.id)?;
        writeln!(text, "  einberufen von  {}", self.convener)?;
        match (state.phase, state.date) {
            (Phase::Withdrawn, _) => return Ok(()),
            (Phase::Fixed | Phase::Cancelled, Some(date)) => {
                writeln!(text, "  Termin          {}", german_date(date))?;
            }
            (Phase::Planned | Phase::Invited | Phase::Fixed | Phase::Cancelled, _) => {
                for date in &state.proposed {
                    writeln!(text, "  Vorschlag       {}", german_date(*date))?;
                }
                if let Some(by) = state.answer_by_ms {
                    writeln!(text, "  Antwort bis     {}", german_end(by))?;
                }
            }
        }
        writeln!(text, "  Ort             {}", terminal_line(&state.place))?;
        if let Some(reason) = state.change_reason {
            writeln!(text, "  Grund           {}", change_word(reason))?;
        }
        if !state.bodies.is_empty() {
            writeln!(text, "\nBeteiligte")?;
        }
        for (address, body) in &state.bodies {
            writeln!(text, "  {address}: {}", body_word(body))?;
        }
        for ((id, item), number) in state.agenda().into_iter().zip(1..) {
            write_item(text, id, item, number, now_ms)?;
            if self.is_convener() {
                write_holders(text, state, id)?;
            }
        }
        let open = state.open(now_ms);
        writeln!(text, "\n{}", if open.is_empty() { "Nichts offen." } else { "Offen" })?;
        for one in open {
            let due = one.due_ms.map(|due| format!(", bis {}", german_end(due)));
            let overdue = if one.is_overdue { " – ÜBERFÄLLIG" } else { "" };
            let task = terminal_line(&task_word(state, one.task));
            writeln!(text, "  {}: {task}{}{overdue}", one.who, due.unwrap_or_default())?;
        }
        Ok(())
    }

    /// The conference at an instant as JSON; times are RFC 3339.
    #[must_use]
    pub fn to_json(&self, now_ms: i64) -> Value {
        let state = self.state();
        let date = |date: &Date| json!({ "starts_at": rfc3339(date.starts_at_ms), "minutes": date.minutes });
        let dates = |all: &[Date]| all.iter().map(date).collect::<Vec<_>>();
        let bodies = state.bodies.iter().map(|(address, body)| {
            json!({
                "body": address,
                "invited": body.invited,
                "reply": match &body.reply {
                    None => Value::Null,
                    Some(Reply::Accepted(all)) => json!({ "accept": dates(all) }),
                    Some(Reply::Proposed(all)) => json!({ "propose": dates(all) }),
                    Some(Reply::Declined { reason, text }) => {
                        json!({ "decline": reason.as_str_name(), "text": text })
                    }
                },
                "items": body.items,
                "recalled": body.recalled,
                "too_late": body.too_late,
                "invitation_too_late": body.invitation_too_late,
            })
        });
        let items = state.agenda().into_iter();
        let items = items.map(|(id, item)| item_json(&id.to_string(), item, now_ms));
        let open = state.open(now_ms).into_iter().map(|one| {
            json!({
                "who": one.who,
                "task": task_word(&state, one.task),
                "due": one.due_ms.map(rfc3339),
                "overdue": one.is_overdue,
            })
        });
        json!({
            "conference": self.id,
            "own": self.own,
            "convener": self.convener,
            "purpose": self.purpose,
            "phase": format!("{:?}", state.phase).to_lowercase(),
            "sequence": state.sequence,
            "date": state.date.as_ref().map(date),
            "proposed": dates(&state.proposed),
            "answer_by": state.answer_by_ms.map(rfc3339),
            "place": state.place,
            "reason": state.change_reason.map(|reason| reason.as_str_name()),
            "bodies": bodies.collect::<Vec<_>>(),
            "items": items.collect::<Vec<_>>(),
            "open": open.collect::<Vec<_>>(),
        })
    }
}

fn item_json(id: &str, item: &ItemState, now_ms: i64) -> Value {
    let word = |(address, word): (&Address, &Confirmation)| {
        let objection = match word {
            Confirmation::Confirmed => None,
            Confirmation::Objected(text) => Some(text),
        };
        json!({ "body": address, "objection": objection })
    };
    json!({
        "item": id,
        "title": item.title,
        "categories": item.categories,
        "minutes_planned": item.minutes_planned,
        "notes": item.notes,
        "version": item.minutes.as_ref().map(|(version, _)| version),
        "minutes": item.minutes.as_ref().map(|(_, text)| text),
        "confirmations": item.confirmations.iter().map(word).collect::<Vec<_>>(),
        "agreements": item.agreed().into_iter().map(|(id, one)| json!({
            "agreement": id,
            "who": one.who,
            "what": one.what,
            "until": rfc3339(one.until_ms),
            "kept_at": one.kept_at_ms.map(rfc3339),
            "expected_by": one.late.as_ref().map(|(by, _)| rfc3339(*by)),
            "late_because": one.late.as_ref().map(|(_, why)| why),
            "status": format!("{:?}", one.status(now_ms)).to_lowercase(),
        })).collect::<Vec<_>>(),
    })
}

/// An item with what a person needs to write, confirm and keep: its identifier and those of its agreements.
fn write_item(
    text: &mut String,
    id: &ItemId,
    item: &ItemState,
    number: u32,
    now_ms: i64,
) -> std::fmt::Result {
    let categories: Vec<&str> = item.categories.iter().map(String::as_str).collect();
    let title = terminal_line(&item.title);
    write!(text, "\nPunkt {number}: {title} ({} Minuten", item.minutes_planned)?;
    match categories.as_slice() {
        [] => writeln!(text, ")")?,
        some => writeln!(text, "; {})", terminal_line(&some.join(", ")))?,
    }
    writeln!(text, "  Kennung         {id}")?;
    for line in terminal_text(&item.notes).lines() {
        writeln!(text, "  | {line}")?;
    }
    if let Some((version, minutes)) = &item.minutes {
        writeln!(text, "  Protokoll, Fassung {version}")?;
        for line in terminal_text(minutes).lines() {
            writeln!(text, "  | {line}")?;
        }
    }
    for (address, word) in &item.confirmations {
        match word {
            Confirmation::Confirmed => writeln!(text, "  bestätigt von {address}")?,
            Confirmation::Objected(why) => {
                writeln!(text, "  Einwand von {address}: {}", longer(why))?;
            }
        }
    }
    for (id, one) in item.agreed() {
        let status = match one.status(now_ms) {
            AgreementStatus::Open => "offen",
            AgreementStatus::Kept => "erfüllt",
            AgreementStatus::KeptLate => "verspätet erfüllt",
            AgreementStatus::Late => "verspätet sich",
            AgreementStatus::Overdue => "ÜBERFÄLLIG",
        };
        let until = german_end(one.until_ms);
        let what = longer(&one.what);
        writeln!(text, "  Vereinbarung: {} – {what} – bis {until}: {status}", one.who)?;
        writeln!(text, "    Kennung       {id}")?;
        if let Some((by, why)) = one.late.as_ref().filter(|_| one.kept_at_ms.is_none()) {
            let why = if why.is_empty() { String::new() } else { format!(": {}", longer(why)) };
            writeln!(text, "    Angekündigt   bis {}{why}", german_end(*by))?;
        }
    }
    Ok(())
}

/// Who holds an item, for the convener: nobody else is told.
fn write_holders(text: &mut String, state: &State, id: &ItemId) -> std::fmt::Result {
    type Items = fn(&Body) -> &BTreeSet<ItemId>;
    let words: [(&str, Items); 3] = [
        ("liegt vor bei", |body| &body.items),
        ("zurückgerufen bei", |body| &body.recalled),
        ("zu spät zurückgerufen bei", |body| &body.too_late),
    ];
    for (word, items) in words {
        let bodies = state.bodies.iter().filter(|(_, body)| items(body).contains(id));
        let bodies: Vec<String> = bodies.map(|(address, _)| address.to_string()).collect();
        if !bodies.is_empty() {
            writeln!(text, "  {word} {}", bodies.join(", "))?;
        }
    }
    Ok(())
}

fn body_word(body: &Body) -> String {
    let all =
        |dates: &[Date]| dates.iter().map(|date| german_date(*date)).collect::<Vec<_>>().join("; ");
    let word = match &body.reply {
        _ if body.invitation_too_late => {
            "nicht mehr eingeladen, Einladung lag schon vor".to_owned()
        }
        _ if !body.invited => "Einladung zurückgerufen".to_owned(),
        None => "noch keine Antwort".to_owned(),
        Some(Reply::Accepted(dates)) => format!("nimmt teil: {}", all(dates)),
        Some(Reply::Proposed(dates)) => format!("schlägt vor: {}", all(dates)),
        Some(Reply::Declined { reason, text }) => {
            let word = format!("sagt ab ({}) {}", decline_word(*reason), terminal_line(text));
            word.trim_end().to_owned()
        }
    };
    let counted = |items: usize, what: &str| match items {
        0 => String::new(),
        1 => format!(" – 1 Punkt{what}"),
        many => format!(" – {many} Punkte{what}"),
    };
    let held = counted(body.items.len(), "");
    let recalled = counted(body.recalled.len(), " zurückgerufen");
    let too_late = counted(body.too_late.len(), " zu spät zurückgerufen, lag schon vor");
    format!("{word}{held}{recalled}{too_late}")
}

fn task_word(state: &State, task: Task) -> String {
    let title = |id| state.items.get(id).map(|item| item.title.as_str()).unwrap_or_default();
    match task {
        Task::Invite => "einladen".to_owned(),
        Task::Answer => "auf die Einladung antworten".to_owned(),
        Task::Fix => "Termin festlegen".to_owned(),
        Task::WriteMinutes(item) => format!("Protokoll schreiben: {}", title(&item)),
        Task::Confirm(item) => format!("Protokoll bestätigen: {}", title(&item)),
        Task::CorrectMinutes(item) => format!("Einwand zum Protokoll klären: {}", title(&item)),
        Task::Keep(item, agreement) => {
            let agreements = state.items.get(&item).map(|item| &item.agreements);
            let what = agreements.and_then(|all| all.get(&agreement)).map(|one| one.what.as_str());
            format!("Vereinbarung erfüllen: {}", what.unwrap_or_default())
        }
    }
}

/// A text of others that may have several lines.
fn longer(text: &str) -> String {
    terminal_text(text).trim_end().replace('\n', FURTHER)
}

fn german_date(date: Date) -> String {
    format!("{}, {} Minuten", german_time(date.starts_at_ms), date.minutes)
}
