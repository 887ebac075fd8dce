//! What this machine keeps about participants who are not the Lotse's any more, and getting rid of it.
//!
//! The broker forgets whoever is erased, and shows a participant to their own Lotse alone; files on the Lotse's machine
//! know neither. Source: DOMAIN.md, data leave when their reason does.

use std::collections::{BTreeMap, HashSet};

use askama::Template;
use schleuse_client::{ParticipantReference, ReferenceBook};

use super::conference::folder;
use super::notice::{Asked, notice};
use super::people::{Person, book, forget_name};
use crate::desk::{Answer, Desk, Failed};
use crate::extract::Query;
use crate::fields::Fields;
use crate::surface::Surface;

/// Most persons on the page; the next ones come when these are deleted.
const ROWS_MAX: usize = 100;

struct Row {
    person: Person,
    conferences: usize,
}

#[derive(Template)]
#[template(path = "lotse/kept.html")]
struct Page {
    s: Surface,
    notice: Option<String>,
    rows: Vec<Row>,
}

/// Participants who are the visitor's, by the broker's word.
async fn ours(desk: &Desk) -> Result<HashSet<String>, Failed> {
    let listed = desk.client.list_participants().await.map_err(|error| desk.failed(error))?;
    Ok(listed.iter().map(|one| one.as_text().to_owned()).collect())
}

/// References in files here that are none of the visitor's participants, with the number of their conferences.
fn others(
    desk: &Desk,
    ours: &HashSet<String>,
) -> Result<BTreeMap<ParticipantReference, usize>, Failed> {
    let named = book(desk)?.references().map(|reference| (reference, 0)).collect::<Vec<_>>();
    let conferences = folder(desk)?.list().map_err(|error| desk.failed(error))?.conferences;
    // Others know the participant by references that are not the Lotse's.
    let own = conferences.iter().filter(|one| one.is_convener());
    let met = own.filter_map(|one| Some((one.participant()?.clone(), 1)));
    let mut others = BTreeMap::new();
    for (reference, conferences) in named.into_iter().chain(met) {
        if !ours.contains(reference.as_text()) {
            *others.entry(reference).or_default() += conferences;
        }
    }
    Ok(others)
}

/// How many persons the book still names, for the page of participants.
pub(super) fn count<'a>(book: &ReferenceBook, ours: impl Iterator<Item = &'a str>) -> usize {
    let ours: HashSet<&str> = ours.collect();
    book.references().filter(|one| !ours.contains(one.as_text())).count()
}

pub(super) async fn show(desk: Desk, Query(asked): Asked) -> Answer {
    let others = others(&desk, &ours(&desk).await?)?;
    let book = book(&desk)?;
    let rows = others.iter().take(ROWS_MAX).map(|(reference, conferences)| Row {
        person: Person::of(&desk, &book, reference),
        conferences: *conferences,
    });
    let rows = rows.collect();
    desk.page(&Page { s: desk.surface.clone(), notice: notice(&desk, &asked), rows })
}

/// Deletes what is kept about one participant, if the broker does not list them as the visitor's.
pub(super) async fn forget(desk: Desk, fields: Fields) -> Answer {
    let ours = ours(&desk).await?;
    let reference = super::people::reference_of(&desk, fields.get("participant"))?;
    if ours.contains(reference.as_text()) {
        return Err(desk.not_found());
    }
    let (failed, folder) = (|error| desk.failed(error), folder(&desk)?);
    let held = folder.hold().await.map_err(failed)?;
    let listed = folder.list().map_err(failed)?;
    // What cannot be read could be about them: then nothing is said to be gone.
    if let Some(error) = listed.unreadable.into_iter().next() {
        return Err(failed(error));
    }
    for conference in listed.conferences {
        if conference.is_convener() && conference.participant() == Some(&reference) {
            folder.remove(conference.id()).map_err(failed)?;
        }
    }
    drop(held);
    forget_name(&desk, &reference)?;
    desk.go("/kept?done=forgotten")
}
