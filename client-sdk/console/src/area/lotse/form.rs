//! Forms with files: evidence is read here, on the Lotse's machine, and never goes further.

use std::str::FromStr;

use axum::extract::multipart::{Field as Part, MultipartError as Broken};
use axum::extract::{FromRequest, Multipart as FileForm, Request};
use ring::digest::{Context, SHA256};
use schleuse_client::ClientError;
use schleuse_proto::evidence::Digest;

use crate::desk::Failed;
use crate::extract::{desk_of, unread};
use crate::failure::Failure;
use crate::fields::Fields;
use crate::once::Begun;
use crate::texts::Texts;

/// Largest file of evidence in bytes.
const FILE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Version of a text that the Lotse typed.
pub(super) const OWN_TEXT: &str = "eigener Text";
/// Most files of one form.
const FILES_MAX: usize = 16;

/// Fields of a form, and the digests of its files: they are read through, never held.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) fields: Fields,
    pub(super) files: Vec<Digest>,
    /// Whether a file was left out because it is too large, or there were too many.
    pub(super) is_too_large: bool,
}

impl Upload {
    /// What is wrong with the files, where there must be some.
    pub(super) fn problem(&self, t: &Texts) -> Option<&'static str> {
        match (self.is_too_large, self.files.is_empty()) {
            (true, _) => Some(t.consent.files_hint),
            (false, true) => Some(t.failure.evidence_missing_do),
            (false, false) => None,
        }
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let (mut parts, body) = request.into_parts();
        let desk = desk_of(&mut parts).await;
        let begun = parts.extensions.remove::<Begun>();
        let form = FileForm::from_request(Request::from_parts(parts, body), state).await;
        let form = form.map_err(|rejection| desk.failed(unread(rejection.status())))?;
        let read = read(form).await.map_err(|broken| desk.failed(unread(broken.status())));
        let (upload, typed) = read?;
        if let Some(begun) = begun
            && let Some(to) = begun.typed(typed).await
        {
            return Err(desk.failed(Failure::Done(to)));
        }
        Ok(upload)
    }
}

/// The identifier that goes along in a form, chosen before anything is recorded: whoever does not know whether it was
/// sends the same one again. The form's own, or a new one.
pub(super) fn chosen<Id: FromStr>(
    fields: &Fields,
    name: &str,
    new: fn() -> Result<Id, ClientError>,
) -> Result<Id, ClientError> {
    fields.get(name).parse().or_else(|_| new())
}

/// What a form has, and the digest of all of it.
async fn read(mut form: FileForm) -> Result<(Upload, Digest), Broken> {
    let (mut fields, mut files, mut is_too_large) = (Vec::new(), Vec::new(), false);
    let mut typed = Context::new(&SHA256);
    while let Some(part) = form.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        if part.file_name().is_none() {
            let text = part.text().await?;
            note(&mut typed, &[name.as_bytes(), text.as_bytes()]);
            fields.push((name, text));
            continue;
        }
        let (length, digest) = read_through(part).await?;
        note(&mut typed, &[name.as_bytes(), &length.to_be_bytes(), &digest]);
        if length > FILE_BYTES_MAX || files.len() >= FILES_MAX {
            is_too_large = true;
        } else if length > 0 {
            files.push(digest);
        }
    }
    Ok((Upload { fields: Fields::of(fields), files, is_too_large }, digest_of(typed)))
}

/// Takes a part of a form into the digest: each piece with its length, and how many pieces there are.
fn note(typed: &mut Context, pieces: &[&[u8]]) {
    typed.update(&pieces.len().to_be_bytes());
    for piece in pieces {
        typed.update(&piece.len().to_be_bytes());
        typed.update(piece);
    }
}

fn digest_of(context: Context) -> Digest {
    let mut digest = Digest::default();
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Length and SHA-256 of a file.
async fn read_through(mut part: Part<'_>) -> Result<(u64, Digest), Broken> {
    let (mut length, mut context) = (0_u64, Context::new(&SHA256));
    while let Some(bytes) = part.chunk().await? {
        length = length.saturating_add(u64::try_from(bytes.len()).unwrap_or(u64::MAX));
        context.update(&bytes);
    }
    Ok((length, digest_of(context)))
}
