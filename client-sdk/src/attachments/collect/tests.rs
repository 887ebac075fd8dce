//! Tests of the collector.

use bytes::Bytes;
use schleuse_proto::evidence::sha256;

use super::*;
use crate::content::Content;
use crate::ids::{Address, ThreadId};

/// A sender with an attachment of 25 bytes in three parts.
struct Sender {
    message: MessageId,
    thread: ThreadId,
    address: Address,
    recipient: Address,
    id: AttachmentId,
    data: Vec<u8>,
    categories: Vec<String>,
}

impl Sender {
    fn new() -> Self {
        Self {
            message: MessageId::generate().unwrap(),
            thread: ThreadId::generate().unwrap(),
            address: "jobcenter-stadt-regensburg/fallmanagement".parse().unwrap(),
            recipient: "drv-bayern-sued/reha-beratung".parse().unwrap(),
            id: AttachmentId::generate().unwrap(),
            data: (0..25).collect(),
            categories: vec!["gesundheit".to_owned()],
        }
    }

    fn chunk(&self, index: u32) -> v1::AttachmentChunk {
        let begin = usize::try_from(index).unwrap() * 10;
        let end = (begin + 10).min(25);
        v1::AttachmentChunk {
            attachment_id: self.id.to_bytes(),
            index,
            count: 3,
            total_bytes: 25,
            sha256: Bytes::copy_from_slice(&sha256(&[&self.data])),
            data: Bytes::copy_from_slice(&self.data[begin..end]),
        }
    }

    fn reference(&self, name: &str) -> v1::AttachmentReference {
        v1::AttachmentReference {
            attachment_id: self.id.to_bytes(),
            name: name.to_owned(),
            media_type: "application/pdf".to_owned(),
            size_bytes: 25,
            sha256: Bytes::copy_from_slice(&sha256(&[&self.data])),
            chunk_count: 3,
            categories: self.categories.clone(),
        }
    }

    fn arrival<'a>(&'a self, content: &'a Content) -> Arrival<'a> {
        Arrival {
            message_id: self.message,
            part_of: None,
            thread_id: self.thread,
            sender: &self.address,
            recipient: &self.recipient,
            categories: &self.categories,
            content,
        }
    }

    fn send_part(
        &self,
        to: &mut AttachmentCollector,
        chunk: v1::AttachmentChunk,
    ) -> Result<Taken, ClientError> {
        let content = Content::attachment_chunk(chunk).unwrap();
        let message_id = MessageId::generate().unwrap();
        let part_of = Some(self.message);
        to.take_arrival(&Arrival { message_id, part_of, ..self.arrival(&content) })
    }

    fn send_message(
        &self,
        to: &mut AttachmentCollector,
        references: Vec<v1::AttachmentReference>,
    ) -> Result<Taken, ClientError> {
        let content = Content::text("", "anbei").unwrap().with_attachments(references).unwrap();
        to.take_arrival(&self.arrival(&content))
    }
}

fn refusal(result: Result<Taken, ClientError>) -> AttachmentError {
    match result {
        Err(ClientError::Attachment(error)) => error,
        other => panic!("not refused: {other:?}"),
    }
}

