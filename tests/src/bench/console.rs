//! The console with many participants and records: server time of every page, and what it sends.
//!
//! Officers' and operators' pages come from the broker's own door over mutual TLS, the Lotse's from a companion. Each
//! answer must be a page; a page with its stylesheet, script and symbol is what a first visit transfers.

use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use schleuse_client::{Client, ClientError, Names, ParticipantReference};
use schleuse_console::{Console, Home, Setting};
use serde_json::{Value, json};

use super::{counts, percentile};
use crate::broker::{TestBroker, TestClock, repository};
use crate::browser::Browser;
use crate::pki::Pki;
use crate::raw::{BEZIRK, DRV, JOBCENTER, LOTSE_AGENCY, RawClient, consent, grant};

const DAY_MS: u64 = 86_400_000;
/// Requests of each page.
const REPETITIONS: usize = 60;
/// Participants registered at the same time.
const AT_ONCE: u64 = 64;

/// Visits a page again and again; what it took, and what a first visit transfers.
async fn measure(browser: &mut Browser, path: &str, form: Option<&str>) -> Value {
    let mut times = Vec::new();
    let mut bytes = 0;
    for _ in 0..REPETITIONS {
        let visit = browser.visit(path, form).await;
        assert_eq!(visit.status, StatusCode::OK, "{path}: {:?}", visit.body);
        times.push(visit.time);
        bytes = visit.body.len() + visit.head_bytes;
        if times.len() == REPETITIONS {
            bytes += assets(browser, &visit.body).await;
        }
    }
    times.sort_unstable();
    json!({
        "p50_us": percentile(&times, 0.5),
        "p95_us": percentile(&times, 0.95),
        "transfer_bytes": bytes,
    })
}

/// Size of the files that a page names.
async fn assets(browser: &mut Browser, page: &[u8]) -> usize {
    let page = String::from_utf8(page.to_vec()).unwrap();
    let mut named: Vec<String> =
        page.split('"').filter(|part| part.contains("/assets/")).map(str::to_owned).collect();
    named.sort_unstable();
    named.dedup();
    assert_eq!(named.len(), 3, "{named:?}");
    let mut bytes = 0;
    for path in named {
        let visit = browser.visit(&path, None).await;
        assert_eq!(visit.status, StatusCode::OK, "{path}");
        bytes += visit.body.len() + visit.head_bytes;
    }
    bytes
}

/// The clock of the broker for clients.
struct Hand(Arc<TestClock>);

impl schleuse_client::Clock for Hand {
    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }
}

/// Fills a broker and visits every page.
pub async fn run(records: u64, participants: u64) -> Value {
    let clock = TestClock::starting_now();
    let pki = Pki::lasting(clock.now_ms() as u64 - DAY_MS, 90);
    let limits = "queue_messages_max = 10000000\nqueue_mib_max = 60000\n\
                  idempotency_keys_max = 100000000";
    let broker = TestBroker::with(&pki, clock.clone(), limits).await;
    counts::fill(&broker, &pki, &clock, records).await;
    let (person, consent) = people(&broker, &pki, participants).await;
    let door = broker.server.console_address().unwrap();
    let mut pages = serde_json::Map::new();
    let reason = "reason=Messung+der+Konsole";
    for (who, (agency, name), visits) in [
        ("dpo", ("projekt", "dpo-d-01"), officer_pages(reason, &broker)),
        ("operator", ("betrieb", "operator"), operator_pages()),
    ] {
        let mut browser = Browser::at_broker(&pki, door, agency, name).await;
        for (path, form) in visits {
            let figures = measure(&mut browser, &format!("/de{path}"), form.as_deref()).await;
            pages.insert(format!("{who} {path}"), figures);
        }
    }
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &pki, &clock, home.path()).await;
    for path in lotse_pages(&person, &consent) {
        let figures = measure(&mut browser, &format!("{base}{path}"), None).await;
        pages.insert(
            format!("lotse {}", path.replace(&person, "REF").replace(&consent, "ID")),
            figures,
        );
    }
    let size = broker.server.engine().reader().latest().size();
    broker.server.drain().await;
    let worst = |what: &str| pages.values().filter_map(|page| page[what].as_u64()).max();
    json!({
        "records": size,
        "participants": participants,
        "slowest_p95_us": worst("p95_us"),
        "largest_transfer_bytes": worst("transfer_bytes"),
        "pages": pages,
    })
}

