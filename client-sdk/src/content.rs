//! Contents of messages: built, checked, shown. The broker never sees them.
//!
//! A [`Content`] is always valid: what is built here and what arrives passes the same checks.
//! Contents of a newer minor version of the schema are passed on: what is known of them is checked
//! and shown, their bytes are kept. Another major version is refused.
//! Source: `content.proto` and the files that it imports.

mod attachment;
mod fallkonferenz;
mod fields;
mod json;
pub(crate) mod kinds;
mod rules;
mod schema;
mod show;
mod words;

use std::borrow::Cow;

pub(crate) use attachment::chunk_bytes;
pub use attachment::{ATTACHMENT_BYTES_MAX, ATTACHMENTS_MAX, CHUNK_BYTES_MAX, CHUNKS_MAX};
use bytes::Bytes;
pub use fallkonferenz::{
    AGREEMENTS_MAX, DATES_MAX, MINUTES_BYTES_MAX, MINUTES_MAX, NOTES_BYTES_MAX,
    OBJECTION_CHARS_MAX, REASON_CHARS_MAX, WHAT_CHARS_MAX,
};
pub(crate) use fallkonferenz::{change_word, decline_word};
use prost_reflect::DynamicMessage;
use schleuse_proto::Message as _;
use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;

use crate::ids::{ConferenceId, MessageId};
use crate::seal::{SealError, pad, unpad};

/// Major version of the schema that this crate reads and writes.
pub const SCHEMA_MAJOR: u32 = 1;
/// Minor version of the schema that this crate writes; newer ones are passed on.
pub const SCHEMA_MINOR: u32 = 0;
/// Largest file in bytes: 1 MiB.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;
/// Largest text in bytes: 64 KiB.
pub const TEXT_BYTES_MAX: usize = 64 * 1024;
/// Longest names, titles and places in characters.
pub const NAME_CHARS_MAX: usize = 200;
/// Most categories of an attachment.
const CATEGORIES_MAX: usize = 16;

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
        field: String,
        /// Its size.
        bytes: usize,
    },
    /// Each part is allowed, but together they are too large.
    #[error("the parts of the content together do not fit one message")]
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
        /// Path of the field, for example `unterlagen_request.documents[2].description`.
        field: Cow<'static, str>,
        /// What is allowed.
        expected: Cow<'static, str>,
    },
    /// Not an encoded content, or without a kind that its version knows.
    #[error("not a content that this version can read")]
    Unreadable,
    /// Written with another major version of the schema.
    #[error(
        "the content is of schema version {major}.{minor}, this program reads {SCHEMA_MAJOR}.x: \
         install a newer version of schleuse and fetch again; until then the message stays in the queue"
    )]
    UnknownMajor {
        /// Its major version.
        major: u32,
        /// Its minor version.
        minor: u32,
    },
    /// It has fields that the version it names does not have.
    #[error(
        "the content names schema version {SCHEMA_MAJOR}.{minor} and has fields that this version \
         does not have: its sender must name the version it writes"
    )]
    NotOfItsVersion {
        /// The minor version it names.
        minor: u32,
    },
    /// A content of another kind than the label says.
    #[error("messages of kind {kind} hold {expected}, not {found}")]
    ForeignContent {
        /// Kind code of the label.
        kind: String,
        /// What this kind holds.
        expected: String,
        /// What is there.
        found: String,
    },
    /// JSON that is not of the schema.
    #[error("JSON of a content: {why}")]
    Json {
        /// What is wrong; may quote the JSON.
        why: String,
    },
    /// The padding.
    #[error(transparent)]
    Padding(#[from] SealError),
}

/// Content of a message, checked.
#[derive(Clone, PartialEq)]
pub struct Content {
    message: v1::Content,
    /// Name of the message inside in the schema.
    content_type: Option<String>,
    /// The bytes of a content of a newer minor version.
    raw: Option<Bytes>,
}

impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never the content itself: it is about a person.
        write!(f, "Content({})", self.content_type().unwrap_or("of a newer version"))
    }
}

