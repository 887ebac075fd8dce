//! Contents of messages: built, checked, shown. The broker never sees them.
//!
//! A [`Content`] is always valid: what is built here and what arrives passes the same checks.
//! Source: `content.proto` for the limits.

mod attachment;
mod show;

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

pub(crate) use attachment::chunk_bytes;
pub use attachment::{ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, CHUNK_BYTES_MAX, CHUNKS_MAX};

use crate::ids::ConferenceId;
use crate::seal::{SealError, pad, unpad};

/// Largest file in bytes: 1 MiB.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Largest text in bytes: 64 KiB.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest names, titles and places in characters.
const NAME_CHARS_MAX: usize = 200;
/// Longest reason of a refusal in characters.
const REASON_CHARS_MAX: usize = 500;
/// Most items of an agenda.
const AGENDA_ITEMS_MAX: usize = 32;
/// Most proposed dates.
const DATES_MAX: usize = 16;
/// Most categories of an agenda item.
const CATEGORIES_MAX: usize = 16;
/// Longest part of a conference in minutes.
const MINUTES_MAX: u32 = 480;

/// Why a content may not be sent, or is not believed on arrival.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ContentError {
    /// A file above [`FILE_BYTES_MAX`].
    #[error("the file has {bytes} bytes; at most {FILE_BYTES_MAX} (1 MiB) can be sent")]
    FileTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A text above [`TEXT_BYTES_MAX`].
    #[error("{field} has {bytes} bytes; at most {TEXT_BYTES_MAX} (64 KiB) are allowed")]
    TextTooLarge {
        /// Which text.
        field: &'static str,
        /// Its size.
        bytes: usize,
    },
    /// Each part is allowed, but together they are too large.
    #[error("file and note together do not fit one message")]
    TooLarge,
    /// More messages or bytes than one call takes, though all or none were asked for.
    #[error(
        "all or none is possible for at most {messages_max} messages of {bytes_max} bytes together"
    )]
    TooManyTogether {
        /// Most messages.
        messages_max: usize,
        /// Most bytes.
        bytes_max: usize,
    },
    /// A field out of its range.
    #[error("{field}: expected {expected}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is allowed.
        expected: &'static str,
    },
    /// Not an encoded content, or of a kind this version does not know.
    #[error("not a content that this version can read")]
    Unreadable,
    /// The padding.
    #[error(transparent)]
    Padding(#[from] SealError),
}

/// Content of a message, checked.
#[derive(Clone, PartialEq)]
pub struct Content(Kind, Vec<v1::AttachmentReference>);

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the content itself: it is about a person.
        write!(f, "Content({})", self.kind_name())
    }
}

impl Content {
    /// Plain text.
    ///
    /// # Errors
    /// Subject or text is too long.
    pub fn text(subject: &str, body: &str) -> Result<Self, ContentError> {
        Self::check(Kind::Text(v1::PlainText {
            subject: subject.to_owned(),
            body: body.to_owned(),
        }))
    }

    /// A file of at most [`FILE_BYTES_MAX`] bytes with an accompanying note, which may be empty.
    ///
    /// # Errors
    /// The file is too large, or its name is a path.
    pub fn file(
        name: &str,
        media_type: &str,
        data: impl Into<Bytes>,
        note: &str,
    ) -> Result<Self, ContentError> {
        Self::check(Kind::File(v1::FileContent {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            data: data.into(),
            note: note.to_owned(),
        }))
    }

    /// Invitation to a Fallkonferenz. Source: § 20 SGB IX, § 119 SGB IX.
    ///
    /// # Errors
    /// A field is out of its range.
    pub fn fallkonferenz_request(request: v1::FallkonferenzRequest) -> Result<Self, ContentError> {
        Self::check(Kind::FallkonferenzRequest(request))
    }

    /// Answer to an invitation: takes part on a date.
    ///
    /// # Errors
    /// The date is out of its range.
    pub fn accept(conference: ConferenceId, date: v1::ProposedDate) -> Result<Self, ContentError> {
        Self::check(Kind::FallkonferenzAnswer(v1::FallkonferenzAnswer {
            conference_id: conference.to_bytes(),
            reply: v1::FallkonferenzReply::Accept.into(),
            chosen_date: Some(date),
            ..Default::default()
        }))
    }

