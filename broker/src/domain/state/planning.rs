//! The part of the fold that is about planning: consent requests, participations, places.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rustc_hash::FxHashMap;

use crate::domain::event::{Actor, PlanningEvent};
use crate::domain::event::{ParticipationEvent, RequestEvent};
use crate::domain::ids::{AgencyId, ParticipantId, RecordNumber, TimeMs};
use crate::domain::names::AgencyIx;
use crate::domain::planning::{
    Participation, Phase, PlannedMessage, ReferencePrint, RequestReason, TaskResult,
};
use crate::domain::state::{ParticipantIx, State};

/// How long a consent request is known again: then it may be asked for anew.
pub const REQUEST_REMEMBERED_MS: TimeMs = 30 * 24 * 3600 * 1000;

/// What a state knows of planning.
#[derive(Debug, Default)]
pub(in crate::domain) struct Planning {
    /// Requests of the last days by agency and print, also those whose reference means nobody.
    requests: BTreeMap<(AgencyIx, ReferencePrint), Vec<Request>>,
    request_order: VecDeque<(TimeMs, (AgencyIx, ReferencePrint), RecordNumber)>,
    /// Requests about participants, by their records; closed ones too.
    pub(in crate::domain) tasks: BTreeMap<RecordNumber, RequestTask>,
    participations: BTreeMap<ParticipantIx, Participation>,
    places: BTreeMap<AgencyId, Places>,
}

/// A request of the last days.
#[derive(Debug)]
pub(in crate::domain) struct Request {
    pub(in crate::domain) planned: PlannedMessage,
    pub(in crate::domain) record: RecordNumber,
    pub(in crate::domain) at: TimeMs,
    participant: Option<ParticipantIx>,
}

/// A request about somebody, as the Lotse sees it.
#[derive(Debug)]
pub(in crate::domain) struct RequestTask {
    pub(in crate::domain) participant: ParticipantIx,
    pub(in crate::domain) planned: PlannedMessage,
    pub(in crate::domain) reason: RequestReason,
    pub(in crate::domain) at: TimeMs,
    /// What became of it, and the record that says so.
    pub(in crate::domain) closed: Option<(TaskResult, RecordNumber)>,
}

/// Places of one Jobcenter.
#[derive(Debug, Default)]
struct Places {
    taken: BTreeSet<ParticipantIx>,
    /// By the record since which they wait: first come, first served.
    waiting: BTreeSet<(RecordNumber, ParticipantIx)>,
}

impl Planning {
    /// Requests of an agency under a print that are still known.
    pub(in crate::domain) fn requests_of(
        &self,
        agency: AgencyIx,
        print: ReferencePrint,
        now: TimeMs,
    ) -> impl Iterator<Item = &Request> {
        let known = self.requests.get(&(agency, print)).into_iter().flatten();
        known.filter(move |request| request.at + REQUEST_REMEMBERED_MS > now)
    }

    /// Number of requests of an agency that are still kept, whomever they are about.
    pub(in crate::domain) fn request_count(&self, agency: AgencyIx) -> usize {
        let first = (agency, ReferencePrint([0; 16]));
        let last = (agency, ReferencePrint([u8::MAX; 16]));
        self.requests.range(first..=last).map(|(_, requests)| requests.len()).sum()
    }

    /// The participation of somebody.
    pub(in crate::domain) fn participation(&self, ix: ParticipantIx) -> Option<&Participation> {
        self.participations.get(&ix)
    }

    /// All participations.
    pub(in crate::domain) fn participations(&self) -> impl Iterator<Item = &Participation> {
        self.participations.values()
    }

    /// Places taken and participants who wait.
    pub(in crate::domain) fn counts(&self, jobcenter: &AgencyId) -> (u32, u32) {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let places = self.places.get(jobcenter);
        places.map_or((0, 0), |p| (count(p.taken.len()), count(p.waiting.len())))
    }

    /// How many wait before somebody; all of them, if that one does not wait there.
    pub(in crate::domain) fn waiting_before(&self, jobcenter: &AgencyId, ix: ParticipantIx) -> u32 {
        let ahead = self.places.get(jobcenter).map_or(0, |places| {
            places.waiting.iter().take_while(|(_, waiting)| *waiting != ix).count()
        });
        u32::try_from(ahead).unwrap_or(u32::MAX)
    }

    /// Positions of all who wait, from 1, each on the list of one Jobcenter.
    pub(in crate::domain) fn positions(&self) -> FxHashMap<ParticipantIx, u32> {
        let lists = self.places.values();
        let waiting = lists.flat_map(|places| places.waiting.iter().zip(1..));
        waiting.map(|((_, ix), position)| (*ix, position)).collect()
    }

    /// Position on the waiting list from 1; 0: does not wait.
    pub(in crate::domain) fn position(&self, ix: ParticipantIx) -> u32 {
        let waiting = self.participations.get(&ix).filter(|p| p.phase == Phase::Waiting);
        waiting.map_or(0, |p| self.waiting_before(&p.jobcenter, ix).saturating_add(1))
    }

    fn add_request(
        &mut self,
        agency: AgencyIx,
        participant: Option<ParticipantIx>,
        event: &RequestEvent,
        record: RecordNumber,
        at: TimeMs,
    ) {
        let key = (agency, event.print);
        let (planned, reason) = (event.planned.clone(), event.reason);
        let request = Request { planned: planned.clone(), record, at, participant };
        self.requests.entry(key).or_default().push(request);
        self.request_order.push_back((at, key, record));
        if let Some(participant) = participant {
            let task = RequestTask { participant, planned, reason, at, closed: None };
            self.tasks.insert(record, task);
        }
    }

