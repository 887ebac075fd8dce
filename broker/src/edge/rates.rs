//! How much one agency may do: calls, messages and calls under way. Revocations are counted by
//! themselves, so that no other traffic of an agency can keep them out.
//!
//! INVARIANT (bounded): what is over a rate is refused (calls) or waits with its sender (streams);
//! nothing that was accepted is ever dropped.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use schleuse_proto::rpc::Rpc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::Limits;
use super::status::Failure;
use super::table;
use crate::domain::ids::AgencyId;
use crate::domain::refusal::Refusal;

/// The rates of all agencies.
pub(super) struct AllRates {
    limits: Limits,
    calls: Places,
    streams: Places,
    of_agency: Mutex<HashMap<AgencyId, Arc<Rates>>>,
}

/// Rates of one agency.
pub(super) struct Rates {
    calls: DefaultDirectRateLimiter,
    revocations: DefaultDirectRateLimiter,
    messages: DefaultDirectRateLimiter,
    questions: DefaultDirectRateLimiter,
    /// Streams of the agency that wait for their messages do so one after the other.
    turn: tokio::sync::Mutex<()>,
    places: [Places; 4],
    clock: DefaultClock,
}

/// Places and the name of the limit that they come from.
#[derive(Clone)]
struct Places {
    free: Arc<Semaphore>,
    limit: &'static str,
}

/// Calls and streams that are under way in all, beside their bounds.
#[derive(Clone, Copy, Debug)]
pub(super) struct UnderWay {
    pub(super) calls: usize,
    pub(super) calls_max: usize,
    pub(super) streams: usize,
    pub(super) streams_max: usize,
}

/// A call under way, until its answer has been written or dropped.
pub(super) struct Place {
    _of_agency: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// Messages of a stream that are counted together.
const COUNTED_TOGETHER: usize = 16;

impl Places {
    fn new(count: usize, limit: &'static str) -> Self {
        Self { free: Arc::new(Semaphore::new(count)), limit }
    }

    fn take(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let refused = |_| Failure::Refused(Refusal::Overloaded { limit: self.limit });
        self.free.clone().try_acquire_owned().map_err(refused)
    }
}

/// So much in a second, twice as much at once.
pub(super) fn quota(per_second: u32) -> Quota {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    let twice = NonZeroU32::MIN.saturating_add(1);
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(twice))
}

/// So much in a minute, as much at once.
fn per_minute(count: u32) -> Quota {
    Quota::per_minute(NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN))
}

impl AllRates {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            calls: Places::new(limits.calls_under_way_max, "calls_under_way_max"),
            streams: Places::new(limits.streams_max, "streams_max"),
            of_agency: Mutex::default(),
        }
    }

    /// What is under way now.
    pub(super) fn under_way(&self) -> UnderWay {
        let Limits { calls_under_way_max, streams_max, .. } = self.limits;
        let taken =
            |places: &Places, most: usize| most.saturating_sub(places.free.available_permits());
        UnderWay {
            calls: taken(&self.calls, calls_under_way_max),
            calls_max: calls_under_way_max,
            streams: taken(&self.streams, streams_max),
            streams_max,
        }
    }

    /// The rates of an agency, shared by all its connections. There are never more than agencies that
    /// certificates are issued for.
    pub(super) fn of(&self, agency: &AgencyId) -> Arc<Rates> {
        let mut rates = self.of_agency.lock().unwrap_or_else(PoisonError::into_inner);
        let limits = &self.limits;
        let new = || {
            let calls = limits.calls_under_way_per_agency_max;
            let streams = limits.streams_per_agency_max;
            Arc::new(Rates {
                calls: RateLimiter::direct(quota(limits.calls_per_second)),
                revocations: RateLimiter::direct(quota(limits.calls_per_second)),
                messages: RateLimiter::direct(quota(limits.messages_per_second)),
                questions: RateLimiter::direct(per_minute(limits.coverage_questions_per_minute)),
                turn: tokio::sync::Mutex::default(),
                places: [
                    Places::new(calls, "calls_under_way_per_agency_max"),
                    self.calls.clone(),
                    Places::new(streams, "streams_per_agency_max"),
                    self.streams.clone(),
                ],
                clock: DefaultClock::default(),
            })
        };
        rates.entry(agency.clone()).or_insert_with(new).clone()
    }
}

impl Rates {
    /// Counts a call and takes its place. Calls and streams have places of their own, so that streams,
    /// which last, cannot keep calls out. A revocation, an objection, an end, their previews and a restriction need none: their
    /// rate, which is theirs alone, bounds them.
    pub(super) fn begin(&self, rpc: Option<Rpc>) -> Result<Option<Place>, Failure> {
        let of_calls = Failure::RateLimited { limit: "calls_per_second" };
        let ends_something = matches!(
            rpc,
            Some(
                Rpc::RevokeConsent
                    | Rpc::PreviewRevocation
                    | Rpc::RestrictParticipant
                    | Rpc::RevokeSecrecyRelease
                    | Rpc::RecordObjection
                    | Rpc::EndParticipation
                    | Rpc::PreviewChange
            )
        );
        if ends_something {
            return self.revocations.check().map(|()| None).map_err(|_| of_calls);
        }
        self.calls.check().map_err(|_| of_calls)?;
        let [call_of_agency, call, stream_of_agency, stream] = &self.places;
        let (of_agency, of_all) = if rpc.is_none_or(table::is_long) {
            (stream_of_agency, stream)
        } else {
            (call_of_agency, call)
        };
        Ok(Some(Place { _of_agency: of_agency.take()?, _of_all: of_all.take()? }))
    }

