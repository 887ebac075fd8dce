//! Revoking: what it would stop, then the act. INVARIANT (revoke-strict) is the broker's; the page answers only when
//! the revocation is acknowledged.

use askama::Template;

use super::consent::{Consent, find};
use super::effects::Effects;
use super::people::{path_of, reference_of};
use crate::desk::{Answer, Desk};
use crate::extract::Path;
use crate::surface::Surface;

#[derive(Template)]
#[template(path = "lotse/revoke.html")]
struct Page {
    s: Surface,
    consent: Consent,
    effects: Effects,
}

pub(super) async fn preview(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
) -> Answer {
    let consent = find(&desk, &reference, &consent).await?;
    let preview = desk.client.preview_revocation(consent.record.consent_id).await;
    let preview = preview.map_err(|error| desk.failed(error))?;
    let effects = Effects::of(&desk, &consent.offices, &preview.effects);
    desk.page(&Page { s: desk.surface.clone(), consent, effects })
}

/// Nothing is looked up before, not even a name: a revocation must not wait for anything.
pub(super) async fn revoke(
    desk: Desk,
    Path((reference, consent)): Path<(String, String)>,
) -> Answer {
    let id = consent.parse().map_err(|_| desk.not_found())?;
    let reference = reference_of(&desk, &reference)?;
    let change = desk.client.revoke_consent(id).await.map_err(|error| desk.failed(error))?;
    let (stopped, record) = (change.stopped_messages, change.receipt.record_number);
    let path = path_of(&reference);
    desk.go(&format!("{path}/consents/{id}?done=revoked&n={stopped}&r={record}"))
}
