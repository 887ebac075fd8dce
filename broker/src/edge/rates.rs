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

use super::limits::{self, Limits};
use super::status::Failure;
use crate::domain::ids::AgencyId;
use crate::domain::refusal::Refusal;

/// The rates of all agencies.
pub(super) struct AllRates {
    calls: Quota,
    messages: Quota,
    under_way: Arc<Semaphore>,
    of_agency: Mutex<HashMap<AgencyId, Arc<Rates>>>,
}

/// Rates of one agency.
pub(super) struct Rates {
    calls: DefaultDirectRateLimiter,
    revocations: DefaultDirectRateLimiter,
    messages: DefaultDirectRateLimiter,
    under_way: Arc<Semaphore>,
    all_under_way: Arc<Semaphore>,
    clock: DefaultClock,
}

/// A call under way, until its answer has been written or dropped.
pub(super) struct Place {
    _of_agency: OwnedSemaphorePermit,
    _of_all: OwnedSemaphorePermit,
}

/// So much in a second, twice as much at once.
pub(super) fn quota(per_second: u32) -> Quota {
    let per_second = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
    let twice = NonZeroU32::MIN.saturating_add(1);
    Quota::per_second(per_second).allow_burst(per_second.saturating_mul(twice))
}

impl AllRates {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            calls: quota(limits.calls_per_second),
            messages: quota(limits.messages_per_second),
            under_way: Arc::new(Semaphore::new(limits::CALLS_UNDER_WAY_MAX)),
            of_agency: Mutex::default(),
        }
    }

    /// The rates of an agency, shared by all its connections. There are never more than agencies that
    /// certificates are issued for.
    pub(super) fn of(&self, agency: &AgencyId) -> Arc<Rates> {
        let mut rates = self.of_agency.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || {
            Arc::new(Rates {
                calls: RateLimiter::direct(self.calls),
                revocations: RateLimiter::direct(self.calls),
                messages: RateLimiter::direct(self.messages),
                under_way: Arc::new(Semaphore::new(limits::CALLS_UNDER_WAY_PER_AGENCY_MAX)),
                all_under_way: self.under_way.clone(),
                clock: DefaultClock::default(),
            })
        };
        rates.entry(agency.clone()).or_insert_with(new).clone()
    }
}

impl Rates {
    /// Counts a call and takes its place. A revocation needs no place: its rate bounds it.
    pub(super) fn begin(&self, rpc: Option<Rpc>) -> Result<Option<Place>, Failure> {
        let of_calls = Failure::RateLimited { limit: "calls_per_second" };
        if rpc == Some(Rpc::RevokeConsent) {
            return self.revocations.check().map(|()| None).map_err(|_| of_calls);
        }
        self.calls.check().map_err(|_| of_calls)?;
        let take = |places: &Arc<Semaphore>, limit| {
            let taken = places.clone().try_acquire_owned();
            taken.map_err(|_| Failure::Refused(Refusal::Overloaded { limit }))
        };
        let of_agency = take(&self.under_way, "calls_under_way_of_agency")?;
        let of_all = take(&self.all_under_way, "calls_under_way")?;
        Ok(Some(Place { _of_agency: of_agency, _of_all: of_all }))
    }

    /// Counts messages of a unary call.
    pub(super) fn messages(&self, count: usize) -> Result<(), Failure> {
        match self.wait_for(count) {
            None => Ok(()),
            Some(_) => Err(Failure::RateLimited { limit: "messages_per_second" }),
        }
    }

    /// Counts messages of a stream; waits until there is room for them.
    pub(super) async fn messages_when_ready(&self, count: usize) {
        while let Some(wait) = self.wait_for(count) {
            tokio::time::sleep(wait).await;
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
            messages_per_second: 10,
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
        let places: Vec<_> =
            (0..limits::CALLS_UNDER_WAY_PER_AGENCY_MAX).map(|_| begin().unwrap()).collect();
        assert!(matches!(begin(), Err(Failure::Refused(Refusal::Overloaded { .. }))));
        assert!(rates.begin(Some(Rpc::RevokeConsent)).is_ok());
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