/// Builds a content with what surrounds it; see [`Content::builder`].
#[derive(Clone)]
pub struct ContentBuilder(v1::Content);

impl std::fmt::Debug for ContentBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ContentBuilder(…)")
    }
}

impl ContentBuilder {
    /// What it is about, at most 200 characters in one line.
    #[must_use]
    pub fn subject(mut self, subject: &str) -> Self {
        subject.clone_into(&mut self.0.subject);
        self
    }

    /// The message that it answers.
    #[must_use]
    pub fn in_reply_to(mut self, message: MessageId) -> Self {
        self.0.in_reply_to = message.to_bytes();
        self
    }

    /// Refers to an attachment.
    #[must_use]
    pub fn attachment(mut self, attachment: v1::AttachmentReference) -> Self {
        self.0.attachments.push(attachment);
        self
    }

    /// The content, if all of it is allowed.
    ///
    /// # Errors
    /// Names a field that is out of its range, and the range.
    pub fn build(self) -> Result<Content, ContentError> {
        Content::checked(self.0)
    }
}

impl Content {
    /// A content of one of the schemas, for example [`v1::ZustaendigkeitAsk`].
    ///
    /// # Errors
    /// Names a field that is out of its range, and the range.
    pub fn of(body: impl Into<Kind>) -> Result<Self, ContentError> {
        Self::builder(body).build()
    }

    /// Builds a content with a subject, attachments or the message it answers.
    #[must_use]
    pub fn builder(body: impl Into<Kind>) -> ContentBuilder {
        ContentBuilder(v1::Content {
            schema_version: Some(v1::SchemaVersion { major: SCHEMA_MAJOR, minor: SCHEMA_MINOR }),
            content: Some(body.into()),
            ..Default::default()
        })
    }

    /// The same content with what surrounds it changed. A content of a newer minor version is passed
    /// on as it is.
    ///
    /// # Errors
    /// It is of a newer minor version.
    pub fn rebuild(&self) -> Result<ContentBuilder, ContentError> {
        rule(self.raw.is_none(), "schema_version", "a content of a version known here")?;
        Ok(ContentBuilder(self.message.clone()))
    }

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

    /// The message inside; none if it is of a kind that only a newer version knows.
    #[must_use]
    pub fn kind(&self) -> Option<&Kind> {
        self.message.content.as_ref()
    }

    /// The whole, as far as it is known here.
    #[must_use]
    pub fn message(&self) -> &v1::Content {
        &self.message
    }

    /// Version of the schema it was written with: major and minor.
    #[must_use]
    pub fn schema_version(&self) -> (u32, u32) {
        version(self.message.schema_version)
    }

    /// The message that it answers.
    #[must_use]
    pub fn in_reply_to(&self) -> Option<MessageId> {
        MessageId::parse(&self.message.in_reply_to).ok()
    }

