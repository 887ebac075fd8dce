//! Contents as text for people and as JSON for programs.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use schleuse_proto::v1;
use schleuse_proto::v1::content::Content as Kind;
use serde_json::{Value, json};

use super::Content;
use crate::clock::{format_time, rfc3339};
use crate::ids::hex;

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
            Kind::FallkonferenzRequest(request) => show_request(request, f),
            Kind::FallkonferenzAnswer(answer) => show_answer(answer, f),
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

fn show_request(request: &v1::FallkonferenzRequest, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "Fallkonferenz {}", hex(&request.conference_id))?;
    write!(f, "\nplace: {}", request.place)?;
    for (item, number) in request.agenda.iter().zip(1..) {
        let categories = item.categories.join(", ");
        write!(f, "\nagenda {number}: {} ({} min; {categories})", item.title, item.minutes)?;
    }
    for date in &request.proposed_dates {
        write!(f, "\nproposed: {}", show_date(date))?;
    }
    write!(f, "\nplease answer by {}", format_time(request.answer_by_ms))
}

fn show_answer(answer: &v1::FallkonferenzAnswer, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "Fallkonferenz {}: ", hex(&answer.conference_id))?;
    match answer.reply() {
        v1::FallkonferenzReply::Accept => {
            let date = answer.chosen_date.as_ref().map(show_date).unwrap_or_default();
            write!(f, "accepted, {date}")
        }
        v1::FallkonferenzReply::Decline => write!(f, "declined. {}", answer.reason),
        v1::FallkonferenzReply::Propose => {
            f.write_str("other dates proposed")?;
            for date in &answer.other_dates {
                write!(f, "\nproposed: {}", show_date(date))?;
            }
            Ok(())
        }
        v1::FallkonferenzReply::Unspecified => f.write_str("no answer"),
    }
}

fn show_date(date: &v1::ProposedDate) -> String {
    format!("{}, {} min", format_time(date.starts_at_ms), date.minutes)
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
        let date = |date: &v1::ProposedDate| json!({ "starts_at": rfc3339(date.starts_at_ms), "minutes": date.minutes });
        let dates = |all: &[v1::ProposedDate]| all.iter().map(date).collect::<Vec<_>>();
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
            Kind::FallkonferenzRequest(request) => json!({
                "type": "fallkonferenz_request",
                "conference": hex(&request.conference_id),
                "agenda": request.agenda.iter().map(|item| json!({
                    "title": item.title,
                    "categories": item.categories,
                    "minutes": item.minutes,
                })).collect::<Vec<_>>(),
                "proposed_dates": dates(&request.proposed_dates),
                "place": request.place,
                "answer_by": rfc3339(request.answer_by_ms),
            }),
            Kind::FallkonferenzAnswer(answer) => json!({
                "type": "fallkonferenz_answer",
                "conference": hex(&answer.conference_id),
                "reply": answer.reply().as_str_name(),
                "chosen_date": answer.chosen_date.as_ref().map(date),
                "other_dates": dates(&answer.other_dates),
                "reason": answer.reason,
            }),
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
