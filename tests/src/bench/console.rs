//! The console with many participants and records: server time of every page that shows something, and what it sends.
//!
//! Officers' and operators' pages come from the broker's own door over mutual TLS, the Lotse's from a companion. Each
//! answer must be a page, a document or a file; a page with its stylesheet, script and symbol is what a first visit
//! transfers. Documents (reports, receipts) and files (exports) are as large as what they have to say: they stand apart. The person who is looked at has some hundred records. Left out are forms that act, which end in one of
//! these pages, and the calendar of a conference, which is there once its date is fixed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use schleuse_client::{Client, ClientError, Names, ParticipantReference};
use schleuse_console::{Console, Home, Setting};
use serde_json::{Map, Value, json};

use super::{counts, percentile};
use crate::broker::{TestBroker, TestClock, repository};
use crate::browser::Browser;
use crate::pki::Pki;
use crate::raw::{BEZIRK, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, consent, grant};

const DAY_MS: u64 = 86_400_000;
/// Requests of each page.
const REPETITIONS: usize = 60;
/// Time between two visits: what the console lets one visitor do.
const PACE: Duration = Duration::from_millis(60);
/// Messages about the person who is looked at: each is decided and handed out.
const MESSAGES: u64 = 150;
/// First and last day of a review, from the day that the participants are registered on the machine's clock. The
/// broker's has gone on by 37 days by then: more reviews are due soon than the broker lists at once.
const REVIEW_DAYS: (u64, u64) = (45, 180);
/// Participants registered at the same time.
const AT_ONCE: u64 = 64;

/// Figures by what was visited.
#[derive(Default)]
struct Figures {
    pages: Map<String, Value>,
    documents: Map<String, Value>,
}

impl Figures {
    /// Visits a page and notes its figures under a name.
    async fn add(&mut self, browser: &mut Browser, name: &str, path: &str, form: Option<&str>) {
        let (figures, is_page) = measure(browser, path, form).await;
        let of_its_kind = if is_page { &mut self.pages } else { &mut self.documents };
        of_its_kind.insert(name.trim_end().to_owned(), figures);
    }
}

fn worst(figures: &Map<String, Value>, what: &str) -> Option<u64> {
    figures.values().filter_map(|one| one[what].as_u64()).max()
}

/// Visits a page again and again; what it took, what a first visit transfers, and whether it is a page of the console.
async fn measure(browser: &mut Browser, path: &str, form: Option<&str>) -> (Value, bool) {
    let mut times = Vec::new();
    let (mut bytes, mut of_assets) = (0, 0);
    let mut pace = tokio::time::interval(PACE);
    for _ in 0..REPETITIONS {
        // A visitor opens 20 pages in a second at most, on average.
        pace.tick().await;
        let visit = browser.visit(path, form).await;
        assert_eq!(visit.status, StatusCode::OK, "{path}: {:?}", visit.body);
        times.push(visit.time);
        bytes = visit.body.len() + visit.head_bytes;
        if times.len() == REPETITIONS {
            of_assets = assets(browser, &visit.body).await;
        }
    }
    times.sort_unstable();
    let figures = json!({
        "p50_us": percentile(&times, 0.5),
        "p95_us": percentile(&times, 0.95),
        "transfer_bytes": bytes + of_assets,
    });
    (figures, of_assets > 0)
}

/// Size of the files that a page names; a document that is complete in itself names none.
async fn assets(browser: &mut Browser, page: &[u8]) -> usize {
    let page = String::from_utf8(page.to_vec()).unwrap();
    if !page.contains("rel=\"stylesheet\"") {
        assert!(!page.contains("/assets/"), "{page}");
        return 0;
    }
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
    let about = messages(&broker, &pki, &person, clock.now_ms()).await;
    let door = broker.server.console_address().unwrap();
    let mut figures = Figures::default();
    let reason = "reason=Messung+der+Konsole";
    for (who, (agency, name), visits) in [
        ("dpo", ("projekt", "dpo-d-01"), officer_pages(reason, &broker, &about, clock.now_ms())),
        ("operator", ("betrieb", "operator"), operator_pages()),
    ] {
        let mut browser = Browser::at_broker(&pki, door, agency, name).await;
        for (path, form) in visits {
            let asked = form.clone().unwrap_or_default().replace(&about, "REF");
            let asked = asked.strip_prefix(reason).unwrap_or(&asked);
            let name = format!("{who} {path} {asked}");
            figures.add(&mut browser, &name, &format!("/de{path}"), form.as_deref()).await;
        }
    }
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &pki, &clock, home.path()).await;
    let conference = browser.plan_conference(&base, &person, clock.now_ms()).await;
    for (path, form) in lotse_pages(&person, &consent, &conference) {
        let name = path.replace(&person, "REF").replace(&consent, "ID");
        let name = name.replace(&conference, "/conferences/ID");
        let name = format!("lotse {name} {}", form.as_deref().unwrap_or_default());
        figures.add(&mut browser, &name, &format!("{base}{path}"), form.as_deref()).await;
    }
    let size = broker.server.engine().reader().latest().size();
    broker.server.drain().await;
    let Figures { pages, documents } = figures;
    json!({
        "records": size,
        "participants": participants,
        "slowest_p95_us": worst(&pages, "p95_us"),
        "largest_transfer_bytes": worst(&pages, "transfer_bytes"),
        "slowest_document_p95_us": worst(&documents, "p95_us"),
        "pages": pages,
        "documents": documents,
    })
}