    /// What it is about; may be empty.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.message.subject
    }

    /// Its attachments.
    #[must_use]
    pub fn attachments(&self) -> &[v1::AttachmentReference] {
        &self.message.attachments
    }

    /// The bytes of a content of a newer minor version, which may hold more than is known here.
    #[must_use]
    pub fn raw(&self) -> Option<&Bytes> {
        self.raw.as_ref()
    }

    /// Name of the message inside in the schema, for example `zustaendigkeit_ask`.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }

    /// Padded plaintext, ready to be sealed.
    ///
    /// # Errors
    /// The parts together are too large.
    pub fn to_plaintext(&self) -> Result<Vec<u8>, ContentError> {
        pad(&self.encode()).map_err(|_| ContentError::TooLarge)
    }

    /// Reads a padded plaintext.
    ///
    /// # Errors
    /// The padding is wrong, the content is not one that may be sent, or of another major version.
    pub fn from_plaintext(plaintext: &[u8]) -> Result<Self, ContentError> {
        Self::from_encoded(unpad(plaintext)?)
    }

    /// The encoded content, as [`Content::from_encoded`] reads it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        self.raw.clone().unwrap_or_else(|| self.message.encode_to_vec().into())
    }

    /// Reads an encoded content: of this version, with nothing unknown in it, or of a newer minor
    /// version.
    ///
    /// # Errors
    /// It is not one that may be sent, or of another major version.
    pub fn from_encoded(encoded: &[u8]) -> Result<Self, ContentError> {
        // Before all else: another major version may be laid out in another way.
        let first = v1::ContentVersion::decode(encoded).map_err(|_| ContentError::Unreadable)?;
        let (major, minor) = version(first.schema_version);
        if major != SCHEMA_MAJOR {
            return Err(ContentError::UnknownMajor { major, minor });
        }
        let newer = minor > SCHEMA_MINOR;
        let whole = schema::decode(encoded)?;
        let message = v1::Content::decode(encoded).map_err(|_| ContentError::Unreadable)?;
        if message.content.is_none() && !newer {
            return Err(ContentError::Unreadable);
        }
        if !newer && rules::has_unknown(&whole) {
            return Err(ContentError::NotOfItsVersion { minor });
        }
        let raw = newer.then(|| Bytes::copy_from_slice(encoded));
        let content_type = check_all(&whole, &message, newer)?;
        Ok(Self { message, content_type, raw })
    }

    fn checked(message: v1::Content) -> Result<Self, ContentError> {
        let whole = schema::decode(&message.encode_to_vec())?;
        let content_type = check_all(&whole, &message, false)?;
        Ok(Self { message, content_type, raw: None })
    }

    fn check(kind: Kind) -> Result<Self, ContentError> {
        Self::of(kind)
    }
}

/// What a content without the field was written with: the first version.
fn version(version: Option<v1::SchemaVersion>) -> (u32, u32) {
    version.map_or((SCHEMA_MAJOR, 0), |version| (version.major, version.minor))
}

/// An encoded content without a version, with the version of this crate.
fn with_own_version(encoded: &[u8]) -> Result<Vec<u8>, ContentError> {
    let mut message = v1::Content::decode(encoded).map_err(|_| ContentError::Unreadable)?;
    message.schema_version = Some(v1::SchemaVersion { major: SCHEMA_MAJOR, minor: SCHEMA_MINOR });
    Ok(message.encode_to_vec())
}

/// All checks: of each field by its rule, and of what has checks of its own. Returns the name of the
/// message inside.
fn check_all(
    whole: &DynamicMessage,
    message: &v1::Content,
    newer: bool,
) -> Result<Option<String>, ContentError> {
    let ids = message.attachments.iter().map(|one| one.attachment_id.as_ref());
    let attachments: Vec<&[u8]> = ids.collect();
    rules::check(whole, "", rules::Reading { newer, attachments: &attachments })?;
    let is_twice = |(id, at): (&&[u8], usize)| attachments.iter().skip(at).any(|other| other == id);
    let is_twice = attachments.iter().zip(1..).any(is_twice);
    rule(!is_twice, "attachments.attachment_id", "each attachment once")?;
    let content_type = schema::arm(whole).map(|field| field.name().to_owned());
    if content_type.as_deref().is_some_and(kinds::is_content_free) {
        let none = "nothing: messages of this kind carry no content";
        rule(message.subject.is_empty(), "subject", none)?;
        rule(message.attachments.is_empty(), "attachments", none)?;
    }
    attachment::check_references(&message.attachments)?;
    if let Some(body) = &message.content {
        let is_part = matches!(body, Kind::Chunk(_));
        let none = "none in a part of one";
        rule(!is_part || message.attachments.is_empty(), "attachments", none)?;
        check_body(body, newer)?;
    }
    Ok(content_type)
}

/// Messages that have checks of their own.
fn check_body(body: &Kind, newer: bool) -> Result<(), ContentError> {
    if let Kind::Chunk(chunk) = body {
        return attachment::check_chunk(chunk);
    }
    fallkonferenz::check(body, newer)
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

fn rule(ok: bool, field: &'static str, expected: &'static str) -> Result<(), ContentError> {
    if ok {
        Ok(())
    } else {
        Err(ContentError::Field { field: field.into(), expected: expected.into() })
    }
}

#[cfg(test)]
mod tests;
