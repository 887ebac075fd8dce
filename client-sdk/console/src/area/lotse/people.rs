//! Who participants are: the Lotse's own book on this machine. The broker knows references alone.

use std::sync::{Arc, Mutex, PoisonError};

use schleuse_client::{
    BookEntry, ClientError, ParticipantReference, ReferenceBook, SafeguardRecords, shown,
};
use schleuse_proto::evidence::sha256;

use crate::desk::{Answer, Desk, Failed};

/// Name of the book in the folder of the console.
const BOOK: &str = "participants.json";

/// The book as it was last read.
#[derive(Debug, Default)]
pub(crate) struct Shelf(Mutex<Option<Arc<ReferenceBook>>>);

/// The book, as it is now. It is read again when its file is not the same any more.
pub(super) fn book(desk: &Desk) -> Result<Arc<ReferenceBook>, Failed> {
    let mut kept = desk.shelf().0.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(book) = kept.as_ref().filter(|book| book.is_current()) {
        return Ok(book.clone());
    }
    let book = Arc::new(open(desk)?);
    *kept = Some(book.clone());
    Ok(book)
}

fn open(desk: &Desk) -> Result<ReferenceBook, Failed> {
    let path = desk.home()?.folder.join(BOOK);
    ReferenceBook::open(&path).map_err(|error| desk.failed(error))
}

/// One change at a time: a browser may send two forms at once.
static ENTERING: Mutex<()> = Mutex::new(());

/// Enters who a participant is.
pub(super) fn enter(
    desk: &Desk,
    reference: &ParticipantReference,
    entry: BookEntry,
) -> Result<(), Failed> {
    let _one = ENTERING.lock().unwrap_or_else(PoisonError::into_inner);
    open(desk)?.enter(reference, entry).map_err(|error| desk.failed(error))
}

/// Strikes a participant from the book.
pub(super) fn forget_name(desk: &Desk, reference: &ParticipantReference) -> Result<(), Failed> {
    let _one = ENTERING.lock().unwrap_or_else(PoisonError::into_inner);
    open(desk)?.remove(reference).map_err(|error| desk.failed(error))
}

/// A participant as pages show it.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) reference: ParticipantReference,
    pub(super) name: String,
    pub(super) entry: BookEntry,
}

impl Person {
    pub(super) fn of(desk: &Desk, book: &ReferenceBook, reference: &ParticipantReference) -> Self {
        let entry = book.find(reference).cloned().unwrap_or_default();
        let name = match entry.display_name.as_str() {
            "" => desk.t().lotse.unnamed.to_owned(),
            name => shown(name),
        };
        Self { reference: reference.clone(), name, entry }
    }

    /// Where the participant's page is.
    pub(super) fn path(&self) -> String {
        path_of(&self.reference)
    }

    /// The reference as text.
    pub(super) fn id(&self) -> &str {
        self.reference.as_text()
    }

    /// The file number as pages show it.
    pub(super) fn file_number(&self) -> String {
        shown(&self.entry.file_number)
    }
}

/// The participant that a path names. Whether it is the visitor's, the broker says. A book that cannot be read hides
/// the name and nothing else: nobody's revocation depends on a file.
pub(super) fn person(desk: &Desk, reference: &str) -> Result<Person, Failed> {
    let reference = ParticipantReference::parse(reference).map_err(|_| desk.not_found())?;
    Ok(book(desk).map_or_else(
        |_| Person {
            reference: reference.clone(),
            name: desk.t().lotse.book_unreadable.to_owned(),
            entry: BookEntry::default(),
        },
        |book| Person::of(desk, &book, &reference),
    ))
}

/// Where the page of the participant is that a path names.
pub(super) fn path_of(reference: &ParticipantReference) -> String {
    format!("/participants/{}", reference.as_text())
}

/// The reference that a path names, and nothing more: for acts that end something and must not wait for anything.
pub(super) fn reference_of(desk: &Desk, text: &str) -> Result<ParticipantReference, Failed> {
    ParticipantReference::parse(text).map_err(|_| desk.not_found())
}

/// The same, asked of the broker: whoever is not, or not any more, the visitor's is not found, whatever files on this
/// machine say. The question is a record, as every look at somebody is.
pub(super) async fn ours(desk: &Desk, reference: &str) -> Result<Person, Failed> {
    asked(desk, reference).await.map(|(person, _)| person)
}

/// Somebody of the visitor's, and what stands beside their consents.
async fn asked(desk: &Desk, reference: &str) -> Result<(Person, SafeguardRecords), Failed> {
    let person = person(desk, reference)?;
    let beside = desk.client.list_safeguards(&person.reference).await;
    beside.map(|beside| (person, beside)).map_err(|error| desk.failed(error))
}

/// The same of somebody who still takes part. After the end nothing is recorded about them any more: the page of the
/// participant says so, before anybody signs what cannot be recorded.
pub(super) async fn going_on(desk: &Desk, reference: &str) -> Result<Person, Answer> {
    let (person, beside) = asked(desk, reference).await.map_err(Err)?;
    if beside.ended_at_ms.is_some() { Err(desk.go(&person.path())) } else { Ok(person) }
}

/// Keeps a text that a participant agreed to: the broker has its digest alone, and it is to be shown again.
pub(super) fn keep_text(desk: &Desk, text: &str) -> Result<(), ClientError> {
    let home = desk.home().map_err(|_| ClientError::NoKey)?;
    let hash = sha256(&[text.as_bytes()]);
    schleuse_client::keep_private(&super::receipt::text_file(&home.folder, &hash), text.as_bytes())
}