/// Registers participants, each with a consent whose review is due some day: a sixth of them soon. The reference and the consent of the last one.
async fn people(broker: &TestBroker, pki: &Pki, count: u64) -> (String, String) {
    let lotse = Arc::new(RawClient::with(pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await);
    let mut last = None;
    for part in 0..count.div_ceil(AT_ONCE) {
        let of_part = AT_ONCE.min(count - part * AT_ONCE);
        let registered = (0..of_part).map(|number| {
            let lotse = lotse.clone();
            let (first, last) = REVIEW_DAYS;
            let days = first + (part * AT_ONCE + number) % (last - first);
            tokio::spawn(async move {
                let reference = lotse.register().await;
                let mut consent = consent(&reference, vec![grant(&[JOBCENTER, BEZIRK], DRV)]);
                consent.review_by_ms = consent.signed_at_ms + (days * DAY_MS).cast_signed();
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

/// Messages about somebody, all handed out; the officer's reference of that person.
async fn messages(broker: &TestBroker, pki: &Pki, person: &str, now_ms: i64) -> String {
    let lotse = RawClient::with(pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let reference = lotse.reference_for(person, JOBCENTER).await;
    let sender = RawClient::with(pki, broker.address(), JOBCENTER, "system").await;
    counts::submit(&sender, &[Draft::new(&reference, DRV)], now_ms, MESSAGES).await;
    let recipient = RawClient::with(pki, broker.address(), DRV, "system").await;
    let mut fetched = 0;
    while fetched < MESSAGES {
        let part = recipient.fetch("zentrale", 100).await;
        assert!(!part.is_empty(), "{fetched} of {MESSAGES} messages came");
        fetched += u64::try_from(part.len()).unwrap();
    }
    lotse.reference_for(person, "projekt").await
}

type Form = (String, Option<String>);

fn officer_pages(reason: &str, broker: &TestBroker, about: &str, now_ms: i64) -> Vec<Form> {
    let today = &schleuse_client::rfc3339(now_ms)[..10];
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
        form("/log", &format!("&participant={about}")),
        form("/log/export", &format!("&participant={about}&format=csv")),
        form("/log/export", &format!("&participant={about}&format=proof")),
        page("/incident"),
        form("/incident", &format!("&agency={JOBCENTER}&since={today}")),
        page("/report"),
        form("/report", &format!("&participant={about}&format=page")),
        form("/report", &format!("&participant={about}&format=proofs")),
        page("/deletions?which=all"),
        page("/erasure"),
    ]
}

fn operator_pages() -> Vec<Form> {
    ["/", "/mailboxes", "/directory"].map(|path| (path.to_owned(), None)).into()
}

fn lotse_pages(person: &str, consent: &str, conference: &str) -> Vec<Form> {
    let of_person = [
        "",
        "/name",
        "/deadlines",
        "/timeline",
        "/timeline?which=everything",
        "/safeguards",
        "/leave",
        "/record",
    ];
    let of_person = of_person.map(|page| format!("/participants/{person}{page}"));
    let of_consent = ["", "/revoke", "/narrow", "/renew", "/receipt"];
    let of_consent =
        of_consent.map(|page| format!("/participants/{person}/consents/{consent}{page}"));
    let others = [
        "/",
        "/participants",
        "/participants?page=100",
        "/participants/new",
        "/deadlines",
        "/places",
        "/conferences",
        "/conferences/new",
        conference,
    ];
    let pages = others.map(str::to_owned).into_iter().chain(of_person).chain(of_consent);
    let forms = [
        ("/participants".to_owned(), "wanted=Person"),
        (format!("/participants/{person}/report"), ""),
        (format!("/participants/{person}/objection"), "purposes=fallkonferenz"),
        (format!("{conference}/review"), ""),
    ];
    let forms = forms.map(|(path, form)| (path, Some(form.to_owned())));
    pages.map(|path| (path, None)).chain(forms).collect()
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