fn files(folder: &Path) -> Vec<String> {
    let names = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn parts_in_any_order_with_a_restart_between_all_become_the_file() {
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    for (order, message_after) in orders.into_iter().zip([0, 1, 2, 3].into_iter().cycle()) {
        let folder = tempfile::tempdir().unwrap();
        let open = || AttachmentCollector::open(folder.path()).unwrap();
        let sender = Sender::new();
        let mut finished = Vec::new();
        for (step, index) in (0..=3).zip(order.into_iter().map(Some).chain([None])) {
            if step == message_after {
                let taken =
                    sender.send_message(&mut open(), vec![sender.reference("Gutachten.pdf")]);
                let Ok(Taken::Message { saved, waiting }) = taken else { panic!("{taken:?}") };
                assert_eq!(waiting.len(), usize::from(step < 3));
                finished.extend(saved);
            }
            let Some(index) = index else { continue };
            // Twice: a repetition with the same content changes nothing.
            for _ in 0..2 {
                let taken = sender.send_part(&mut open(), sender.chunk(index)).unwrap();
                let Taken::Part { parts, saved, .. } = taken else { panic!("{taken:?}") };
                assert_eq!(parts, step + 1);
                finished.extend(saved);
            }
        }
        assert!(!finished.is_empty());
        assert_eq!(fs::read(folder.path().join("Gutachten.pdf")).unwrap(), sender.data);
        assert!(finished.iter().all(|one| one.path == folder.path().join("Gutachten.pdf")));
        let left = files(folder.path());
        assert!(!left.iter().any(|name| name.ends_with(".part")), "{left:?}");
        // Handed out again as a whole: still the one file.
        sender.send_part(&mut open(), sender.chunk(1)).unwrap();
        sender.send_message(&mut open(), vec![sender.reference("Gutachten.pdf")]).unwrap();
        assert_eq!(files(folder.path()), left);
    }
}

#[test]
fn changed_foreign_and_surplus_parts_are_refused_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut collector = AttachmentCollector::open(folder.path()).unwrap();
    let sender = Sender::new();
    sender.send_part(&mut collector, sender.chunk(0)).unwrap();
    let mut changed = sender.chunk(0);
    changed.data = Bytes::from_static(&[9; 10]);
    assert!(matches!(
        refusal(sender.send_part(&mut collector, changed)),
        AttachmentError::Changed { index: 0, .. }
    ));
    let foreign = |what: &'static str, change: &dyn Fn(&mut Sender, &mut v1::AttachmentChunk)| {
        let mut other = Sender::new();
        other.message = sender.message;
        other.thread = sender.thread;
        other.id = sender.id;
        let mut chunk = sender.chunk(1);
        change(&mut other, &mut chunk);
        (other, chunk, what)
    };
    let cases = [
        foreign("message", &|o, _| o.message = MessageId::generate().unwrap()),
        foreign("thread", &|o, _| o.thread = ThreadId::generate().unwrap()),
        foreign("sender", &|o, _| o.address = "krankenkasse-nord/krankengeld".parse().unwrap()),
        foreign("recipient", &|o, _| o.recipient = "drv-bayern-sued/andere".parse().unwrap()),
        foreign("categories", &|o, _| o.categories = vec!["termine".to_owned()]),
        foreign("hash", &|_, c| c.sha256 = Bytes::from_static(&[9; 32])),
        foreign("number of parts", &|_, c| (c.count, c.total_bytes) = (2, 20)),
        foreign("size", &|_, c| c.total_bytes = 26),
        foreign("size of parts", &|_, c| c.data = Bytes::from_static(&[9; 9])),
    ];
    for (other, chunk, what) in cases {
        let refused = refusal(other.send_part(&mut collector, chunk));
        assert!(
            matches!(refused, AttachmentError::Foreign { what: is, .. } if is == what),
            "{refused}"
        );
        assert!(refused.is_alarm());
    }
    // The message comes without this attachment: what came of it is removed, and nothing more is taken.
    let other = Sender::new();
    sender.send_message(&mut collector, vec![other.reference("other.pdf")]).unwrap();
    assert!(matches!(
        refusal(sender.send_part(&mut collector, sender.chunk(1))),
        AttachmentError::Surplus { .. }
    ));
    let left = files(folder.path());
    assert!(!left.iter().any(|name| name.starts_with(&sender.id.to_string())), "{left:?}");
}

#[test]
fn a_whole_that_is_not_what_was_announced_is_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut collector = AttachmentCollector::open(folder.path()).unwrap();
    let sender = Sender::new();
    sender.send_message(&mut collector, vec![sender.reference("a.pdf")]).unwrap();
    sender.send_part(&mut collector, sender.chunk(0)).unwrap();
    sender.send_part(&mut collector, sender.chunk(1)).unwrap();
    let mut last = sender.chunk(2);
    last.data = Bytes::from_static(&[9; 5]);
    let refused = refusal(sender.send_part(&mut collector, last));
    assert_eq!(refused, AttachmentError::WholeDiffers { attachment: sender.id });
    assert!(!folder.path().join("a.pdf").exists());
    drop(collector);
    let mut collector = AttachmentCollector::open(folder.path()).unwrap();
    let refused = refusal(sender.send_part(&mut collector, sender.chunk(2)));
    assert_eq!(refused, AttachmentError::WholeDiffers { attachment: sender.id });
}

#[test]
fn names_are_never_paths_and_never_take_the_place_of_a_file() {
    for (name, safe) in [
        ("Gutachten.pdf", "Gutachten.pdf"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("/etc/passwd", "_etc_passwd"),
        (".bashrc", "bashrc"),
        ("..", "attachment"),
        ("a\0b\nc", "a_b_c"),
        ("x.part", "x.part.file"),
        ("collector.lock", "collector.lock.file"),
    ] {
        assert_eq!(safe_name(name), safe);
    }
    let long = safe_name(&format!("{}.pdf", "ü".repeat(199)));
    assert!(long.len() <= NAME_BYTES_MAX && long.ends_with(".pdf"), "{long}");

    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.pdf"), "mine").unwrap();
    let mut collector = AttachmentCollector::open(folder.path()).unwrap();
    let sender = Sender::new();
    for index in 0..3 {
        sender.send_part(&mut collector, sender.chunk(index)).unwrap();
    }
    let taken = sender.send_message(&mut collector, vec![sender.reference("a.pdf")]).unwrap();
    let Taken::Message { saved, .. } = taken else { panic!("{taken:?}") };
    assert_eq!(saved[0].path, folder.path().join(format!("{}-a.pdf", sender.id)));
    assert_eq!(fs::read(folder.path().join("a.pdf")).unwrap(), b"mine");
}

#[test]
fn the_folder_has_bounds_and_one_collector() {
    let folder = tempfile::tempdir().unwrap();
    let mut collector = AttachmentCollector::open(folder.path()).unwrap().with_bytes_max(60);
    for _ in 0..2 {
        let sender = Sender::new();
        sender.send_part(&mut collector, sender.chunk(0)).unwrap();
    }
    let sender = Sender::new();
    let refused = refusal(sender.send_part(&mut collector, sender.chunk(0)));
    assert!(matches!(refused, AttachmentError::FolderFull { bytes_max: 60, .. }));
    assert!(!refused.is_alarm());
    assert!(AttachmentCollector::open(folder.path()).is_err(), "one at a time");
}
