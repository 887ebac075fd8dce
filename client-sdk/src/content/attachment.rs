//! What may be said of attachments, and what a part of one may be.

use schleuse_proto::v1;

use super::{
    CATEGORIES_MAX, Content, ContentError, FILE_BYTES_MAX, Kind, NAME_CHARS_MAX, chars, rule,
};

/// Largest attachment in bytes: 100 MiB.
pub const ATTACHMENT_BYTES_MAX: u64 = 100 * 1024 * 1024;
/// Most attachments of one message.
pub const ATTACHMENTS_MAX: usize = 16;
/// Most parts of one attachment.
pub const CHUNKS_MAX: u32 = 128;
/// Largest part in bytes: 1 MiB.
pub const CHUNK_BYTES_MAX: usize = FILE_BYTES_MAX;

impl Content {
    /// The same content with attachments, whose parts are sent as messages of their own.
    ///
    /// # Errors
    /// There are too many, two are the same, or a field is out of its range.
    pub fn with_attachments(
        self,
        attachments: Vec<v1::AttachmentReference>,
    ) -> Result<Self, ContentError> {
        let mut builder = self.rebuild()?;
        builder.0.attachments = attachments;
        builder.build()
    }

    /// The part of an attachment, if the content is one.
    #[must_use]
    pub fn chunk(&self) -> Option<&v1::AttachmentChunk> {
        if let Some(Kind::Chunk(chunk)) = self.kind() { Some(chunk) } else { None }
    }

    /// A part of an attachment.
    ///
    /// # Errors
    /// A field is out of its range.
    pub fn attachment_chunk(chunk: v1::AttachmentChunk) -> Result<Self, ContentError> {
        Self::check(Kind::Chunk(chunk))
    }
}

/// Checks what a content says about its attachments.
pub(super) fn check_references(
    attachments: &[v1::AttachmentReference],
) -> Result<(), ContentError> {
    rule(attachments.len() <= ATTACHMENTS_MAX, "attachments", "at most 16")?;
    for (attachment, at) in attachments.iter().zip(1..) {
        check_reference(attachment)?;
        let mut others = attachments.iter().skip(at);
        let is_twice = others.any(|other| other.attachment_id == attachment.attachment_id);
        rule(!is_twice, "attachments.attachment_id", "each attachment once")?;
    }
    Ok(())
}

/// Whether a name is one without a path.
pub(super) fn check_name(field: &'static str, name: &str) -> Result<(), ContentError> {
    chars(field, name, 1, NAME_CHARS_MAX, "1 to 200 characters")?;
    let is_path = name.contains(['/', '\\']) || name == "." || name == "..";
    rule(!is_path, field, "a name without a path")?;
    rule(!name.chars().any(char::is_control), field, "no control characters")
}

fn check_whole(id: &[u8], bytes: u64, sha256: &[u8], chunks: u32) -> Result<(), ContentError> {
    rule(id.len() == 16, "attachment_id", "16 bytes")?;
    let fits = (1..=ATTACHMENT_BYTES_MAX).contains(&bytes);
    rule(fits, "attachment size", "1 byte to 100 MiB")?;
    rule(sha256.len() == 32, "attachment sha256", "32 bytes")?;
    let fits = (1..=CHUNKS_MAX).contains(&chunks) && u64::from(chunks) <= bytes;
    rule(fits, "attachment parts", "1 to 128, none of them empty")
}

fn check_reference(reference: &v1::AttachmentReference) -> Result<(), ContentError> {
    let v1::AttachmentReference { attachment_id, size_bytes, sha256, chunk_count, .. } = reference;
    check_whole(attachment_id, *size_bytes, sha256, *chunk_count)?;
    check_name("attachment name", &reference.name)?;
    let media_type = &reference.media_type;
    chars("attachment media type", media_type, 0, NAME_CHARS_MAX, "at most 200 characters")?;
    let categories = &reference.categories;
    let fits =
        (1..=CATEGORIES_MAX).contains(&categories.len()) && categories.is_sorted_by(|a, b| a < b);
    rule(fits, "attachment categories", "1 to 16 codes, sorted, without repetition")
}