/// Registers participants, each with a consent; the reference and the consent of the last one.
async fn people(broker: &TestBroker, pki: &Pki, count: u64) -> (String, String) {
    let lotse = Arc::new(RawClient::with(pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await);
    let mut last = None;
    for part in 0..count.div_ceil(AT_ONCE) {
        let of_part = AT_ONCE.min(count - part * AT_ONCE);
        let registered = (0..of_part).map(|_| {
            let lotse = lotse.clone();
            tokio::spawn(async move {
                let reference = lotse.register().await;
                let consent = consent(&reference, vec![grant(&[JOBCENTER, BEZIRK], DRV)]);
                let id = consent.consent_id.clone();
                lotse.record_consent(&consent).await.unwrap();
                (reference, schleuse_client::hex(&id))
            })
        });
        for one in registered.collect::<Vec<_>>() {
            last = Some(one.await.unwrap());
        }
    }
    last.unwrap()
}

type Form = (String, Option<String>);

fn officer_pages(reason: &str, broker: &TestBroker) -> Vec<Form> {
    let number = broker.server.engine().reader().latest().size() / 2;
    let page = |path: &str| (path.to_owned(), None);
    let form = |path: &str, more: &str| (path.to_owned(), Some(format!("{reason}{more}")));
    vec![
        page("/"),
        page("/?days=365"),
        page("/log"),
        form("/log", ""),
        form("/log", "&agency=drv-bayern-sued&purpose=fallkonferenz&outcome=accepted"),
        form("/log/proof", &format!("&number={number}")),
        page("/incident"),
        page("/report"),
        page("/deletions?which=all"),
        page("/erasure"),
    ]
}

fn operator_pages() -> Vec<Form> {
    ["/", "/mailboxes", "/directory"].map(|path| (path.to_owned(), None)).into()
}

fn lotse_pages(person: &str, consent: &str) -> Vec<String> {
    let of_person =
        ["", "/timeline", "/timeline?which=everything", "/safeguards", "/leave", "/record"];
    let of_person = of_person.map(|page| format!("/participants/{person}{page}"));
    let of_consent = ["", "/revoke", "/narrow", "/receipt"];
    let of_consent =
        of_consent.map(|page| format!("/participants/{person}/consents/{consent}{page}"));
    let others = [
        "/",
        "/participants",
        "/participants?page=100",
        "/places",
        "/conferences",
        "/conferences/new",
    ];
    // The receipt is a document that is complete in itself: it names no file.
    let pages = others.map(str::to_owned).into_iter().chain(of_person).chain(of_consent);
    pages.filter(|path| !path.ends_with("/receipt")).collect()
}

/// A companion, and a browser that has opened it.
async fn lotse(
    broker: &TestBroker,
    pki: &Pki,
    clock: &Arc<TestClock>,
    home: &Path,
) -> (Browser, String) {
    let client = client(broker, pki, clock).await.unwrap();
    let catalogue = repository().join("ops/reference/catalogue.toml");
    let names = Names::from_toml(&std::fs::read_to_string(catalogue).unwrap()).unwrap();
    let home = Home {
        folder: home.to_owned(),
        templates: Some(repository().join("ops/reference/consent-templates")),
        contact: "Lotsin".to_owned(),
        land: schleuse_client::deadlines::Place::default(),
    };
    // Everybody has a name, as in a Lotse's book.
    let book = home.folder.join("participants.json");
    let references = client.list_participants().await.unwrap();
    let entry = |reference: &ParticipantReference| {
        let name = format!("Person {}", reference.as_text());
        (reference.as_text().to_owned(), json!({ "display_name": name }))
    };
    let entries: serde_json::Map<_, _> = references.iter().map(entry).collect();
    schleuse_client::keep_private(&book, Value::Object(entries).to_string().as_bytes()).unwrap();
    let console = Console::new(Setting { names, home: Some(home) });
    Browser::at_companion(console, client).await
}

async fn client(
    broker: &TestBroker,
    pki: &Pki,
    clock: &Arc<TestClock>,
) -> Result<Client, ClientError> {
    let leaf = pki.leaf(LOTSE_AGENCY, "lotse-l-01");
    Client::builder()
        .endpoint(format!("https://localhost:{}", broker.address().port()))
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .clock(Hand(clock.clone()))
        .connect()
        .await
}
