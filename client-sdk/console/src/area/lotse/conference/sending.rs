//! Forms that send something: opening the conference to change it, sending, keeping what was accepted. What was typed
//! is never lost, and what is said of a failure is true: how much was sent before it.

use std::time::Duration;

use askama::Template;
use axum::body::Body;
use http::Response;
use schleuse_client::fallkonferenz::{Conference, HeldFolder, Letter};
use schleuse_client::{ClientError, shown};

use super::{folder, kept, path};
use crate::desk::{Answer, Desk, Failed};
use crate::failure::title;
use crate::fields::Fields;
use crate::surface::Surface;
use crate::texts::filled;

/// How long a message of a conference may wait.
pub(super) const LIFE: Duration = Duration::from_secs(30 * 24 * 3600);

/// A conference that nobody else on this machine changes meanwhile, in another window or by the program.
pub(super) struct Opened {
    pub(super) held: HeldFolder,
    pub(super) conference: Conference,
}

/// What became of letters.
pub(super) enum Outcome {
    /// All that could be sent is sent: the page that follows.
    Gone(Response<Body>),
    /// Not all of it: the conference as it is now, and the words for it.
    Stopped(Box<Conference>, String),
}

/// What was typed, to be sent again once the broker answers. It shows nothing else: whether the visitor may see more,
/// nobody can be asked.
#[derive(Template)]
#[template(path = "lotse/conference_unsent.html")]
struct Unsent<'a> {
    s: Surface,
    title: &'static str,
    says: String,
    details: String,
    path: String,
    back: String,
    fields: &'a Fields,
}

/// Opens the conference that a form is about, to change it; `act` is the form's own part of the path. Or the page to be
/// shown in its place.
pub(super) async fn open_for(
    desk: &Desk,
    id: &str,
    act: &str,
    fields: &Fields,
) -> Result<Opened, Answer> {
    // Looked at before: there is no folder to be held for what is not there.
    let known = kept(desk, id).map_err(Err)?;
    if let Some(participant) = known.participant() {
        // Whether they are the visitor's is a question to the broker, and a record.
        match desk.client.list_safeguards(participant).await {
            Ok(_) => {}
            Err(error) if error.retryable() => {
                let says = desk.t().conference.unsent_nothing.to_owned();
                return Err(unsent(desk, (&path(&known), act), fields, says, &error));
            }
            Err(error) => return Err(Err(desk.failed(error))),
        }
    }
    let held = folder(desk).map_err(Err)?.hold().await;
    let held = held.map_err(|error| Err(desk.failed(error)))?;
    Ok(Opened { held, conference: kept(desk, id).map_err(Err)? })
}

/// The same for what conveners alone do.
pub(super) async fn open_own_for(
    desk: &Desk,
    id: &str,
    act: &str,
    fields: &Fields,
) -> Result<Opened, Answer> {
    let opened = open_for(desk, id, act, fields).await?;
    if opened.conference.is_convener() { Ok(opened) } else { Err(Err(desk.not_found())) }
}

/// Sends letters and keeps what was accepted.
pub(super) async fn send(
    desk: &Desk,
    Opened { held, mut conference }: Opened,
    letters: Result<Vec<Letter>, ClientError>,
    (act, fields): (&str, &Fields),
) -> Result<Outcome, Failed> {
    let letters = match letters {
        Ok(letters) => letters,
        Err(error) => {
            let words = not_begun(desk, &error);
            return Ok(Outcome::Stopped(Box::new(conference), words));
        }
    };
    let (all, before) = (letters.len(), conference.notices().len());
    let sent = desk.client.send_letters(&mut conference, letters, LIFE).await;
    folder(desk)?.save(&conference).map_err(|error| desk.failed(error))?;
    drop(held);
    match sent {
        Ok(sent) => {
            let accepted = sent.iter().filter(|one| one.outcome.is_accepted()).count();
            // To be loaded again without doing it again.
            let (refused, path) = (sent.len() - accepted, path(&conference));
            desk.go(&format!("{path}?done=sent&n={accepted}&r={refused}")).map(Outcome::Gone)
        }
        Err(error) => {
            let accepted = conference.notices().len().saturating_sub(before);
            stopped(desk, conference, (&error, accepted, all), (act, fields))
        }
    }
}

/// What became of letters when sending ended early, after so many of all were accepted.
pub(super) fn stopped(
    desk: &Desk,
    conference: Conference,
    (error, accepted, all): (&ClientError, usize, usize),
    (act, fields): (&str, &Fields),
) -> Result<Outcome, Failed> {
    let t = &desk.t().conference;
    let far = filled(t.how_far, &[&accepted.to_string(), &all.to_string()]);
    if error.retryable() {
        let page = unsent(desk, (&path(&conference), act), fields, far, error);
        return page.map(Outcome::Gone);
    }
    let words = format!("{}. {far} ({})", what(desk, error), shown(&error.to_string()));
    Ok(Outcome::Stopped(Box::new(conference), words))
}

/// What is said when the library would not make the letters, or the broker was asked in vain before any was sent.
pub(super) fn not_begun(desk: &Desk, error: &ClientError) -> String {
    let t = &desk.t().conference;
    filled(t.not_begun, &[what(desk, error), &shown(&error.to_string())])
}

/// What it is in a few words. The broker is named only where it was asked.
fn what(desk: &Desk, error: &ClientError) -> &'static str {
    let is_ours = matches!(
        error,
        ClientError::Argument { .. } | ClientError::Content(_) | ClientError::Precondition { .. }
    );
    if is_ours { desk.t().conference.not_this_way } else { title(&desk.t().failure, error) }
}

/// Whether the broker answers at all, before a form is read that makes something new: else the page that keeps what
/// was typed.
pub(super) async fn reached(
    desk: &Desk,
    (path, act): (&str, &str),
    fields: &Fields,
) -> Result<(), Answer> {
    match desk.client.directory().list().await {
        Err(error) if error.retryable() => {
            let says = desk.t().conference.unsent_nothing.to_owned();
            Err(unsent(desk, (path, act), fields, says, &error))
        }
        // Any other error comes again where the directory is shown.
        Ok(_) | Err(_) => Ok(()),
    }
}

fn unsent(
    desk: &Desk,
    (path, act): (&str, &str),
    fields: &Fields,
    says: String,
    error: &ClientError,
) -> Answer {
    desk.again(&Unsent {
        s: desk.surface.clone(),
        title: title(&desk.t().failure, error),
        says,
        details: shown(&error.to_string()),
        back: desk.surface.at(path),
        path: format!("{path}{act}"),
        fields,
    })
}