    /// Takes somebody out of the places of a Jobcenter.
    fn leave(&mut self, ix: ParticipantIx) {
        let Some(known) = self.participations.get(&ix) else { return };
        let Some(places) = self.places.get_mut(&known.jobcenter) else { return };
        places.taken.remove(&ix);
        if let Some(since) = known.waits_since {
            places.waiting.remove(&(since, ix));
        }
    }

    fn set(&mut self, ix: ParticipantIx, event: &ParticipationEvent, record: u64, at: TimeMs) {
        self.leave(ix);
        let ParticipationEvent { phase, jobcenter, .. } = event;
        let phase = *phase;
        let known = self.participations.entry(ix).or_insert_with(|| Participation {
            jobcenter: jobcenter.clone(),
            phase,
            phases: Vec::new(),
            started: None,
            ended: None,
            employability_at_start: None,
            employability_at_end: None,
            record,
            waits_since: None,
        });
        let since = known.waits_since.filter(|_| known.jobcenter == *jobcenter);
        known.waits_since = (phase == Phase::Waiting).then_some(since.unwrap_or(record));
        known.jobcenter = jobcenter.clone();
        known.phase = phase;
        known.record = record;
        known.employability_at_start = event.employability_at_start;
        known.employability_at_end = event.employability_at_end;
        if known.phases.last().is_none_or(|(last, _)| *last != phase) {
            known.phases.push((phase, at));
        }
        if phase.has_place() {
            known.started.get_or_insert(at);
        }
        if phase == Phase::Ended {
            known.ended.get_or_insert(at);
        }
        let places = self.places.entry(jobcenter.clone()).or_default();
        if phase.has_place() {
            places.taken.insert(ix);
        }
        if let Some(since) = known.waits_since {
            places.waiting.insert((since, ix));
        }
    }

    /// The participation ended by the signed act: the place is free again. Whoever has none on record gets none.
    pub(super) fn end(
        &mut self,
        ix: ParticipantIx,
        participant: &ParticipantId,
        record: RecordNumber,
        at: TimeMs,
    ) {
        let Some(known) = self.participations.get(&ix) else { return };
        if known.phase == Phase::Ended {
            return;
        }
        let event = ParticipationEvent {
            participant: *participant,
            phase: Phase::Ended,
            jobcenter: known.jobcenter.clone(),
            employability_at_start: known.employability_at_start,
            employability_at_end: known.employability_at_end,
        };
        self.set(ix, &event, record, at);
    }

    /// Forgets everything about a participant.
    pub(super) fn forget_participant(&mut self, ix: ParticipantIx) {
        self.leave(ix);
        self.participations.remove(&ix);
        self.tasks.retain(|_, task| task.participant != ix);
        self.keep_requests(|request| request.participant != Some(ix));
    }

    /// Forgets requests whose records were erased.
    pub(super) fn forget_records(&mut self, is_erased: impl Fn(&RecordNumber) -> bool) {
        self.tasks.retain(|record, _| !is_erased(record));
        self.keep_requests(|request| !is_erased(&request.record));
    }

    fn keep_requests(&mut self, keep: impl Fn(&Request) -> bool) {
        self.requests.retain(|_, requests| {
            requests.retain(&keep);
            !requests.is_empty()
        });
    }

    /// Forgets requests that may be asked for anew.
    pub(super) fn forget_old(&mut self, now: TimeMs) {
        while let Some((at, key, record)) = self.request_order.front().copied() {
            if at + REQUEST_REMEMBERED_MS > now {
                break;
            }
            if let Some(requests) = self.requests.get_mut(&key) {
                requests.retain(|request| request.record != record);
                if requests.is_empty() {
                    self.requests.remove(&key);
                }
            }
            self.request_order.pop_front();
        }
    }
}

impl State {
    pub(super) fn apply_planning(
        &mut self,
        actor: Option<&Actor>,
        event: &PlanningEvent,
        number: RecordNumber,
        time: TimeMs,
    ) {
        match event {
            PlanningEvent::CoverageAsked(_) => {}
            PlanningEvent::ConsentRequested(request) => {
                let Some(actor) = actor else { return };
                let participant = request.participant.and_then(|id| self.participant_ix(&id));
                // In a replay, somebody whose erasure broke off behind the registration: the request goes too.
                if request.participant.is_some() && participant.is_none() {
                    return;
                }
                let agency = self.names.agency(&actor.agency);
                self.planning.add_request(agency, participant, request, number, time);
            }
            PlanningEvent::TaskClosed { task, result, .. } => {
                if let Some(task) = self.planning.tasks.get_mut(task) {
                    task.closed = Some((*result, number));
                }
            }
            PlanningEvent::ParticipationSet(event) => {
                self.set_phase(&event.participant, event, number, time);
            }
        }
    }

    /// Records a phase.
    fn set_phase(
        &mut self,
        participant: &ParticipantId,
        event: &ParticipationEvent,
        number: RecordNumber,
        time: TimeMs,
    ) {
        let Some(ix) = self.participant_ix(participant) else { return };
        self.planning.set(ix, event, number, time);
        self.touch(participant, time);
    }

    /// Participations, without persons, for counts.
    pub fn participations(&self) -> impl Iterator<Item = &Participation> {
        self.planning.participations()
    }
}
