//! A conference as a file of its owner's, JSON. It holds plaintext: only its owner may read it.
//!
//! The file holds every message, each copy of minutes for each body, and so it grows. What can be read is bounded, and
//! therefore what is kept: before letters are sent and before a message is taken in, there must be room for it. What
//! others send fills a part of the file only, so that a convener can still cancel.

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::conference::{Conference, ConferenceEvent, Notice};
use super::letters::Letter;
use super::plan::{Item, Plan};
use super::state::Date;
use crate::content::Content;
use crate::error::ClientError;
use crate::files;
use crate::ids::{Address, MessageId, ParticipantReference};

/// Version of the form below.
const VERSION: u32 = 1;
/// Largest file in bytes: more than a thousand copies of the longest minutes.
const FILE_BYTES_MAX: u64 = 64 * MIB;
/// Messages fill no more of it: the rest is for the plan, whose longest notes need 3 MiB, and for marks of recalls.
const MESSAGES_BYTES_MAX: u64 = FILE_BYTES_MAX - 8 * MIB;
/// Received messages are taken in up to this; the rest is for own ones.
const RECEIVED_BYTES_MAX: u64 = 48 * MIB;
const MIB: u64 = 1024 * 1024;
/// Bytes of a message beside its content: identifier, two addresses, a time and the names of all these.
const MESSAGE_BYTES: usize = 512;
/// What others must not see in it.
const HOLDS: &str = "what is said in a conference";

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ConferenceFile {
    version: u32,
    conference: String,
    own: String,
    convener: String,
    purpose: String,
    about_participant: bool,
    participant: Option<String>,
    plan: Option<PlanFile>,
    messages: Vec<MessageFile>,
    recalled: Vec<String>,
    #[serde(default)]
    recalled_too_late: Vec<String>,
    undelivered: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct PlanFile {
    bodies: Vec<String>,
    items: Vec<ItemFile>,
    dates: Vec<(i64, u32)>,
    place: String,
    answer_by_ms: i64,
    #[serde(default)]
    professional_secret: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct ItemFile {
    id: String,
    title: String,
    categories: BTreeSet<String>,
    minutes: u32,
    notes: String,
    bodies: Option<Vec<String>>,
    #[serde(default)]
    professional_secret: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct MessageFile {
    id: String,
    from: String,
    to: String,
    at_ms: i64,
    /// Encoded Content, base64.
    content: String,
}

impl Conference {
    /// Writes the conference; after a crash there is the old file or the new one, whole.
    ///
    /// # Errors
    /// The file cannot be written, or is larger than what is read again.
    pub fn save(&self, path: &Path) -> Result<(), ClientError> {
        let text = serde_json::to_vec_pretty(&self.to_file());
        let text = text.map_err(|error| ClientError::file(path, error))?;
        if u64::try_from(text.len()).map_or(true, |length| length > FILE_BYTES_MAX) {
            let why = format!("would be larger than {FILE_BYTES_MAX} bytes, and stays as it was");
            return Err(ClientError::file(path, why));
        }
        files::replace(path, &text)
    }

    /// Reads a conference.
    ///
    /// # Errors
    /// The file cannot be read, others may read it, it is too large, or it is no conference.
    pub fn open(path: &Path) -> Result<Self, ClientError> {
        let text = files::read_private_up_to(path, HOLDS, FILE_BYTES_MAX)?;
        let file: ConferenceFile = serde_json::from_slice(&text)
            .map_err(|error| ClientError::file(path, format!("no conference: {error}")))?;
        if file.version != VERSION {
            let why = format!("a conference of version {}, not {VERSION}", file.version);
            return Err(ClientError::file(path, why));
        }
        Self::of_file(file)
            .map_err(|error| ClientError::file(path, format!("no conference: {error}")))
    }

    /// Whether its file has room for letters, so that what is sent can be kept.
    ///
    /// # Errors
    /// It has not: nothing may be sent.
    pub(super) fn has_room_for(&self, letters: &[Letter]) -> Result<(), ClientError> {
        let more = letters.iter().map(|letter| bytes_of(&letter.content)).sum::<u64>();
        if self.message_bytes().saturating_add(more) <= MESSAGES_BYTES_MAX {
            return Ok(());
        }
        let why = format!(
            "its file holds no more than {MESSAGES_BYTES_MAX} bytes of messages: nothing was sent; \
             plan another one for what is still to be said"
        );
        Err(ClientError::Precondition { what: "conference", why })
    }

    /// Whether what was taken in leaves room for own messages.
    ///
    /// # Errors
    /// It does not: it is not to be kept.
    pub(super) fn leaves_room(&self) -> Result<(), ClientError> {
        if self.message_bytes() <= RECEIVED_BYTES_MAX {
            return Ok(());
        }
        let why = format!(
            "its file takes in no more than {RECEIVED_BYTES_MAX} bytes of messages: what came stays \
             at the broker; plan another one for what is still to be said"
        );
        Err(ClientError::Precondition { what: "conference", why })
    }

    /// Bytes that the messages need in the file at most.
    fn message_bytes(&self) -> u64 {
        self.notices.values().map(|notice| bytes_of(&notice.content)).sum()
    }

    fn to_file(&self) -> ConferenceFile {
        let messages = self.notices.values().map(|notice| MessageFile {
            id: notice.message_id.to_string(),
            from: notice.from.to_string(),
            to: notice.to.to_string(),
            at_ms: notice.at_ms,
            content: STANDARD.encode(notice.content.encode()),
        });
        let ids = |ids: &BTreeSet<MessageId>| ids.iter().map(ToString::to_string).collect();
        ConferenceFile {
            version: VERSION,
            conference: self.id.to_string(),
            own: self.own.to_string(),
            convener: self.convener.to_string(),
            purpose: self.purpose.clone(),
            about_participant: self.about_participant,
            participant: self.participant.as_ref().map(|one| one.as_text().to_owned()),
            plan: self.plan.as_ref().map(plan_to_file),
            messages: messages.collect(),
            recalled: ids(&self.recalled),
            recalled_too_late: ids(&self.too_late),
            undelivered: ids(&self.undelivered),
        }
    }

    fn of_file(file: ConferenceFile) -> Result<Self, ClientError> {
        let id = file.conference.parse()?;
        let mut conference = Self::join_as(id, file.own.parse()?, file.convener.parse()?);
        conference.purpose = file.purpose;
        conference.about_participant = file.about_participant;
        let participant = file.participant.as_deref().map(ParticipantReference::parse);
        conference.participant = participant.transpose()?;
        let plan = file.plan.map(|plan| plan_of_file(plan, &conference));
        conference.plan = plan.transpose()?;
        for message in file.messages {
            let malformed = || ClientError::argument("conference file", "contents of messages");
            let bytes = STANDARD.decode(&message.content).map_err(|_| malformed())?;
            conference.apply(ConferenceEvent::Said(Box::new(Notice {
                message_id: message.id.parse()?,
                from: message.from.parse()?,
                to: message.to.parse()?,
                at_ms: message.at_ms,
                content: Content::from_encoded(&bytes)?,
            })));
        }
        for id in &file.recalled {
            conference.apply(ConferenceEvent::Recalled(id.parse()?));
        }
        for id in &file.recalled_too_late {
            conference.apply(ConferenceEvent::RecalledTooLate(id.parse()?));
        }
        for id in &file.undelivered {
            conference.apply(ConferenceEvent::NotDelivered(id.parse()?));
        }
        Ok(conference)
    }
}

/// Bytes that a message needs in the file at most: its content is a third longer there.
fn bytes_of(content: &Content) -> u64 {
    let base64 = content.encode().len().div_ceil(3).saturating_mul(4);
    u64::try_from(base64.saturating_add(MESSAGE_BYTES)).unwrap_or(u64::MAX)
}

fn plan_to_file(plan: &Plan) -> PlanFile {
    let texts = |bodies: &BTreeSet<Address>| bodies.iter().map(ToString::to_string).collect();
    let items = plan.items.iter().map(|item| ItemFile {
        id: item.id.to_string(),
        title: item.title.clone(),
        categories: item.categories.clone(),
        minutes: item.minutes,
        notes: item.notes.clone(),
        bodies: item.bodies.as_ref().map(texts),
        professional_secret: item.professional_secret,
    });
    PlanFile {
        bodies: texts(&plan.bodies),
        items: items.collect(),
        dates: plan.dates.iter().map(|date| (date.starts_at_ms, date.minutes)).collect(),
        place: plan.place.clone(),
        answer_by_ms: plan.answer_by_ms,
        professional_secret: plan.professional_secret,
    }
}

fn plan_of_file(file: PlanFile, conference: &Conference) -> Result<Plan, ClientError> {
    let addresses = |texts: Vec<String>| {
        texts.iter().map(|text| text.parse()).collect::<Result<BTreeSet<Address>, _>>()
    };
    let items = file.items.into_iter().map(|item| {
        Ok(Item {
            id: item.id.parse()?,
            title: item.title,
            categories: item.categories,
            minutes: item.minutes,
            notes: item.notes,
            bodies: item.bodies.map(addresses).transpose()?,
            professional_secret: item.professional_secret,
        })
    });
    let dates =
        file.dates.into_iter().map(|(starts_at_ms, minutes)| Date { starts_at_ms, minutes });
    Ok(Plan {
        conference: conference.id,
        convener: conference.convener.clone(),
        purpose: conference.purpose.clone(),
        about_participant: conference.about_participant,
        bodies: addresses(file.bodies)?,
        items: items.collect::<Result<_, ClientError>>()?,
        dates: dates.collect(),
        place: file.place,
        answer_by_ms: file.answer_by_ms,
        professional_secret: file.professional_secret,
    })
}
