//! Log queries against a scan: random filters by every officer give exactly the rows that reading the
//! whole log and filtering it by hand gives, page by page too.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use schleuse_broker::engine::SystemClock;
use schleuse_proto::skeleton::Skeleton;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::broker::TestBroker;
use crate::raw::{BEZIRK, Case, DRV, Draft, JOBCENTER, LOTSE_AGENCY, RawClient, address, erase};

/// A small generator, so that a failing run can be repeated with its seed.
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    pub(super) fn pick<T: Clone>(&mut self, values: &[T]) -> T {
        values[self.below(values.len() as u64) as usize].clone()
    }

    /// One of the values, or now and then none.
    pub(super) fn maybe<T: Clone>(&mut self, values: &[T]) -> Option<T> {
        (self.below(4) == 0).then(|| self.pick(values))
    }
}

/// What the test knows of a record, read from its sections by hand.
#[derive(Debug)]
struct Known {
    row: v1::LogRow,
    skeleton: Skeleton,
    entry: v1::LogEntry,
    findings: v1::Findings,
}

impl Known {
    fn of(row: v1::LogRow) -> Self {
        let skeleton = Skeleton::decode(row.skeleton.as_ref().try_into().unwrap()).unwrap();
        let entry = v1::LogEntry::decode(row.body.clone()).unwrap();
        let findings = v1::Findings::decode(row.findings.clone()).unwrap();
        Self { row, skeleton, entry, findings }
    }

    /// What happened; an erased record has nothing that could match.
    fn event(&self) -> &Event {
        const NOTHING: &Event = &Event::RecordLost(v1::RecordLost {});
        self.entry.event.as_ref().unwrap_or(NOTHING)
    }

    fn label(&self) -> Option<v1::Label> {
        let Event::MessageDecided(decided) = self.event() else { return None };
        Some(v1::Label::decode(decided.label.clone()).unwrap())
    }

    fn parties(&self) -> Vec<String> {
        let of = |address: &Option<v1::Address>| address.as_ref().unwrap().agency.clone();
        let mut parties: Vec<String> =
            self.entry.actor.iter().map(|actor| actor.agency.clone()).collect();
        match self.event() {
            Event::MessageDecided(decided) => {
                let label = self.label().unwrap();
                parties.push(of(&label.sender));
                if decided.accepted {
                    parties.push(of(&label.recipient));
                }
            }
            Event::HandedOut(event) => parties.extend([of(&event.sender), of(&event.recipient)]),
            Event::StageReported(event) => {
                parties.extend([event.sender_agency.clone(), event.recipient_agency.clone()]);
            }
            Event::MessageStopped(event)
                if matches!(event.reason(), v1::StopReason::Expired | v1::StopReason::Recalled) =>
            {
                parties.extend([event.sender_agency.clone(), event.recipient_agency.clone()]);
            }
            Event::ReferenceAssigned(event) => parties.push(event.agency.clone()),
            Event::BasisEnded(event) => parties.push(of(&event.recipient)),
            Event::MailboxRead(event) => parties.push(of(&event.recipient)),
            Event::DeadLettered(event) => {
                parties.extend([event.sender_agency.clone(), event.recipient_agency.clone()]);
            }
            _ => {}
        }
        parties
    }

    fn codes(&self) -> (String, String, Vec<String>) {
        match (self.label(), self.event()) {
            (Some(label), _) => (label.purpose, label.kind, label.categories),
            (None, Event::HandedOut(e)) => {
                (e.purpose.clone(), e.kind.clone(), e.categories.clone())
            }
            _ => Default::default(),
        }
    }

    fn consent(&self) -> Bytes {
        match self.event() {
            Event::ConsentRecorded(event) => event.consent_id.clone(),
            Event::ConsentRevoked(event) => event.consent_id.clone(),
            Event::ConsentConfirmed(event) => event.consent_id.clone(),
            _ => self.findings.consent_id.clone(),
        }
    }