    /// Answer to an invitation: does not take part.
    ///
    /// # Errors
    /// The reason is too long.
    pub fn decline(conference: ConferenceId, reason: &str) -> Result<Self, ContentError> {
        Self::check(Kind::FallkonferenzAnswer(v1::FallkonferenzAnswer {
            conference_id: conference.to_bytes(),
            reply: v1::FallkonferenzReply::Decline.into(),
            reason: reason.to_owned(),
            ..Default::default()
        }))
    }

    /// Answer to an invitation: proposes other dates.
    ///
    /// # Errors
    /// There is none or too many, or one is out of its range.
    pub fn propose(
        conference: ConferenceId,
        dates: Vec<v1::ProposedDate>,
    ) -> Result<Self, ContentError> {
        Self::check(Kind::FallkonferenzAnswer(v1::FallkonferenzAnswer {
            conference_id: conference.to_bytes(),
            reply: v1::FallkonferenzReply::Propose.into(),
            other_dates: dates,
            ..Default::default()
        }))
    }

    /// Introduction of a participant by the Lotse.
    ///
    /// # Errors
    /// A field is out of its range.
    pub fn introduction(
        display_name: &str,
        date_of_birth: &str,
        file_number: &str,
    ) -> Result<Self, ContentError> {
        Self::check(Kind::Introduction(v1::Introduction {
            display_name: display_name.to_owned(),
            date_of_birth: date_of_birth.to_owned(),
            file_number: file_number.to_owned(),
        }))
    }

    /// The message inside.
    #[must_use]
    pub fn kind(&self) -> &Kind {
        &self.0
    }

    /// Padded plaintext, ready to be sealed.
    ///
    /// # Errors
    /// The parts together are too large.
    pub fn to_plaintext(&self) -> Result<Vec<u8>, ContentError> {
        let content = v1::Content { content: Some(self.0.clone()), attachments: self.1.clone() };
        pad(&content.encode_to_vec()).map_err(|_| ContentError::TooLarge)
    }

    /// Reads a padded plaintext.
    ///
    /// # Errors
    /// The padding is wrong, or the content is not one that may be sent.
    pub fn from_plaintext(plaintext: &[u8]) -> Result<Self, ContentError> {
        let content = v1::Content::decode(unpad(plaintext)?);
        let content = content.map_err(|_| ContentError::Unreadable)?;
        let kind = content.content.ok_or(ContentError::Unreadable)?;
        Self::check(kind)?.with_attachments(content.attachments)
    }

    fn check(kind: Kind) -> Result<Self, ContentError> {
        match &kind {
            Kind::Text(text) => {
                chars("subject", &text.subject, 0, NAME_CHARS_MAX, "at most 200 characters")?;
                text_bytes("text", &text.body)?;
            }
            Kind::File(file) => check_file(file)?,
            Kind::FallkonferenzRequest(request) => check_request(request)?,
            Kind::FallkonferenzAnswer(answer) => check_answer(answer)?,
            Kind::Introduction(introduction) => check_introduction(introduction)?,
            Kind::Chunk(chunk) => attachment::check_chunk(chunk)?,
        }
        Ok(Self(kind, Vec::new()))
    }

    pub(crate) fn kind_name(&self) -> &'static str {
        match &self.0 {
            Kind::Text(_) => "text",
            Kind::File(_) => "file",
            Kind::FallkonferenzRequest(_) => "fallkonferenz request",
            Kind::FallkonferenzAnswer(_) => "fallkonferenz answer",
            Kind::Introduction(_) => "introduction",
            Kind::Chunk(_) => "part of an attachment",
        }
    }
}

