//! The console from the broker's side: who gets in, that every look is a record, that nothing forged is done, that a
//! certificate that ends takes the browser with it. What people see is tested by real browsers in `tests/browser`.

use std::sync::Arc;

use http::StatusCode;
use schleuse_broker::engine::SystemClock;
use schleuse_client::{Client, Names};
use schleuse_console::{Console, Home, Setting};
use schleuse_proto::v1;

use crate::broker::{TestBroker, repository};
use crate::browser::Browser;
use crate::pki::Pki;
use crate::raw::{Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, OFFICERS, RawClient, consent, grant};

/// A companion of the Lotse and a browser that has opened it.
async fn lotse(broker: &TestBroker, home: &tempfile::TempDir) -> (Browser, String) {
    let pki = Pki::shared();
    let leaf = pki.leaf(LOTSE_AGENCY, "lotse-l-01");
    let client = Client::builder()
        .endpoint(format!("https://localhost:{}", broker.address().port()))
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .connect()
        .await
        .unwrap();
    let catalogue = repository().join("ops/reference/catalogue.toml");
    let names = Names::from_toml(&std::fs::read_to_string(catalogue).unwrap()).unwrap();
    let home = Home {
        folder: home.path().to_owned(),
        templates: Some(repository().join("ops/reference/consent-templates")),
        contact: "Lotsin".to_owned(),
        land: schleuse_client::deadlines::Place::default(),
    };
    let console = Console::new(Setting { names, home: Some(home) });
    Browser::at_companion(console, client).await
}

fn size(broker: &TestBroker) -> u64 {
    broker.server.engine().reader().latest().size()
}

/// Records about somebody, or looks at lists of persons, that were written since.
async fn looks(broker: &TestBroker, since: u64) -> usize {
    let rows = RawClient::connect(broker.address(), "projekt", "dpo").await.whole_log().await;
    rows.iter().filter(|row| row.record_number >= since && is_look(row)).count()
}

fn is_look(row: &v1::LogRow) -> bool {
    let entry = <v1::LogEntry as prost::Message>::decode(row.body.clone()).unwrap();
    let by_project =
        entry.actor.is_some_and(|actor| actor.person.is_empty() && actor.agency == "projekt");
    matches!(entry.event, Some(v1::log_entry::Event::LogQueried(_))) && !by_project
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_that_shows_somebody_is_a_record() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let consent = schleuse_client::hex(&case.consent.consent_id);
    let person = &case.reference;
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let pages = [
        "/".to_owned(),
        "/participants".to_owned(),
        "/conferences".to_owned(),
        "/conferences/new".to_owned(),
        format!("/participants/{person}"),
        format!("/participants/{person}/name"),
        format!("/participants/{person}/timeline"),
        format!("/participants/{person}/deadlines"),
        format!("/participants/{person}/safeguards"),
        format!("/participants/{person}/leave"),
        format!("/participants/{person}/record"),
        format!("/participants/{person}/consents/{consent}"),
        format!("/participants/{person}/consents/{consent}/revoke"),
        format!("/participants/{person}/consents/{consent}/narrow"),
        format!("/participants/{person}/consents/{consent}/receipt"),
    ];
    for page in &pages {
        let before = size(&broker);
        let visit = browser.visit(&format!("{base}{page}"), None).await;
        assert_eq!(visit.status, StatusCode::OK, "{page}: {:?}", visit.body);
        assert!(looks(&broker, before).await > 0, "{page} left no record");
    }
    let mut officer = at_door(&broker, "projekt", OFFICERS[0]).await;
    for (page, form) in [
        ("/", None),
        ("/deletions?which=all", None),
        ("/erasure", None),
        ("/log", Some("reason=Stichprobe+im+Quartal")),
        ("/incident", Some("reason=Stichprobe+im+Quartal&agency=drv-bayern-sued")),
    ] {
        let before = size(&broker);
        let visit = officer.visit(&format!("/de{page}"), form).await;
        assert_eq!(visit.status, StatusCode::OK, "{page}: {:?}", visit.body);
        assert!(looks(&broker, before).await > 0, "{page} left no record");
    }
    broker.server.drain().await;
}

async fn at_door(broker: &TestBroker, agency: &str, name: &str) -> Browser {
    let door = broker.server.console_address().unwrap();
    Browser::at_broker(Pki::shared(), door, agency, name).await
}

/// What is somebody else's, unknown, malformed or of another role is the same page, but for the way to the other
/// language, which repeats what was asked for.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_and_what_is_not_for_the_visitor_look_the_same() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let other = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-02").await;
    let foreign = other.register().await;
    let consent = consent(&foreign, vec![grant(&[JOBCENTER], DRV)]);
    other.record_consent(&consent).await.unwrap();
    let consent = schleuse_client::hex(&consent.consent_id);
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let unknown = "a".repeat(26);
    let own = &case.reference;
    let mut seen = Vec::new();
    for page in [
        format!("/participants/{foreign}"),
        format!("/participants/{foreign}/timeline"),
        format!("/participants/{foreign}/name"),
        format!("/participants/{foreign}/record"),
        format!("/participants/{foreign}/leave"),
        format!("/participants/{unknown}"),
        "/participants/x".to_owned(),
        format!("/participants/{own}/consents/{consent}"),
        format!("/participants/{own}/consents/{}", "0".repeat(32)),
        format!("/conferences/{}", "0".repeat(32)),
        "/log".to_owned(),
        "/erasure".to_owned(),
    ] {
        let visit = browser.visit(&format!("{base}{page}"), None).await;
        let text = String::from_utf8(visit.body.to_vec()).unwrap();
        let text = text.replace(&page, "").replace(" aria-current=\"page\"", "");
        seen.push((page, visit.status, text));
    }
    let (_, _, first) = seen[0].clone();
    for (page, status, text) in &seen {
        // A course of somebody unknown is as empty as the log's answer about nobody.
        if page.ends_with("/timeline") {
            assert!(!text.contains("<li><details>"), "{text}");
            continue;
        }
        assert_eq!((status, text), (&StatusCode::NOT_FOUND, &first), "{page}");
    }
    broker.server.drain().await;
}

