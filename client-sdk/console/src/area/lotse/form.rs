//! Forms with files: evidence is read here, on the Lotse's machine, and never goes further.

use axum::extract::{FromRequest, Multipart as FileForm, Request};
use axum::response::{IntoResponse as _, Response};

use crate::fields::Fields;

/// Largest file of evidence in bytes.
const FILE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Most files of one form.
const FILES_MAX: usize = 16;

/// Fields and files of a form.
#[derive(Debug)]
pub(super) struct Upload {
    pub(super) fields: Fields,
    pub(super) files: Vec<Vec<u8>>,
    /// Whether a file was left out because it is too large, or there were too many.
    pub(super) is_too_large: bool,
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let form = FileForm::from_request(request, state).await;
        let mut form = form.map_err(|rejection| rejection.into_response())?;
        let (mut fields, mut files, mut is_too_large) = (Vec::new(), Vec::new(), false);
        while let Some(part) = form.next_field().await.map_err(|error| error.into_response())? {
            let name = part.name().unwrap_or_default().to_owned();
            if part.file_name().is_none() {
                let value = part.text().await.map_err(|error| error.into_response())?;
                fields.push((name, value));
                continue;
            }
            let bytes = part.bytes().await.map_err(|error| error.into_response())?;
            if bytes.len() > FILE_BYTES_MAX || files.len() >= FILES_MAX {
                is_too_large = true;
            } else if !bytes.is_empty() {
                files.push(bytes.to_vec());
            }
        }
        Ok(Self { fields: Fields::of(fields), files, is_too_large })
    }
}
