//! The directory: offers, contacts, age of entries, search; and references, of which each agency has its own.

use bytes::Bytes;
use prost::Message as _;
use schleuse_client::{
    Client, Contact, Content, DirectorySearch, Draft, EntryDetails, Expectations, Found,
    FunctionDetails, LogQuery, Offer, ParticipantReference, PlannedMessage, SealingKeys,
    SendOutcome,
};
use schleuse_proto::evidence::directory_signed_bytes;
use schleuse_proto::v1;

use super::reason;
use crate::broker::TestBroker;
use crate::pki::Pki;
use crate::raw::{BEZIRK, Case, DRV, JOBCENTER, RawClient, now_ms};

const DAY_MS: i64 = 24 * 3_600_000;

async fn client(broker: &TestBroker, agency: &str, name: &str) -> Client {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    Client::builder()
        .endpoint(format!("https://{}", broker.address()))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .sealing_file(pki.path().join("agencies").join(agency).join("sealing.toml"))
        .connect()
        .await
        .unwrap()
}

async fn plain(broker: &TestBroker, agency: &str, name: &str) -> Client {
    let pki = Pki::shared();
    let leaf = pki.leaf(agency, name);
    Client::builder()
        .endpoint(format!("https://{}", broker.address()))
        .server_name("localhost")
        .trust_file(pki.path().join("trust.toml"))
        .certificate(leaf.with_extension("pem"))
        .key(leaf.with_extension("key"))
        .connect()
        .await
        .unwrap()
}

fn keys(agency: &str) -> Vec<schleuse_client::SealingPublicKey> {
    let path = Pki::shared().path().join("agencies").join(agency).join("sealing.toml");
    SealingKeys::load(&path).unwrap().public_keys().cloned().collect()
}

fn functions() -> Vec<(String, String)> {
    vec![("zentrale".to_owned(), "Zentrale".to_owned())]
}

fn offer(title: &str, topic: &str, region: &str) -> Offer {
    Offer {
        title: title.to_owned(),
        topics: vec![topic.to_owned()],
        region: region.to_owned(),
        reach: "Telefon 0941 000".to_owned(),
        description: String::new(),
    }
}

async fn found(client: &Client, text: &str) -> Vec<Found> {
    let search = DirectorySearch { text: text.to_owned(), ..DirectorySearch::default() };
    let page = client.directory().search(&search).await.unwrap();
    assert!(page.faults.is_empty());
    page.hits.into_iter().map(|hit| hit.what).collect()
}

/// INVARIANT (bounded): a function that was published once is remembered with its queue.
#[tokio::test(flavor = "multi_thread")]
async fn an_agency_publishes_a_bounded_number_of_functions() {
    let broker = TestBroker::start().await;
    let bezirk = client(&broker, BEZIRK, "system").await;
    let publish = async |first: usize, count: usize| {
        let functions = first..first + count;
        let functions: Vec<_> =
            functions.map(|number| (format!("f-{number}"), "Funktion".to_owned())).collect();
        bezirk.directory().publish(BEZIRK, &functions, &keys(BEZIRK), 1_000_000_000).await
    };
    for first in (0..2_000).step_by(50) {
        publish(first, 50).await.unwrap();
    }
    let refused = publish(2_000, 1).await.unwrap_err();
    assert!(refused.to_string().contains("functions"), "{refused}");
    publish(7, 1).await.expect("a function of before");
}

#[tokio::test(flavor = "multi_thread")]
async fn offers_and_contacts_are_found_and_stay_when_the_entry_is_renewed() {
    let broker = TestBroker::start().await;
    let bezirk = client(&broker, BEZIRK, "system").await;
    let contact = Contact {
        contact: "schuldnerberatung-sued".to_owned(),
        display_name: "Schuldnerberatung Süd".to_owned(),
        agency_kind: "beratungsstelle".to_owned(),
        offers: vec![offer("Schuldner- und Insolvenzberatung", "schulden", "Regensburg")],
    };
    let details = EntryDetails {
        agency_kind: "bezirk".to_owned(),
        functions: vec![FunctionDetails {
            function: "zentrale".to_owned(),
            description: "Anträge auf Eingliederungshilfe".to_owned(),
        }],
        offers: vec![offer("Ambulant betreutes Wohnen", "wohnen", "Oberpfalz")],
        ..EntryDetails::default()
    };
    let directory = bezirk.directory();
    let (functions, keys) = (functions(), keys(BEZIRK));
    let entry = directory.publish_with("Bezirk", &functions, &keys, DAY_MS, Some(&details)).await;
    assert_eq!(entry.unwrap().details, details);
    directory.add_contact(contact.clone()).await.unwrap();
    directory.add_contact(contact.clone()).await.unwrap();
    // An operator reads it like everybody else.
    let reader = plain(&broker, "betrieb", "operator").await;
    assert_eq!(found(&reader, "SUED insolvenz").await, [Found::Contact(contact.clone())]);
    let wohnen = Found::Offer(details.offers[0].clone());
    assert_eq!(found(&reader, "betreutes wohnen").await, [wohnen]);
    let Found::Function(id, ..) = &found(&reader, "antraege").await[0] else { panic!() };
    assert_eq!(id, "zentrale");
    assert_eq!(found(&reader, "niemand").await, []);
    // Pages of one hit each lead to the same.
    let mut search = DirectorySearch { page_size: 1, ..DirectorySearch::default() };
    let mut hits = 0;
    loop {
        let page = reader.directory().search(&search).await.unwrap();
        hits += page.hits.len();
        let Some(next) = page.next else { break };
        search.page = next;
    }
    assert_eq!(hits, 3, "agency, offer, contact");
    directory.publish("Bezirk Oberpfalz", &functions, &keys, DAY_MS).await.unwrap();
    let confirmed = directory.confirm().await.unwrap();
    assert_eq!((confirmed.revision, confirmed.stale), (5, false));
    assert_eq!(confirmed.details.contacts, [contact]);
    assert_eq!(confirmed.details.functions, details.functions);
    let wrong = DirectorySearch { page: "x".to_owned(), ..DirectorySearch::default() };
    let refused = reader.directory().search(&wrong).await.unwrap_err();
    assert!(refused.is_refused_for(v1::ErrorReason::InvalidField), "{refused}");
}

