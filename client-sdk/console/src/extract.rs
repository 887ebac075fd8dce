//! Reading requests: what cannot be read is answered by a page, as everything is.

use std::collections::HashMap;

use axum::Form;
use axum::extract::{FromRequest, FromRequestParts, Request};
use http::StatusCode;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::desk::{Desk, Failed};
use crate::failure::Why;
use crate::fields::Fields;

/// The desk of a request that is still to be read.
pub(crate) async fn desk_of(parts: &mut Parts) -> Desk {
    let Ok(desk) = Desk::from_request_parts(parts, &()).await;
    desk
}

/// What a path names. A path that cannot be read leads nowhere.
pub(crate) struct Path<T>(pub(crate) T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let desk = desk_of(parts).await;
        let named = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        named.map(|axum::extract::Path(named)| Self(named)).map_err(|_| desk.not_found())
    }
}

/// What an address asks for behind its question mark.
pub(crate) struct Query(pub(crate) HashMap<String, String>);

impl<S: Send + Sync> FromRequestParts<S> for Query {
    type Rejection = Failed;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failed> {
        let desk = desk_of(parts).await;
        let asked = axum::extract::Query::from_request_parts(parts, state).await;
        asked.map(|axum::extract::Query(asked)| Self(asked)).map_err(|_| desk.not_found())
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Failed;

    async fn from_request(request: Request, state: &S) -> Result<Self, Failed> {
        let (mut parts, body) = request.into_parts();
        let desk = desk_of(&mut parts).await;
        let request = Request::from_parts(parts, body);
        let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
        form.map(|Form(pairs)| Self::of(pairs))
            .map_err(|rejection| desk.failed(unread(rejection.status())))
    }
}

/// What is wrong with a form that was answered with a status.
pub(crate) fn unread(status: StatusCode) -> Why {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Why::TooLarge,
        _ => Why::Unreadable,
    }
}