    /// Counts a question whether a message would pass, or a consent request.
    pub(super) fn question(&self) -> Result<(), Failure> {
        let limited = |_| Failure::RateLimited { limit: "coverage_questions_per_minute" };
        self.questions.check().map_err(limited)
    }

    /// Counts messages of a unary call.
    pub(super) fn messages(&self, count: usize) -> Result<(), Failure> {
        match self.wait_for(count) {
            None => Ok(()),
            Some(_) => Err(Failure::RateLimited { limit: "messages_per_second" }),
        }
    }

    /// Counts messages of a stream; waits until there is room for them. A few at a time and in turn, so
    /// that large parts are not kept waiting by small ones.
    pub(super) async fn messages_when_ready(&self, count: usize) {
        let _turn = self.turn.lock().await;
        let mut left = count;
        while left > 0 {
            let some = left.min(COUNTED_TOGETHER);
            match self.wait_for(some) {
                None => left -= some,
                Some(wait) => tokio::time::sleep(wait).await,
            }
        }
    }

    /// How long to wait before so many messages; none if they have been counted. More messages than
    /// ever fit at once count as so many.
    fn wait_for(&self, count: usize) -> Option<Duration> {
        let count = NonZeroU32::new(u32::try_from(count).unwrap_or(u32::MAX))?;
        match self.messages.check_n(count) {
            Ok(Ok(())) => None,
            Ok(Err(until)) => Some(until.wait_time_from(self.clock.now())),
            Err(all_at_once) => match self.messages.check_n(NonZeroU32::new(all_at_once.0)?) {
                Ok(Err(until)) => Some(until.wait_time_from(self.clock.now())),
                Ok(Ok(())) | Err(_) => None,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits() -> Limits {
        Limits {
            connections_max: 1,
            connections_per_identity_max: 1,
            handshakes_per_second_per_address: 1,
            calls_per_second: 300,
            calls_under_way_max: 12,
            calls_under_way_per_agency_max: 8,
            streams_max: 3,
            streams_per_agency_max: 2,
            messages_per_second: 10,
            coverage_questions_per_minute: 5,
            connection_bytes_per_second: 1,
        }
    }

    fn agency(name: &str) -> AgencyId {
        AgencyId::parse(name).unwrap()
    }

    #[test]
    fn calls_have_places_and_revocations_need_none() {
        let all = AllRates::new(limits());
        let rates = all.of(&agency("drv"));
        let begin = || rates.begin(Some(Rpc::Submit));
        let places: Vec<_> = (0..8).map(|_| begin().unwrap()).collect();
        assert!(matches!(begin(), Err(Failure::Refused(Refusal::Overloaded { .. }))));
        assert!(rates.begin(Some(Rpc::RevokeConsent)).is_ok());
        assert!(rates.begin(Some(Rpc::PreviewRevocation)).is_ok());
        assert!(rates.begin(Some(Rpc::RestrictParticipant)).is_ok());
        let streams = [Rpc::Receive, Rpc::SubmitStream].map(|rpc| rates.begin(Some(rpc)).unwrap());
        assert!(rates.begin(Some(Rpc::Receive)).is_err(), "streams have places of their own");
        drop(streams);
        assert!(all.of(&agency("bezirk")).begin(Some(Rpc::Submit)).is_ok(), "others go on");
        drop(places);
        assert!(begin().is_ok());
    }

    #[test]
    fn calls_over_the_rate_are_refused_and_revocations_are_not() {
        let rates = AllRates::new(limits()).of(&agency("drv"));
        let accepted = (0..2000).filter(|_| rates.begin(Some(Rpc::Fetch)).is_ok()).count();
        assert!((600..2000).contains(&accepted), "{accepted}");
        assert!(rates.begin(Some(Rpc::RevokeConsent)).is_ok());
    }

    #[test]
    fn questions_have_a_small_rate_of_their_own() {
        let all = AllRates::new(limits());
        let rates = all.of(&agency("drv"));
        assert_eq!((0..20).filter(|_| rates.question().is_ok()).count(), 5);
        assert!(rates.begin(Some(Rpc::Submit)).is_ok());
        assert!(all.of(&agency("bezirk")).question().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn messages_over_the_rate_are_refused_or_wait() {
        let rates = AllRates::new(limits()).of(&agency("drv"));
        rates.messages(20).ok().unwrap();
        assert!(matches!(
            rates.messages(20),
            Err(Failure::RateLimited { limit: "messages_per_second" })
        ));
        let waits = rates.wait_for(10).unwrap();
        assert!(waits <= Duration::from_secs(1), "{waits:?}");
        assert!(rates.wait_for(1000).is_some_and(|wait| wait <= Duration::from_secs(2)));
    }
}
