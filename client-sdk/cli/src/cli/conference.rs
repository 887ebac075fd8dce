//! `schleuse agency conference` and `schleuse lotse conference`: a folder of conferences, one file each.

mod distribution;
mod files;
mod plan;

use std::path::Path;
use std::time::Duration;

use schleuse_client::fallkonferenz::{
    Conference, ConferenceEvent, ConferenceFolder, Date, HeldFolder, Letter, Listed, Sent,
    check_times,
};
use schleuse_client::german::{parse_begin, parse_end, parse_on};
use schleuse_client::{Client, ClientError, Clock as _, SystemClock};
use serde_json::{Value, json};

use super::args::{
    AgreementReport, AnswerConference, Chosen, ConferenceCommand, Dates, Folder, Global, Secrecy,
    Sending,
};
use super::output::Output;
use super::{Ending, connect};

/// Seconds of a day.
const DAY_SECONDS: u64 = 24 * 3600;

/// Runs a command about conferences.
#[expect(clippy::too_many_lines, reason = "one arm for each command, each of them flat")]
pub(crate) async fn run(
    global: &Global,
    command: ConferenceCommand,
    output: &Output,
) -> Result<Ending, ClientError> {
    let now_ms = SystemClock.now_ms();
    match command {
        ConferenceCommand::Plan { file, participant, catalogue, folder } => {
            let plan = files::plan(&file, participant.is_some())?;
            plan::check(global, &plan, catalogue.as_deref(), now_ms)?;
            let conference = Conference::convene(plan, participant)?;
            kept(&folder).save(&conference)?;
            show(&conference, output)
        }
        ConferenceCommand::Invite { chosen, sending, dry_run } => {
            distribution::invite(&Desk { global, output }, &chosen, &sending, dry_run).await
        }
        ConferenceCommand::Take { folder, function, sealing } => {
            take(&Desk { global, output }, &folder, &function, &sealing).await
        }
        ConferenceCommand::Answer(arguments) => {
            let AnswerConference { chosen, sending, .. } = &arguments;
            let answer = |conference: &Conference| {
                Ok(marked(answer(conference, &arguments)?, &arguments.secrecy))
            };
            Desk { global, output }.send(chosen, sending, answer).await
        }
        ConferenceCommand::Fix(Dates { chosen, sending, date, minutes, place }) => {
            let dates = parse_dates(&date, minutes)?;
            let fix = |conference: &Conference| match dates.as_slice() {
                [one] => conference.fix(*one, &place_of(conference, place.as_ref())),
                _ => Err(wrong("date", "one date")),
            };
            Desk { global, output }.send(&chosen, &sending, fix).await
        }
        ConferenceCommand::Move { dates, reason, answer_by } => {
            let Dates { chosen, sending, date, minutes, place } = dates;
            let (dates, by) = (parse_dates(&date, minutes)?, answer_by.as_deref());
            let by = by.map(|by| parse_end("answer_by", by)).transpose()?;
            check_times(&dates, by, now_ms)?;
            let moved = |conference: &Conference| {
                let place = place_of(conference, place.as_ref());
                conference.move_to(&dates, reason.to_wire(), &place, by)
            };
            Desk { global, output }.send(&chosen, &sending, moved).await
        }
        ConferenceCommand::Cancel { chosen, sending, reason } => {
            let cancel = |conference: &Conference| conference.cancel(reason.to_wire());
            Desk { global, output }.send(&chosen, &sending, cancel).await
        }
        ConferenceCommand::Minutes { chosen, sending, item, file } => {
            let (text, agreements) = files::minutes(&file)?;
            let minutes = |conference: &Conference| conference.minutes(item, &text, agreements);
            Desk { global, output }.send(&chosen, &sending, minutes).await
        }
        ConferenceCommand::Confirm { chosen, sending, secrecy, item, objection } => {
            let confirm = |conference: &Conference| {
                Ok(marked(vec![conference.confirm(item, &objection)?], &secrecy))
            };
            Desk { global, output }.send(&chosen, &sending, confirm).await
        }
        ConferenceCommand::Agreement(report) => {
            let letters = |conference: &Conference| {
                Ok(marked(agreement(conference, &report, now_ms)?, &report.secrecy))
            };
            Desk { global, output }.send(&report.chosen, &report.sending, letters).await
        }
        ConferenceCommand::Review { chosen, dry_run } => {
            distribution::review(&Desk { global, output }, &chosen, dry_run).await
        }
        ConferenceCommand::Recalled { chosen, message, not_delivered } => {
            let (_held, mut conference) = open_to_change(&chosen).await?;
            for id in message {
                conference.apply(if not_delivered {
                    ConferenceEvent::NotDelivered(id)
                } else {
                    ConferenceEvent::Recalled(id)
                });
            }
            kept(&chosen.folder).save(&conference)?;
            show(&conference, output)
        }
        ConferenceCommand::Show { chosen } => show(&open(&chosen)?, output),
        ConferenceCommand::List { folder } => list(&folder, now_ms, output),
        ConferenceCommand::Ical { chosen, out, with_place } => {
            ical(&open(&chosen)?, &out, with_place, output)
        }
    }
}