async fn publish(
    client: &RawClient,
    revision: u32,
    confirmed_at_ms: i64,
    kind: &str,
) -> Result<(), tonic::Status> {
    let key = &keys(&client.agency)[0];
    let document = v1::DirectoryDocument {
        agency: client.agency.clone(),
        revision,
        display_name: "Ein Träger".to_owned(),
        functions: vec![v1::AgencyFunction {
            function: "zentrale".to_owned(),
            display_name: "Zentrale".to_owned(),
            description: String::new(),
        }],
        sealing_keys: vec![v1::SealingKey {
            suite: v1::SealingSuite::Mlkem1024P384Sha384Aes256gcm.into(),
            public_key: key.as_bytes().clone(),
            not_before_ms: now_ms(),
            not_after_ms: now_ms() + DAY_MS,
        }],
        signed_at_ms: now_ms(),
        agency_kind: kind.to_owned(),
        confirmed_at_ms,
        ..v1::DirectoryDocument::default()
    };
    let document = Bytes::from(document.encode_to_vec());
    let signature = Some(client.sign(&directory_signed_bytes(&document)));
    let request = v1::PublishEntryRequest { document, signature };
    client.directory().publish_entry(request).await.map(|_| ())
}

/// Agencies of the operator's page in order, and whether it marks each as out of date.
async fn marked(broker: &TestBroker) -> Vec<(bool, bool)> {
    let mut operator = super::console::at_door(broker, "betrieb", "operator").await;
    let page = operator.visit("/de/directory", None).await.body;
    let page = String::from_utf8(page.to_vec()).unwrap();
    let (_, rows) = page.split_once("<tbody>").unwrap();
    let rows = rows.split("<tr>").skip(1);
    rows.map(|row| (row.contains(DRV), row.contains("vielleicht veraltet"))).collect()
}

/// An entry that nobody confirmed is marked for all, and a task for its agency and the operators.
#[tokio::test(flavor = "multi_thread")]
async fn old_entries_are_marked_and_to_be_confirmed() {
    let config = "[directory]\nrenew_months = 2\n[[agency_kind]]\ncode = \"drv\"\nname = \"DRV\"\n";
    let clock = std::sync::Arc::new(schleuse_broker::engine::SystemClock);
    let broker = TestBroker::with(Pki::shared(), clock, config).await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let bezirk = RawClient::connect(broker.address(), BEZIRK, "system").await;
    let operator = RawClient::connect(broker.address(), "betrieb", "operator").await;
    let now = now_ms();
    let unknown = publish(&drv, 1, now, "verein").await.unwrap_err();
    assert_eq!(reason(&unknown), "ERROR_REASON_INVALID_FIELD");
    let ahead = publish(&drv, 1, now + DAY_MS, "drv").await.unwrap_err();
    assert_eq!(reason(&ahead), "ERROR_REASON_TIME_OUT_OF_RANGE");
    publish(&drv, 1, now - 70 * DAY_MS, "drv").await.unwrap();
    publish(&bezirk, 1, 0, "").await.unwrap();
    let list = || async {
        let mut service = operator.directory();
        let answer = service.list_agencies(v1::ListAgenciesRequest {}).await.unwrap();
        let entries = answer.into_inner().entries;
        entries.iter().map(|entry| (entry.stale, entry.renew_by_ms > now)).collect::<Vec<_>>()
    };
    assert_eq!(list().await, [(false, true), (true, false)], "Bezirk, DRV");
    assert_eq!(marked(&broker).await, [(false, false), (true, true)], "on the operator's page");
    let due = |client: RawClient| async move {
        let answer = client.planning().list_tasks(v1::ListTasksRequest {}).await.unwrap();
        let tasks = answer.into_inner().tasks;
        let agencies = tasks.into_iter().map(|task| match task.what {
            Some(v1::task::What::EntryRenewal(entry)) => entry.agency,
            other => panic!("{other:?}"),
        });
        agencies.collect::<Vec<_>>()
    };
    assert_eq!(due(drv.clone()).await, [DRV]);
    assert_eq!(due(bezirk).await, [""; 0]);
    assert_eq!(due(operator.clone()).await, [DRV]);
    publish(&drv, 2, now, "drv").await.unwrap();
    assert_eq!(list().await, [(false, true), (false, true)]);
    assert_eq!(marked(&broker).await, [(false, false), (true, false)]);
    assert_eq!(due(operator.clone()).await, [""; 0]);
}