pub(super) fn check_chunk(chunk: &v1::AttachmentChunk) -> Result<(), ContentError> {
    let v1::AttachmentChunk { attachment_id, total_bytes, sha256, count, .. } = chunk;
    check_whole(attachment_id, *total_bytes, sha256, *count)?;
    rule(chunk.index < *count, "attachment part", "a position below their number")?;
    let bytes = chunk.data.len();
    rule((1..=CHUNK_BYTES_MAX).contains(&bytes), "attachment part", "1 byte to 1 MiB")?;
    rule(chunk_bytes(chunk).is_some(), "attachment part", "parts of the same size")
}

/// Size of all parts but the last, as this part tells it: of one part, its own.
pub(crate) fn chunk_bytes(chunk: &v1::AttachmentChunk) -> Option<u64> {
    let bytes = u64::try_from(chunk.data.len()).ok()?;
    let before = u64::from(chunk.count).checked_sub(1)?;
    let (whole, last) = if u64::from(chunk.index) < before {
        (bytes, chunk.total_bytes.checked_sub(bytes.checked_mul(before)?)?)
    } else if before == 0 {
        (bytes, chunk.total_bytes)
    } else {
        let rest = chunk.total_bytes.checked_sub(bytes)?;
        (rest.checked_div(before).filter(|_| rest.is_multiple_of(before))?, bytes)
    };
    let most = u64::try_from(CHUNK_BYTES_MAX).ok()?;
    let fits = (1..=whole).contains(&last) && whole <= most;
    (fits && whole.checked_mul(before)?.checked_add(last)? == chunk.total_bytes).then_some(whole)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn chunk(index: u32, count: u32, total: u64, bytes: usize) -> v1::AttachmentChunk {
        v1::AttachmentChunk {
            attachment_id: Bytes::from_static(&[1; 16]),
            index,
            count,
            total_bytes: total,
            sha256: Bytes::from_static(&[2; 32]),
            data: Bytes::from(vec![3; bytes]),
        }
    }

    #[test]
    fn each_part_tells_the_size_of_all_and_nothing_else_is_taken() {
        assert_eq!(chunk_bytes(&chunk(0, 3, 25, 10)), Some(10));
        assert_eq!(chunk_bytes(&chunk(2, 3, 25, 5)), Some(10));
        assert_eq!(chunk_bytes(&chunk(0, 1, 25, 25)), Some(25));
        for wrong in [
            chunk(0, 3, 25, 13),
            chunk(0, 3, 31, 10),
            chunk(0, 3, 20, 10),
            chunk(2, 3, 25, 4),
            chunk(2, 3, 25, 25),
            chunk(2, 3, 31, 11),
            chunk(3, 3, 25, 5),
            chunk(0, 1, 25, 24),
            chunk(0, 0, 25, 25),
            chunk(0, 129, 1290, 10),
            chunk(0, 2, ATTACHMENT_BYTES_MAX + 1, CHUNK_BYTES_MAX),
            chunk(0, 2, u64::MAX, 1),
        ] {
            assert!(check_chunk(&wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn attachments_travel_inside_the_content_and_are_checked() {
        let reference = v1::AttachmentReference {
            attachment_id: Bytes::from_static(&[1; 16]),
            name: "Gutachten.pdf".to_owned(),
            media_type: "application/pdf".to_owned(),
            size_bytes: 25,
            sha256: Bytes::from_static(&[2; 32]),
            chunk_count: 3,
            categories: vec!["gesundheit".to_owned()],
        };
        let text = || Content::text("Gutachten", "anbei").unwrap();
        let content = text().with_attachments(vec![reference.clone()]).unwrap();
        let read = Content::from_plaintext(&content.to_plaintext().unwrap()).unwrap();
        assert_eq!(read.attachments(), std::slice::from_ref(&reference));
        assert!(text().with_attachments(vec![reference.clone(); 2]).is_err(), "twice the same");
        for name in ["", "../x", "a/b", "a\\b", "..", "x\n"] {
            let wrong = v1::AttachmentReference { name: name.to_owned(), ..reference.clone() };
            assert!(text().with_attachments(vec![wrong]).is_err(), "{name:?}");
        }
        let part = Content::attachment_chunk(chunk(0, 3, 25, 10)).unwrap();
        assert!(part.with_attachments(vec![reference]).is_err());
    }
}
