//! The console from the broker's side: who gets in, that every look is a record, that nothing forged is done, that a
//! certificate that ends takes the browser with it. What people see is tested by real browsers in `tests/browser`.

use std::path::Path;
use std::sync::Arc;

use http::StatusCode;
use schleuse_broker::engine::{Clock as _, SystemClock};
use schleuse_client::{
    Bundle, Client, Evidence, Expectations, Names, ParticipantReference, TrustAnchors,
};
use schleuse_console::{Console, Home, Setting};
use schleuse_proto::v1;

use crate::bench::counts::submit;
use crate::broker::{TestBroker, repository};
use crate::browser::{Browser, Visit};
use crate::pki::Pki;
use crate::raw::{
    Case, DRV, Draft, JOBCENTER, KRANKENKASSE, LOTSE_AGENCY, OFFICERS, RawClient, consent, grant,
};

/// A companion of the Lotse and a browser that has opened it.
async fn lotse(broker: &TestBroker, home: &tempfile::TempDir) -> (Browser, String) {
    let pki = Pki::shared();
    companion(broker, home, &pki.leaf(LOTSE_AGENCY, "lotse-l-01"), "trust.toml").await
}

/// A companion of whoever has a certificate, which believes a table of trust beside that of the PKI.
async fn companion(
    broker: &TestBroker,
    home: &tempfile::TempDir,
    leaf: &Path,
    trust: &str,
) -> (Browser, String) {
    let client = client(broker, leaf, trust).await;
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

async fn client(broker: &TestBroker, leaf: &Path, trust: &str) -> Client {
    let pki = leaf.ancestors().nth(3).unwrap();
    Client::builder()
        .endpoint(format!("https://localhost:{}", broker.address().port()))
        .trust_file(pki.join(trust))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .connect()
        .await
        .unwrap()
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
        "/deadlines".to_owned(),
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
        format!("/participants/{person}/consents/{consent}/renew"),
        format!("/participants/{person}/consents/{consent}/receipt"),
    ];
    let conference = browser.plan_conference(&base, person, in_days(0)).await;
    let forms = [
        ("/participants".to_owned(), "wanted=a"),
        (format!("/participants/{person}/report"), ""),
        (format!("/participants/{person}/objection"), "purposes=fallkonferenz"),
        (format!("/participants/{person}/record"), "step=template"),
        (format!("{conference}/review"), ""),
    ];
    let calendar = format!("{conference}/calendar.ics");
    let pages = pages.into_iter().chain([conference, calendar.clone()]).map(|page| (page, None));
    let forms = forms.into_iter().map(|(page, form)| (page, Some(form)));
    for (page, form) in pages.chain(forms) {
        let before = size(&broker);
        let visit = browser.visit(&format!("{base}{page}"), form).await;
        // Before a date is fixed there is no calendar; but whose conference it is was looked up.
        let wanted = if page == calendar { StatusCode::NOT_FOUND } else { StatusCode::OK };
        assert_eq!(visit.status, wanted, "{page}: {:?}", visit.body);
        assert!(looks(&broker, before).await > 0, "{page} left no record");
    }
    let about = case.lotse.reference_for(person, "projekt").await;
    let report = format!("reason=Stichprobe+im+Quartal&participant={about}");
    let mut officer = at_door(&broker, "projekt", OFFICERS[0]).await;
    for (page, form) in [
        ("/", None),
        ("/deletions?which=all", None),
        ("/erasure", None),
        ("/log", Some("reason=Stichprobe+im+Quartal")),
        ("/log/export", Some("reason=Stichprobe+im+Quartal&format=csv")),
        ("/log/export", Some("reason=Stichprobe+im+Quartal&format=proof")),
        ("/log/proof", Some("reason=Stichprobe+im+Quartal&number=1")),
        ("/incident", Some("reason=Stichprobe+im+Quartal&agency=drv-bayern-sued")),
        ("/report", Some(report.as_str())),
        ("/erasure/propose", Some(&format!("participant={about}&step=count"))),
    ] {
        let before = size(&broker);
        let visit = officer.visit(&format!("/de{page}"), form).await;
        assert_eq!(visit.status, StatusCode::OK, "{page}: {:?}", visit.body);
        assert!(looks(&broker, before).await > 0, "{page} left no record");
    }
    broker.server.drain().await;
}

fn in_days(days: u64) -> i64 {
    i64::try_from(SystemClock.now() + days * 86_400_000).unwrap()
}