    /// Keys under groupings, by hand.
    fn keys(&self, groupings: &[v1::LogGrouping]) -> Vec<String> {
        use v1::LogGrouping as G;
        let (purpose, kind, _) = self.codes();
        let of = |address: &Option<v1::Address>| address.as_ref().unwrap().agency.clone();
        let key = |grouping: &G| match grouping {
            G::Type => {
                let of = v1::RecordType::try_from(i32::from(self.skeleton.record_type)).unwrap();
                of.as_str_name().strip_prefix("RECORD_TYPE_").unwrap().to_owned()
            }
            G::Agency => self.entry.actor.as_ref().map(|a| a.agency.clone()).unwrap_or_default(),
            G::AgencyPair => match self.event() {
                Event::MessageDecided(_) => {
                    let label = self.label().unwrap();
                    format!("{}>{}", of(&label.sender), of(&label.recipient))
                }
                Event::HandedOut(e) => format!("{}>{}", of(&e.sender), of(&e.recipient)),
                Event::StageReported(e) => format!("{}>{}", e.sender_agency, e.recipient_agency),
                Event::MessageStopped(e) => format!("{}>{}", e.sender_agency, e.recipient_agency),
                _ => String::new(),
            },
            G::Purpose => purpose.clone(),
            G::Kind => kind.clone(),
            G::Outcome => match self.event() {
                Event::MessageDecided(decided) if decided.accepted => "accepted".to_owned(),
                Event::MessageDecided(_) => "refused".to_owned(),
                _ => String::new(),
            },
            G::Day | G::Month => {
                let time = i64::try_from(self.skeleton.time_ms).unwrap();
                let length = if *grouping == G::Day { 10 } else { 7 };
                schleuse_client::rfc3339(time)[..length].to_owned()
            }
            G::Unspecified => unreachable!(),
        };
        groupings.iter().map(key).collect()
    }

    fn matches(&self, filter: &v1::LogFilter) -> bool {
        if self.row.erased {
            return *filter == v1::LogFilter::default();
        }
        let (purpose, kind, categories) = self.codes();
        let time = i64::try_from(self.skeleton.time_ms).unwrap();
        let serial = self.entry.actor.as_ref().map(|a| a.certificate_serial.clone());
        let outcome = match self.event() {
            Event::MessageDecided(decided) if decided.accepted => v1::DecisionOutcome::Accepted,
            Event::MessageDecided(_) => v1::DecisionOutcome::Refused,
            _ => v1::DecisionOutcome::Unspecified,
        };
        filter.agencies.iter().all(|agency| self.parties().contains(agency))
            && (filter.from_ms == 0 || time >= filter.from_ms)
            && (filter.until_ms == 0 || time < filter.until_ms)
            && (filter.types.is_empty()
                || filter.types.contains(&i32::from(self.skeleton.record_type)))
            && (filter.purpose.is_empty() || filter.purpose == purpose)
            && (filter.kind.is_empty() || filter.kind == kind)
            && (filter.category.is_empty() || categories.contains(&filter.category))
            && (filter.outcome == 0 || filter.outcome() == outcome)
            && (filter.consent_id.is_empty() || filter.consent_id == self.consent())
            && (filter.certificate_serial.is_empty()
                || serial == Some(filter.certificate_serial.clone()))
    }
}

/// A log with some of everything, more than one block of the index long.
async fn filled(broker: &TestBroker) -> Case {
    let case = Case::open(broker.address()).await;
    let back = Case::with(case.lotse.clone(), &[DRV], JOBCENTER).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let drv = RawClient::connect(broker.address(), DRV, "system").await;
    let drv_reference = back.lotse.reference_for(&back.reference, DRV).await;
    let mut drafts = vec![
        Draft::new(&case.jobcenter_reference, DRV),
        Draft::new(&case.jobcenter_reference, BEZIRK),
        Draft::new("aaaaaaaaaaaaaaaaaaaaaaaaaa", DRV),
    ];
    let notes = Draft {
        purpose: "zustaendigkeit".into(),
        kind: "zustaendigkeit.note".into(),
        categories: vec!["termine".into(), "wohnen".into()],
        ..drafts[0].clone()
    };
    drafts.push(notes);
    for _ in 0..25 {
        for draft in &drafts {
            let mut messages: Vec<_> = (0..25).map(|_| draft.message(JOBCENTER)).collect();
            jobcenter.seal_batch(&mut messages);
            jobcenter.submit(messages).await.unwrap();
        }
    }
    let answer =
        Draft { recipient: address(JOBCENTER, "zentrale"), ..Draft::new(&drv_reference, DRV) };
    drv.send(&answer).await.unwrap();
    for delivery in drv.fetch("zentrale", 100).await {
        drv.acknowledge(vec![delivery.message_number]).await.unwrap();
    }
    for restricted in [true, false] {
        let request = v1::RestrictParticipantRequest {
            participant_reference: case.reference.clone(),
            restricted,
        };
        case.lotse.rights().restrict_participant(request).await.unwrap();
    }
    case.lotse.revoke(&case.consent).await.unwrap();
    erase_one(broker, &case.lotse).await;
    case
}

