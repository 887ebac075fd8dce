//! Contents as text for people and as JSON for programs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_proto::v1::content::Content as Kind;
use serde_json::{Value, json};

use super::{Content, fallkonferenz};

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show_kind(f)?;
        for attachment in self.attachments() {
            let v1::AttachmentReference { name, media_type, size_bytes, .. } = attachment;
            write!(f, "\nattachment {name} ({media_type}, {size_bytes} bytes)")?;
        }
        Ok(())
    }
}

impl Content {
    fn show_kind(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Text(text) if text.subject.is_empty() => f.write_str(&text.body),
            Kind::Text(text) => write!(f, "{}\n\n{}", text.subject, text.body),
            Kind::File(file) => {
                write!(f, "file {} ({}, {} bytes)", file.name, file.media_type, file.data.len())?;
                if file.note.is_empty() { Ok(()) } else { write!(f, "\n{}", file.note) }
            }
            Kind::FallkonferenzRequest(_)
            | Kind::FallkonferenzAnswer(_)
            | Kind::FallkonferenzPart(_)
            | Kind::FallkonferenzAccept(_)
            | Kind::FallkonferenzDecline(_)
            | Kind::FallkonferenzPropose(_)
            | Kind::FallkonferenzFix(_)
            | Kind::FallkonferenzMove(_)
            | Kind::FallkonferenzCancel(_)
            | Kind::FallkonferenzMinutes(_)
            | Kind::FallkonferenzConfirm(_)
            | Kind::FallkonferenzAgreementKept(_)
            | Kind::FallkonferenzAgreementLate(_) => fallkonferenz::show(self.kind(), f),
            Kind::Introduction(introduction) => {
                write!(f, "participant: {}", introduction.display_name)?;
                for (name, value) in [
                    ("born", &introduction.date_of_birth),
                    ("file number", &introduction.file_number),
                ] {
                    if !value.is_empty() {
                        write!(f, "\n{name}: {value}")?;
                    }
                }
                Ok(())
            }
            Kind::Chunk(chunk) => {
                let number = u64::from(chunk.index) + 1;
                write!(f, "part {number} of {} of an attachment", chunk.count)
            }
        }
    }
}

impl Content {
    /// The content as JSON; bytes are base64, times RFC 3339. Of a part of an attachment, without its bytes.
    #[must_use]
    pub fn to_json(&self) -> Value {
        let mut value = self.kind_json();
        if let (Value::Object(fields), false) = (&mut value, self.attachments().is_empty()) {
            let attachments = self.attachments().iter().map(attachment_json);
            fields.insert("attachments".to_owned(), attachments.collect());
        }
        value
    }

    fn kind_json(&self) -> Value {
        match self.kind() {
            Kind::Text(text) => {
                json!({ "type": "text", "subject": text.subject, "text": text.body })
            }
            Kind::File(file) => json!({
                "type": "file",
                "name": file.name,
                "media_type": file.media_type,
                "data": STANDARD.encode(&file.data),
                "note": file.note,
            }),
            Kind::FallkonferenzRequest(_)
            | Kind::FallkonferenzAnswer(_)
            | Kind::FallkonferenzPart(_)
            | Kind::FallkonferenzAccept(_)
            | Kind::FallkonferenzDecline(_)
            | Kind::FallkonferenzPropose(_)
            | Kind::FallkonferenzFix(_)
            | Kind::FallkonferenzMove(_)
            | Kind::FallkonferenzCancel(_)
            | Kind::FallkonferenzMinutes(_)
            | Kind::FallkonferenzConfirm(_)
            | Kind::FallkonferenzAgreementKept(_)
            | Kind::FallkonferenzAgreementLate(_) => fallkonferenz::json(self.kind()),
            Kind::Introduction(introduction) => json!({
                "type": "introduction",
                "display_name": introduction.display_name,
                "date_of_birth": introduction.date_of_birth,
                "file_number": introduction.file_number,
            }),
            Kind::Chunk(chunk) => json!({
                "type": "attachment_part",
                "attachment": hex(&chunk.attachment_id),
                "index": chunk.index,
                "count": chunk.count,
                "total_bytes": chunk.total_bytes,
                "sha256": hex(&chunk.sha256),
            }),
        }
    }
}

fn attachment_json(attachment: &v1::AttachmentReference) -> Value {
    json!({
        "attachment": hex(&attachment.attachment_id),
        "name": attachment.name,
        "media_type": attachment.media_type,
        "size_bytes": attachment.size_bytes,
        "sha256": hex(&attachment.sha256),
        "parts": attachment.chunk_count,
        "categories": attachment.categories,
    })
}