fn check_file(file: &v1::FileContent) -> Result<(), ContentError> {
    attachment::check_name("file name", &file.name)?;
    chars("media type", &file.media_type, 0, NAME_CHARS_MAX, "at most 200 characters")?;
    if file.data.len() > FILE_BYTES_MAX {
        return Err(ContentError::FileTooLarge { bytes: file.data.len() });
    }
    text_bytes("note", &file.note)
}

fn check_request(request: &v1::FallkonferenzRequest) -> Result<(), ContentError> {
    rule(request.conference_id.len() == 16, "conference_id", "16 bytes")?;
    let items = request.agenda.len();
    rule((1..=AGENDA_ITEMS_MAX).contains(&items), "agenda", "1 to 32 items")?;
    for item in &request.agenda {
        chars("agenda.title", &item.title, 1, NAME_CHARS_MAX, "1 to 200 characters")?;
        minutes("agenda.minutes", item.minutes)?;
        let fits = item.categories.len() <= CATEGORIES_MAX;
        rule(fits, "agenda.categories", "at most 16 codes")?;
    }
    dates("proposed_dates", &request.proposed_dates)?;
    chars("place", &request.place, 1, NAME_CHARS_MAX, "1 to 200 characters")?;
    rule(request.answer_by_ms > 0, "answer_by", "a time after 1970")
}

fn check_answer(answer: &v1::FallkonferenzAnswer) -> Result<(), ContentError> {
    rule(answer.conference_id.len() == 16, "conference_id", "16 bytes")?;
    let reply = v1::FallkonferenzReply::try_from(answer.reply);
    match reply.unwrap_or(v1::FallkonferenzReply::Unspecified) {
        v1::FallkonferenzReply::Accept => match &answer.chosen_date {
            Some(date) => check_date("chosen_date", date),
            None => rule(false, "chosen_date", "the date on which the agency takes part"),
        },
        v1::FallkonferenzReply::Decline => {
            chars("reason", &answer.reason, 0, REASON_CHARS_MAX, "at most 500 characters")
        }
        v1::FallkonferenzReply::Propose => dates("other_dates", &answer.other_dates),
        v1::FallkonferenzReply::Unspecified => rule(false, "reply", "ACCEPT, DECLINE or PROPOSE"),
    }
}

fn check_introduction(introduction: &v1::Introduction) -> Result<(), ContentError> {
    let name = &introduction.display_name;
    chars("display_name", name, 1, NAME_CHARS_MAX, "1 to 200 characters")?;
    let date = &introduction.date_of_birth;
    let is_date =
        date.is_empty() || (date.len() == 10 && date.parse::<jiff::civil::Date>().is_ok());
    rule(is_date, "date_of_birth", "YYYY-MM-DD")?;
    let number = &introduction.file_number;
    chars("file_number", number, 0, NAME_CHARS_MAX, "at most 200 characters")
}

fn dates(field: &'static str, dates: &[v1::ProposedDate]) -> Result<(), ContentError> {
    rule((1..=DATES_MAX).contains(&dates.len()), field, "1 to 16 dates")?;
    dates.iter().try_for_each(|date| check_date(field, date))
}

fn check_date(field: &'static str, date: &v1::ProposedDate) -> Result<(), ContentError> {
    rule(date.starts_at_ms > 0, field, "a time after 1970")?;
    minutes(field, date.minutes)
}

fn minutes(field: &'static str, minutes: u32) -> Result<(), ContentError> {
    rule((1..=MINUTES_MAX).contains(&minutes), field, "1 to 480 minutes")
}

fn chars(
    field: &'static str,
    text: &str,
    least: usize,
    most: usize,
    expected: &'static str,
) -> Result<(), ContentError> {
    rule((least..=most).contains(&text.chars().count()), field, expected)
}

fn text_bytes(field: &'static str, text: &str) -> Result<(), ContentError> {
    if text.len() > TEXT_BYTES_MAX {
        return Err(ContentError::TextTooLarge { field, bytes: text.len() });
    }
    Ok(())
}

fn rule(ok: bool, field: &'static str, expected: &'static str) -> Result<(), ContentError> {
    if ok { Ok(()) } else { Err(ContentError::Field { field, expected }) }
}

#[cfg(test)]
mod tests;