/// Roles are those of the calls: no door shows a page of another role, and systems and the evaluation none.
#[tokio::test(flavor = "multi_thread")]
async fn every_role_sees_its_own_pages_only() {
    let broker = TestBroker::start().await;
    let _case = Case::open(broker.address()).await;
    for (agency, name, pages) in [
        (
            "projekt",
            OFFICERS[0],
            &["/", "/log", "/incident", "/report", "/deletions", "/erasure"][..],
        ),
        ("betrieb", "operator", &["/", "/mailboxes", "/directory"][..]),
        (JOBCENTER, "system", &[][..]),
        ("oth-regensburg", "evaluation", &[][..]),
        (LOTSE_AGENCY, "lotse-l-01", &[][..]),
    ] {
        let mut browser = at_door(&broker, agency, name).await;
        for page in [
            "/",
            "/log",
            "/incident",
            "/report",
            "/deletions",
            "/erasure",
            "/mailboxes",
            "/directory",
            "/participants",
            "/places",
        ] {
            let status = browser.visit(&format!("/de{page}"), None).await.status;
            let allowed = pages.contains(&page);
            assert_eq!(status == StatusCode::OK, allowed, "{agency}/{name} {page}: {status}");
        }
    }
    broker.server.drain().await;
}

/// INVARIANT (revoke-strict): what the page answers "revoked" to leaves no more, while an agency fetches all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_in_the_console_beats_an_agency_that_is_fetching() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let consent = schleuse_client::hex(&case.consent.consent_id);
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let sender = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let sending = tokio::spawn(async move {
        let mut accepted = 0;
        while let Ok(outcome) = sender.send(&draft).await {
            if outcome.result() != v1::SubmitResult::Accepted {
                break;
            }
            accepted += 1;
        }
        accepted
    });
    let receiver = RawClient::connect(broker.address(), DRV, "system").await;
    let (told, mut seen) = tokio::sync::watch::channel(0_usize);
    let fetching = tokio::spawn(async move {
        let mut fetched = 0;
        while !told.is_closed() {
            fetched += receiver.fetch("zentrale", 10).await.len();
            let _nobody_waits = told.send(fetched);
        }
        fetched
    });
    // Only once it is under way.
    seen.wait_for(|fetched| *fetched > 20).await.unwrap();
    let path = format!("{base}/participants/{}/consents/{consent}/revoke", case.reference);
    let visit = browser.visit(&path, Some("")).await;
    let answered = size(&broker);
    assert_eq!(visit.status, StatusCode::SEE_OTHER, "{:?}", visit.body);
    assert!(visit.location.unwrap().contains("done=revoked"));
    assert!(sending.await.unwrap() > 20);
    drop(seen);
    fetching.await.unwrap();
    let rows = RawClient::connect(broker.address(), "projekt", "dpo").await.whole_log().await;
    let number = |kind: v1::RecordType| {
        let kind = u8::try_from(i32::from(kind)).unwrap();
        rows.iter().filter(move |row| is_type(row, kind)).map(|row| row.record_number)
    };
    let revoked = number(v1::RecordType::ConsentRevoked).max().unwrap();
    let handed_out = number(v1::RecordType::HandedOut).max().unwrap();
    assert!(handed_out < revoked && revoked < answered, "{handed_out} {revoked} {answered}");
    broker.server.drain().await;
}

fn is_type(row: &v1::LogRow, kind: u8) -> bool {
    let bytes = row.skeleton.as_ref().try_into().unwrap();
    schleuse_proto::skeleton::Skeleton::decode(bytes).unwrap().record_type == kind
}

/// A companion's client keeps its key: at the broker's own door nobody can sign in a Lotse's name.
#[tokio::test(flavor = "multi_thread")]
async fn forged_requests_change_nothing() {
    let broker = TestBroker::with(Pki::shared(), Arc::new(SystemClock), "").await;
    let case = Case::open(broker.address()).await;
    let consent = schleuse_client::hex(&case.consent.consent_id);
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let path = format!("{base}/participants/{}/consents/{consent}/revoke", case.reference);
    let before = size(&broker);
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://localhost:1"] {
        let visit = browser.visit_from(origin, &path, Some("")).await;
        assert_eq!(visit.status, StatusCode::FORBIDDEN, "{origin}");
        let visit = browser.visit_from(origin, &path, None).await;
        assert_eq!(visit.status, StatusCode::FORBIDDEN, "{origin}, only looking");
    }
    assert_eq!(size(&broker), before, "not even a record");
    let draft = Draft::new(&case.jobcenter_reference, DRV);
    let sender = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let outcome = sender.send(&draft).await.unwrap();
    assert_eq!(outcome.result(), v1::SubmitResult::Accepted);
    broker.server.drain().await;
}