pub(super) async fn at_door(broker: &TestBroker, agency: &str, name: &str) -> Browser {
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
        "/participants/%ff".to_owned(),
        // There are forms for it, and no page.
        "/tasks/close".to_owned(),
    ] {
        let visit = browser.visit(&format!("{base}{page}"), None).await;
        let text = String::from_utf8(visit.body.to_vec()).unwrap();
        let text = text.replace(&page, "").replace(" aria-current=\"page\"", "");
        seen.push((page, visit.status, text));
    }
    let (_, _, first) = seen[0].clone();
    for (page, status, text) in &seen {
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

/// Where the first form of a page is sent to.
fn action(page: &Visit) -> String {
    let page = std::str::from_utf8(&page.body).unwrap();
    let (_, form) = page.split_once("<form ").unwrap();
    let (_, action) = form.split_once("action=\"").unwrap();
    action.split('"').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_that_is_sent_twice_is_done_once() {
    let broker = TestBroker::start().await;
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let count = || async {
        let raw = RawClient::connect(broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
        let listed = raw.participants().list_participants(v1::ListParticipantsRequest {}).await;
        listed.unwrap().into_inner().participant_references.len()
    };
    let form = browser.visit(&format!("{base}/participants/new"), None).await;
    let to = action(&form);
    let sent = browser.visit(&to, Some("name=Anna")).await;
    assert_eq!(sent.status, StatusCode::SEE_OTHER, "{:?}", sent.body);
    let again = browser.visit(&to, Some("name=Anna")).await;
    assert_eq!((again.status, &again.location), (StatusCode::SEE_OTHER, &sent.location));
    assert_eq!(count().await, 1);
    // Whoever goes back and types something else means somebody else.
    let other = browser.visit(&to, Some("name=Berta")).await;
    assert_eq!(other.status, StatusCode::SEE_OTHER);
    assert_ne!(other.location, sent.location);
    assert_eq!(count().await, 2);
    // What was refused is tried again.
    let to = action(&browser.visit(&format!("{base}/participants/new"), None).await);
    for _ in 0..2 {
        let refused = browser.visit(&to, Some("name=")).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(count().await, 2);
    broker.server.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_cannot_be_read_are_answered_by_a_page() {
    let broker = TestBroker::start().await;
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let large = format!("name={}", "x".repeat(300 * 1024));
    for to in [format!("{base}/participants/new"), numbered(&mut browser, &base).await] {
        let visit = browser.visit(&to, Some(&large)).await;
        assert_eq!(visit.status, StatusCode::PAYLOAD_TOO_LARGE, "{to}");
        let page = String::from_utf8(visit.body.to_vec()).unwrap();
        assert!(page.contains("Das Formular ist zu groß"), "{page}");
    }
    let upload = format!("{base}/participants/{}/release", "a".repeat(26));
    let visit = browser.visit(&upload, Some("a=b")).await;
    let page = String::from_utf8(visit.body.to_vec()).unwrap();
    assert_eq!(visit.status, StatusCode::BAD_REQUEST);
    assert!(page.contains("nicht ganz angekommen"), "{page}");
    broker.server.drain().await;
}

/// Whoever got no answer sends the same again, from a page that knows nothing of the first time.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_again_for_want_of_an_answer_is_recorded_once() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let person = format!("{base}/participants/{}", case.reference);
    let mut number = 0;
    let mut sent = async |form: &str, fields: &[(&str, &str)], file: &str| {
        number += 1;
        let to = format!("{person}/{form}?once={number:022}");
        browser.upload(&to, "boundary", fields, (file, "unterschrieben")).await
    };
    let id = "0123456789abcdef0123456789abcdef";
    let deputy = |months| {
        [
            ("consent", id),
            ("deputy", "l-02"),
            ("deputy_again", "l-02"),
            ("deputy_months", months),
            ("deputy_text", "Vertretung im Urlaub"),
        ]
    };
    let release = |holder| {
        [
            ("release", id),
            ("holder", holder),
            ("addressee", "drv-bayern-sued/zentrale"),
            ("release_purposes", "unterlagen"),
            ("release_categories", "gesundheit"),
            ("release_months", "6"),
            ("release_text", "Ich entbinde von der Schweigepflicht."),
        ]
    };
    let (jobcenter, insurer) =
        (format!("{JOBCENTER}/zentrale"), format!("{KRANKENKASSE}/zentrale"));
    let (jobcenter, insurer) = (jobcenter.as_str(), insurer.as_str());
    let first = sent("deputy", &deputy("6"), "deputy_file").await.location.unwrap();
    assert_eq!(sent("deputy", &deputy("6"), "deputy_file").await.location, Some(first));
    let first = sent("release", &release(jobcenter), "release_file").await.location.unwrap();
    let again = sent("release", &release(jobcenter), "release_file").await;
    assert_eq!(again.location, Some(first));
    // What was changed or ended meanwhile is not taken for what was recorded.
    let mut other = vec![
        sent("deputy", &deputy("5"), "deputy_file").await,
        sent("release", &release(insurer), "release_file").await,
    ];
    let reference = ParticipantReference::parse(&case.reference).unwrap();
    let leaf = Pki::shared().leaf(LOTSE_AGENCY, "lotse-l-01");
    let program = client(&broker, &leaf, "trust.toml").await;
    program.revoke_consent(id.parse().unwrap()).await.unwrap();
    let known = program.list_safeguards(&reference).await.unwrap();
    program.revoke_secrecy_release(&known.releases[0]).await.unwrap();
    other.push(sent("deputy", &deputy("6"), "deputy_file").await);
    other.push(sent("release", &release(jobcenter), "release_file").await);
    for refused in other {
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(refused.text().contains("schon etwas anderes aufgezeichnet"), "{}", refused.text());
    }
    let rows = RawClient::connect(broker.address(), "projekt", "dpo").await.whole_log().await;
    let count = |wanted: v1::RecordType| {
        let kind = u8::try_from(i32::from(wanted)).unwrap();
        rows.iter().filter(|row| is_type(row, kind)).count()
    };
    // The case has a consent of its own.
    let counts =
        (count(v1::RecordType::ConsentRecorded), count(v1::RecordType::SecrecyReleaseRecorded));
    assert_eq!(counts, (2, 1));
    broker.server.drain().await;
}

/// A form with files has other bytes each time that it is sent: what was typed counts, and what is in the files.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_with_files_is_done_once_and_what_is_changed_is_done_anew() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let home = tempfile::tempdir().unwrap();
    let (mut browser, base) = lotse(&broker, &home).await;
    let to = format!("{base}/participants/{}/deputy", case.reference);
    let to = format!("{to}?once={}", "n".repeat(22));
    let mut boundaries = ('a'..='z').map(|letter| letter.to_string().repeat(20));
    let mut sent = async |months: &str, file: &str| {
        let fields = [
            ("deputy", "l-02"),
            ("deputy_again", "l-02"),
            ("deputy_months", months),
            ("deputy_text", "Vertretung im Urlaub"),
        ];
        let boundary = boundaries.next().unwrap();
        let visit = browser.upload(&to, &boundary, &fields, ("deputy_file", file)).await;
        assert_eq!(visit.status, StatusCode::SEE_OTHER, "{}", visit.text());
        visit.location.unwrap()
    };
    let first = sent("6", "unterschrieben").await;
    let before = size(&broker);
    assert_eq!(sent("6", "unterschrieben").await, first);
    let again = size(&broker);
    let shorter = sent("3", "unterschrieben").await;
    assert_ne!(shorter, first, "another time of the same length is another act");
    let other = sent("3", "unterschriebem").await;
    assert!(other != shorter && other != first, "another file of the same length, too");
    assert_eq!(sent("3", "unterschrieben").await, shorter);
    // That somebody looked is a record, and nothing else is.
    let rows = RawClient::connect(broker.address(), "projekt", "dpo").await.whole_log().await;
    let kind = u8::try_from(i32::from(v1::RecordType::ConsentRecorded)).unwrap();
    let recorded = |row: &&v1::LogRow| is_type(row, kind) && row.record_number >= before;
    let recorded: Vec<u64> = rows.iter().filter(recorded).map(|row| row.record_number).collect();
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(recorded.iter().all(|number| *number >= again));
    broker.server.drain().await;
}

/// What an officer hands out was checked before; a check that fails hands out nothing but the evidence of it.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_hold_is_not_handed_out() {
    let pki = Pki::new();
    let broker = TestBroker::with(&pki, Arc::new(SystemClock), "").await;
    let lotse = RawClient::with(&pki, broker.address(), LOTSE_AGENCY, "lotse-l-01").await;
    let case = Case::with(lotse, &[JOBCENTER], DRV).await;
    let about = case.lotse.reference_for(&case.reference, "projekt").await;
    let trust = pki.path().join("trust.toml");
    // Nobody may speak for the Lotsen: their signatures are as good as forged.
    let table = std::fs::read_to_string(&trust).unwrap();
    let other = table.replace("agencies = [\"lotsenstelle\"]", "agencies = [\"andere-stelle\"]");
    assert_ne!(table, other);
    std::fs::write(pki.path().join("other.toml"), other).unwrap();
    let home = tempfile::tempdir().unwrap();
    let leaf = pki.leaf("projekt", OFFICERS[0]);
    let report = format!("reason=Auskunft+nach+Art.+15&participant={about}");
    let export = format!("{report}&format=proof");
    let page = format!("{report}&format=page");
    let proofs = format!("{report}&format=proofs");
    let forms = [("/report", &page), ("/report", &proofs), ("/log/export", &export)];
    let (mut browser, base) = companion(&broker, &home, &leaf, "other.toml").await;
    for (path, form) in forms {
        let visit = browser.visit(&format!("{base}{path}"), Some(form)).await;
        assert_eq!((visit.status, &visit.file), (StatusCode::BAD_GATEWAY, &None), "{path} {form}");
        let text = visit.text();
        assert!(text.contains("Die Prüfung ist gescheitert"), "{text}");
        assert!(text.contains("Eine Unterschrift unter einem Dokument gilt nicht"), "{text}");
        let anyway = format!("{form}&evidence=anyway");
        let visit = browser.visit(&format!("{base}{path}"), Some(&anyway)).await;
        let name = visit.file.expect("the evidence for whoever examines it");
        assert!(name.contains("not-sound.proof.json"), "{name}");
        let anchors = TrustAnchors::load(&pki.path().join("other.toml")).unwrap();
        let bundle = Bundle::from_json(&visit.body).unwrap();
        assert!(!bundle.verify_signatures(&anchors.log_key, &anchors.trust).is_sound());
    }
    // The same is handed out to who trusts the Lotsen: with the whole log's leaf hashes here, and with a proof of each
    // record at the broker's door.
    let anchors = TrustAnchors::load(&trust).unwrap();
    let expected = Expectations::new(&anchors.log_key).trust(&anchors.trust);
    let (mut browser, base) = companion(&broker, &home, &leaf, "trust.toml").await;
    let mut door = {
        let door = broker.server.console_address().unwrap();
        Browser::at_broker(&pki, door, "projekt", OFFICERS[0]).await
    };
    for (path, form) in forms {
        let here = browser.visit(&format!("{base}{path}"), Some(form)).await;
        let there = door.visit(&format!("/de{path}"), Some(form)).await;
        assert_eq!((here.status, there.status), (StatusCode::OK, StatusCode::OK));
        assert!(here.file.is_some() && there.file.is_some(), "{path}");
        if form.ends_with("page") {
            assert!(here.text().contains("Auskunft") && there.text().contains("Auskunft"));
            continue;
        }
        let bundle = Bundle::from_json(&here.body).unwrap();
        let (checked, of_each) = (bundle.check(&expected), Evidence::from_json(&there.body));
        assert!(checked.is_sound(), "{checked}");
        let checked = of_each.unwrap().check(&expected);
        assert!(checked.is_sound() && checked.rows > bundle.row_count(), "{checked}");
    }
    broker.server.drain().await;
}

/// The broker's memory is not an officer's: its own door hands out so much at once and names the way to more.
#[tokio::test(flavor = "multi_thread")]
async fn a_door_hands_out_so_much_and_a_companion_more() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let about = case.lotse.reference_for(&case.reference, "projekt").await;
    let sender = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    // Not covered: a decision each, and nothing waits.
    let refused = Draft {
        purpose: "unterlagen".to_owned(),
        kind: "unterlagen.request".to_owned(),
        ..Draft::new(&case.jobcenter_reference, DRV)
    };
    submit(&sender, &[refused], in_days(0), 10_001).await;
    let reason = "reason=Stichprobe+im+Quartal";
    let since =
        format!("{reason}&since={}", &schleuse_client::rfc3339(in_days(0) - 172_800_000)[..10]);
    let report = format!("{reason}&participant={about}");
    let mut door = at_door(&broker, "projekt", OFFICERS[0]).await;
    let asked = [
        ("/incident", since.clone()),
        ("/report", report),
        ("/log/export", format!("{reason}&format=csv")),
        ("/log/export", format!("{reason}&format=proof")),
    ];
    for (path, form) in &asked {
        let visit = door.visit(&format!("/de{path}"), Some(form)).await;
        assert_eq!(visit.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {form}");
        let text = visit.text();
        assert!(text.contains("10000 Einträge") && text.contains("schleuse dpo console"), "{text}");
    }
    let home = tempfile::tempdir().unwrap();
    let leaf = Pki::shared().leaf("projekt", OFFICERS[0]);
    let (mut browser, base) = companion(&broker, &home, &leaf, "trust.toml").await;
    for (path, form) in &asked {
        let visit = browser.visit(&format!("{base}{path}"), Some(form)).await;
        assert_eq!(visit.status, StatusCode::OK, "{path} {form}");
        assert_eq!(visit.file.is_some(), *path != "/incident");
    }
    broker.server.drain().await;
}

async fn numbered(browser: &mut Browser, base: &str) -> String {
    action(&browser.visit(&format!("{base}/participants/new"), None).await)
}