/// A participant of whom only erased records are left.
async fn erase_one(broker: &TestBroker, lotse: &RawClient) {
    let gone = Case::with(lotse.clone(), &[JOBCENTER], DRV).await;
    let jobcenter = RawClient::connect(broker.address(), JOBCENTER, "system").await;
    let sent = jobcenter.send(&Draft::new(&gone.jobcenter_reference, DRV)).await.unwrap();
    let number = sent.receipt.unwrap().record_number as usize;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let reference = project.whole_log().await[number].participant_reference.clone();
    erase(broker.address(), &reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn random_filters_give_the_rows_of_a_scan() {
    let broker = TestBroker::start().await;
    let case = filled(&broker).await;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let mut log: Vec<Known> = project.whole_log().await.into_iter().map(Known::of).collect();
    assert!(log.len() > 2_600, "{}", log.len());
    let serials: Vec<Bytes> = log
        .iter()
        .filter_map(|known| Some(known.entry.actor.as_ref()?.certificate_serial.clone()))
        .collect();
    let times: Vec<i64> = log.iter().map(|k| k.skeleton.time_ms.try_into().unwrap()).collect();
    let mut random = Random(20_261_121);
    let (mut compared, mut shown) = (0, 0);
    let about = log.iter().find(|known| matches!(known.event(), Event::ConsentRevoked(_)));
    let about = about.unwrap().row.participant_reference.clone();
    for round in 0..150 {
        // The Lotse asks about one of its participants, the officers about everything that is theirs.
        let agency = random.pick(&["projekt", JOBCENTER, DRV, BEZIRK, LOTSE_AGENCY]);
        let name = if agency == LOTSE_AGENCY { "lotse-l-01" } else { "dpo" };
        let dpo = RawClient::connect(broker.address(), agency, name).await;
        let participant_reference =
            if agency == LOTSE_AGENCY { case.reference.clone() } else { String::new() };
        let mut filter = v1::LogFilter {
            agencies: [random.maybe(&[JOBCENTER, DRV, BEZIRK]), random.maybe(&[DRV, JOBCENTER])]
                .into_iter()
                .flatten()
                .map(str::to_owned)
                .collect(),
            from_ms: random.maybe(&times).unwrap_or_default(),
            until_ms: random.maybe(&times).unwrap_or_default(),
            types: (0..random.below(3)).map(|_| random.below(19) as i32 + 1).collect(),
            purpose: random.maybe(&["fallkonferenz", "zustaendigkeit"]).unwrap_or_default().into(),
            category: random.maybe(&["termine", "wohnen"]).unwrap_or_default().into(),
            kind: random.maybe(&["zustaendigkeit.note"]).unwrap_or_default().into(),
            outcome: random.maybe(&[1, 2]).unwrap_or_default(),
            consent_id: Bytes::new(),
            certificate_serial: random.maybe(&serials).unwrap_or_default(),
        };
        if random.below(8) == 0 {
            filter = v1::LogFilter::default();
        } else if agency == "projekt" || agency == LOTSE_AGENCY {
            filter.consent_id =
                random.maybe(std::slice::from_ref(&case.consent.consent_id)).unwrap_or_default();
        }
        let page = random.pick(&[7, 300, 100_000]);
        let mut request = v1::QueryLogRequest {
            reason: format!("comparison with a scan {round}"),
            participant_reference: participant_reference.clone(),
            filter: Some(filter.clone()),
            max_rows: page,
            ..v1::QueryLogRequest::default()
        };
        // Two pages at most: what they show together must be the beginning of what the scan shows.
        let (mut rows, end) = dpo.query(request.clone()).await.unwrap();
        let mut end = end.unwrap();
        if end.truncated {
            request.first_record = rows.last().unwrap().record_number + 1;
            let (more, last) = dpo.query(request).await.unwrap();
            rows.extend(more);
            end = last.unwrap();
        }
        let groupings: Vec<v1::LogGrouping> = (1..=8)
            .filter_map(|number| v1::LogGrouping::try_from(number).ok())
            .filter(|_| random.below(4) == 0)
            .take(3)
            .collect();
        let counted = v1::CountLogRequest {
            reason: format!("comparison with a count {round}"),
            participant_reference,
            filter: Some(filter.clone()),
            group_by: groupings.iter().map(|grouping| i32::from(*grouping)).collect(),
        };
        let counted = dpo.log().count_log(counted).await.unwrap().into_inner();
        // A query sees everything up to itself.
        let own = end.receipt.as_ref().unwrap().record_number;
        let newest = log.last().unwrap().row.record_number;
        let newer = project.query(newer_than(newest)).await.unwrap().0;
        log.extend(newer.into_iter().map(Known::of));
        let last = rows.last().map_or(0, |row| row.record_number);
        let may_see = |known: &&Known| match agency {
            "projekt" => true,
            LOTSE_AGENCY => known.row.participant_reference == about,
            _ => known.parties().iter().any(|party| party == agency),
        };
        let matching = || log.iter().filter(may_see).filter(|known| known.matches(&filter));
        let expected: Vec<u64> = matching()
            .map(|k| k.row.record_number)
            .filter(|number| !end.truncated || *number <= last)
            .filter(|number| *number <= own)
            .collect();
        let seen: Vec<u64> = rows.iter().map(|row| row.record_number).collect();
        assert_eq!(seen, expected, "round {round}: {agency} {filter:?}");
        let own = counted.receipt.unwrap().record_number;
        let mut groups: BTreeMap<Vec<String>, u64> = BTreeMap::new();
        for known in matching().filter(|known| known.row.record_number <= own) {
            *groups.entry(known.keys(&groupings)).or_default() += 1;
        }
        let counted: Vec<(Vec<String>, u64)> =
            counted.groups.into_iter().map(|group| (group.keys, group.records)).collect();
        let groups: Vec<(Vec<String>, u64)> = groups.into_iter().collect();
        assert_eq!(counted, groups, "round {round}: {agency} {filter:?} by {groupings:?}");
        compared += 1;
        shown += seen.len();
    }
    assert!(compared == 150 && shown > 5_000, "{compared} queries, {shown} rows");
}

fn newer_than(number: u64) -> v1::QueryLogRequest {
    v1::QueryLogRequest {
        reason: "what was recorded meanwhile".to_owned(),
        first_record: number + 1,
        max_rows: 100_000,
        ..v1::QueryLogRequest::default()
    }
}

/// The index is only a proposal: without it the same rows come from the journal.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_begins_where_the_last_one_ended() {
    let broker = TestBroker::start().await;
    filled(&broker).await;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let all: Vec<u64> = project.whole_log().await.iter().map(|row| row.record_number).collect();
    let broker = broker.restart(Arc::new(SystemClock)).await;
    let project = RawClient::connect(broker.address(), "projekt", "dpo").await;
    let (mut pages, mut first_record) = (Vec::new(), 0);
    loop {
        let request = v1::QueryLogRequest { max_rows: 701, ..newer_than(0) };
        let request = v1::QueryLogRequest { first_record, ..request };
        let (rows, end) = project.query(request).await.unwrap();
        first_record = rows.last().unwrap().record_number + 1;
        pages.extend(rows.iter().map(|row| row.record_number));
        if !end.unwrap().truncated {
            break;
        }
    }
    assert_eq!(&pages[..all.len()], all.as_slice());
}