/// Each system uses its own reference and never learns another's, in whatever the SDK answers.
#[tokio::test(flavor = "multi_thread")]
async fn references_of_two_agencies_share_nothing() {
    let broker = TestBroker::start().await;
    let case = Case::open(broker.address()).await;
    let of_drv = case.lotse.reference_for(&case.reference, DRV).await;
    let of_jobcenter = &case.jobcenter_reference;
    let windows = |text: &str| text.as_bytes().windows(6).map(<[u8]>::to_vec).collect::<Vec<_>>();
    let theirs = windows(&of_drv);
    assert!(windows(of_jobcenter).iter().all(|window| !theirs.contains(window)));
    let jobcenter = client(&broker, JOBCENTER, "system").await;
    let drv = client(&broker, DRV, "system").await;
    for (client, agency) in [(&jobcenter, JOBCENTER), (&drv, DRV)] {
        let keys = keys(agency);
        client.directory().publish(agency, &functions(), &keys, DAY_MS).await.unwrap();
    }
    let reference = ParticipantReference::parse(of_jobcenter).unwrap();
    let planned = PlannedMessage {
        sender: format!("{JOBCENTER}/zentrale").parse().unwrap(),
        recipient: format!("{DRV}/zentrale").parse().unwrap(),
        purpose: "fallkonferenz".to_owned(),
        kind: "fallkonferenz.note".to_owned(),
        categories: vec!["termine".to_owned()],
        professional_secret: false,
    };
    assert!(jobcenter.coverage(&reference, &planned).await.unwrap().covered);
    let draft = Draft {
        professional_secret: false,
        participant_reference: reference,
        recipient: planned.recipient.clone(),
        sender_function: "zentrale".to_owned(),
        kind: planned.kind.clone(),
        purpose: planned.purpose.clone(),
        categories: planned.categories.clone(),
        thread_id: None,
        expires_in: std::time::Duration::from_secs(3600),
        content: Content::text("Termin", "Dienstag").unwrap(),
        suite: None,
    };
    let outcome = jobcenter.send(draft).await.unwrap();
    let SendOutcome::Accepted { receipt, .. } = outcome else { panic!("{outcome:?}") };
    let incoming = drv.fetch(&["zentrale"], 10).await.unwrap();
    let received = incoming.into_iter().next().unwrap().verified().unwrap();
    let known_as = received.participant_reference.as_ref().map(ParticipantReference::as_text);
    assert_eq!(known_as, Some(of_drv.as_str()));
    received.acknowledge().await.unwrap();
    let handed_out = received.receipt.record_number;
    // All that each agency's officer and system read: its own reference at most.
    let query = LogQuery::new("control of references");
    for (agency, system, own, foreign) in
        [(JOBCENTER, &jobcenter, of_jobcenter, &of_drv), (DRV, &drv, &of_drv, of_jobcenter)]
    {
        let officer = plain(&broker, agency, "dpo").await;
        let rows = officer.query_all(&query).await.unwrap().rows;
        let mut said: String = rows.iter().map(|row| row.to_json().to_string()).collect();
        let number = if agency == DRV { handed_out } else { receipt.record_number };
        let evidence = system.evidence(&[number]).await.unwrap();
        said += &String::from_utf8(evidence.to_json().unwrap()).unwrap();
        assert!(said.contains(own.as_str()), "{agency}");
        assert!(!said.contains(foreign.as_str()), "{agency} reads another's reference");
        assert!(!said.contains(case.reference.as_str()), "{agency} reads the Lotse's reference");
    }
    // The whole log, with questions in it, is sound.
    let officer = plain(&broker, "projekt", "dpo").await;
    let bundle = officer.export(&query).await.unwrap();
    let expectations = Expectations::new(officer.log_key()).trust(officer.trust()).complete();
    let report = bundle.check(&expectations);
    assert!(report.is_sound(), "{report}");
    assert!(report.to_string().contains("1 answers before sending"), "{report}");
}