/// What every command that talks to the broker needs.
struct Desk<'a> {
    global: &'a Global,
    output: &'a Output,
}

impl Desk<'_> {
    /// Sends what follows from a conference, and keeps what was accepted.
    async fn send(
        &self,
        chosen: &Chosen,
        sending: &Sending,
        letters: impl FnOnce(&Conference) -> Result<Vec<Letter>, ClientError>,
    ) -> Result<Ending, ClientError> {
        let (_held, mut conference) = open_to_change(chosen).await?;
        let letters = letters(&conference)?;
        let client = self.connect(&conference).await?;
        let sent = client.send_letters(&mut conference, letters, expires_in(sending)).await;
        // What was accepted before an error is kept too.
        kept(&chosen.folder).save(&conference)?;
        let ending = self.report(&conference, &sent?, &json!({}), Vec::new());
        client.check_receipts().await?;
        Ok(ending)
    }

    async fn connect(&self, conference: &Conference) -> Result<Client, ClientError> {
        let client = connect(self.global, None, self.output).await?;
        if client.agency() != conference.own().agency {
            let expected = format!("one convened or joined by {}", client.agency());
            return Err(wrong("conference", &format!("{expected}, the certificate's agency")));
        }
        Ok(client)
    }

    /// Shows what became of letters, with more that belongs into the same object, and into the same text.
    fn report(
        &self,
        conference: &Conference,
        sent: &[Sent],
        more: &Value,
        lines: Vec<String>,
    ) -> Ending {
        let rows = sent.iter().map(|one| {
            json!({
                "recipient": one.recipient,
                "kind": one.kind,
                "item": one.item,
                "result": if one.outcome.is_accepted() { "accepted" } else { "not-covered" },
                "record": one.outcome.receipt().record_number,
            })
        });
        let mut value = json!({ "conference": conference.id(), "sent": rows.collect::<Vec<_>>() });
        if let (Some(value), Some(more)) = (value.as_object_mut(), more.as_object()) {
            value.extend(more.clone());
        }
        self.output.result(&value, || {
            let results = sent.iter().map(|one| {
                let result = if one.outcome.is_accepted() { "accepted" } else { "not covered" };
                format!("{} to {}: {result}", one.kind, one.recipient)
            });
            let head = [format!("conference {}", conference.id())];
            head.into_iter().chain(results).chain(lines).collect::<Vec<_>>().join("\n")
        });
        let covered = sent.iter().all(|one| one.outcome.is_accepted());
        if covered { Ending::Done } else { Ending::NotCovered }
    }
}

async fn take(
    desk: &Desk<'_>,
    folder: &Folder,
    function: &str,
    sealing: &Path,
) -> Result<Ending, ClientError> {
    let client = connect(desk.global, Some(sealing), desk.output).await?;
    let came = client.take_conferences(&kept(folder), function).await?;
    for alarm in &came.alarms {
        desk.output.note(&format!("ALARM: {alarm}"));
    }
    for (id, error) in &came.held_back {
        desk.output.note(&format!("not taken in, for conference {id}: {error}"));
    }
    client.check_receipts().await?;
    let rows = came
        .messages
        .iter()
        .map(|(id, kind, sender)| json!({ "conference": id, "kind": kind, "sender": sender }));
    desk.output.result(&json!({ "taken": rows.collect::<Value>() }), || {
        format!("{} messages taken in", came.messages.len())
    });
    Ok(match (came.alarms.is_empty(), came.held_back.is_empty()) {
        (false, _) => Ending::Alarm,
        (true, false) => Ending::HeldBack,
        (true, true) => Ending::Done,
    })
}

