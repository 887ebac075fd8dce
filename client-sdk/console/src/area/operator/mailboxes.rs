//! Mailboxes: who reads, and what waits.

use askama::Template;
use schleuse_client::{Mailbox, MailboxClass, shown};

use crate::desk::{Answer, Desk};
use crate::surface::Surface;
use crate::words;

struct Row {
    mailbox: String,
    class: &'static str,
    mark: (&'static str, &'static str),
    read: String,
    waiting: u64,
    oldest: String,
}

#[derive(Template)]
#[template(path = "operator/mailboxes.html")]
struct Page {
    s: Surface,
    rows: Vec<Row>,
}

pub(super) async fn show(desk: Desk) -> Answer {
    let mut mailboxes = desk.client.list_mailboxes().await.map_err(|error| desk.failed(error))?;
    // What waits longest is to be looked at first.
    mailboxes.sort_by_key(|mailbox| (mailbox.oldest_ms.is_none(), mailbox.oldest_ms));
    let rows = mailboxes.iter().map(|mailbox| row(&desk, mailbox)).collect();
    desk.page(&Page { s: desk.surface.clone(), rows })
}

fn row(desk: &Desk, mailbox: &Mailbox) -> Row {
    let t = &desk.t().operator;
    let (class, mark) = match mailbox.class {
        MailboxClass::Read => (t.class_regular, ("good", "●")),
        MailboxClass::Slow => (t.class_irregular, ("warn", "◐")),
        MailboxClass::Unread => (t.class_not, ("bad", "○")),
        _ => (t.class_unknown, ("", "?")),
    };
    let when = |ms: Option<i64>| ms.map(|ms| words::time(desk.surface.language, ms));
    Row {
        mailbox: shown(&mailbox.address.to_string()),
        class,
        mark,
        read: when(mailbox.last_read_ms).unwrap_or_else(|| t.never.to_owned()),
        waiting: mailbox.waiting,
        oldest: when(mailbox.oldest_ms).unwrap_or_else(|| "–".to_owned()),
    }
}