/// Letters with the sender's word that they are professional secrets.
fn marked(mut letters: Vec<Letter>, secrecy: &Secrecy) -> Vec<Letter> {
    for letter in &mut letters {
        letter.professional_secret |= secrecy.professional_secret;
    }
    letters
}

fn answer(
    conference: &Conference,
    arguments: &AnswerConference,
) -> Result<Vec<Letter>, ClientError> {
    let AnswerConference { accept, decline, propose, minutes, text, .. } = arguments;
    let letter = match decline {
        Some(reason) => conference.decline(reason.to_wire(), text)?,
        None if accept.is_empty() => conference.propose(&parse_dates(propose, *minutes)?)?,
        None => conference.accept(&parse_dates(accept, *minutes)?)?,
    };
    Ok(vec![letter])
}

fn agreement(
    conference: &Conference,
    report: &AgreementReport,
    now_ms: i64,
) -> Result<Vec<Letter>, ClientError> {
    match (&report.kept, &report.late) {
        (Some(at), _) => match parse_on("kept", at)? {
            kept_ms if kept_ms > now_ms => Err(wrong("kept", "a day or a time that has come")),
            kept_ms => conference.kept(report.agreement, kept_ms),
        },
        (None, Some(by)) => conference.late(report.agreement, parse_end("late", by)?, &report.text),
        (None, None) => Err(wrong("agreement", "--kept or --late")),
    }
}

fn list(folder: &Folder, now_ms: i64, output: &Output) -> Result<Ending, ClientError> {
    if !folder.folder.exists() {
        let why = "there is no such folder: conference plan makes it".to_owned();
        return Err(ClientError::File { path: folder.folder.clone(), why });
    }
    let Listed { conferences, unreadable } = kept(folder).list()?;
    for error in &unreadable {
        output.note(&format!("left out: {error}"));
    }
    let values: Vec<Value> = conferences.iter().map(|one| one.to_json(now_ms)).collect();
    output.result(&Value::Array(values), || {
        let heads = conferences
            .iter()
            .map(|one| one.show(now_ms).lines().next().unwrap_or_default().to_owned());
        heads.collect::<Vec<_>>().join("\n")
    });
    Ok(if unreadable.is_empty() { Ending::Done } else { Ending::Faulty })
}

fn ical(
    conference: &Conference,
    out: &Path,
    with_place: bool,
    output: &Output,
) -> Result<Ending, ClientError> {
    let calendar = conference.calendar(with_place);
    let calendar =
        calendar.ok_or_else(|| wrong("conference", "one whose date was fixed at least once"))?;
    super::files::write(out, calendar.as_bytes())?;
    output.result(&json!({ "file": out.display().to_string() }), || {
        format!("wrote {}", out.display())
    });
    Ok(Ending::Done)
}

fn show(conference: &Conference, output: &Output) -> Result<Ending, ClientError> {
    let now_ms = SystemClock.now_ms();
    output.result(&conference.to_json(now_ms), || conference.show(now_ms));
    Ok(Ending::Done)
}

fn open(chosen: &Chosen) -> Result<Conference, ClientError> {
    kept(&chosen.folder).open(chosen.conference)
}

/// Opens a conference that nobody else on this machine changes meanwhile.
async fn open_to_change(chosen: &Chosen) -> Result<(HeldFolder, Conference), ClientError> {
    let held = kept(&chosen.folder).hold().await?;
    Ok((held, open(chosen)?))
}

fn kept(folder: &Folder) -> ConferenceFolder {
    ConferenceFolder::new(&folder.folder)
}

fn place_of(conference: &Conference, place: Option<&String>) -> String {
    place.map_or_else(|| conference.state().place, Clone::clone)
}

fn parse_dates(texts: &[String], minutes: u32) -> Result<Vec<Date>, ClientError> {
    let dates =
        texts.iter().map(|text| Ok(Date { starts_at_ms: parse_begin("date", text)?, minutes }));
    dates.collect()
}

fn expires_in(sending: &Sending) -> Duration {
    Duration::from_secs(u64::from(sending.days) * DAY_SECONDS)
}

fn wrong(what: &'static str, expected: &str) -> ClientError {
    ClientError::Argument { what, expected: expected.to_owned() }
}
