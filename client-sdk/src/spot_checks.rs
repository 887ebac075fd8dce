//! Spot checks: are the records that receipts speak of really in the log, and do they say what was done?
//!
//! A broker could hand out without a record, or give a receipt of some other record. Of the receipts that come,
//! a few are kept at random, and their records are asked for with their proofs: a broker that does so again and
//! again is found out, by whom it cannot know in advance.
//!
//! INVARIANT (log-first), watched from outside.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use schleuse_proto::checkpoint::check_inclusion;
use schleuse_proto::evidence::Digest;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use crate::checkpoints::proof_path;
use crate::client::Client;
use crate::error::{ClientError, EvidenceFault};
use crate::ids::Receipt;
use crate::log::LogRow;
use crate::random;

/// Receipts that are kept for the next check.
const KEPT_MAX: usize = 16;
/// So many receipts lead to a check by itself.
const CHECK_EVERY: u64 = 4_096;

/// What the record of a receipt must say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// A message was decided.
    Decided,
    /// This message was handed out.
    HandedOut(u64),
}

#[derive(Clone, Copy, Debug)]
struct Kept {
    leaf_hash: Digest,
    claim: Claim,
}

/// Receipts that wait for their check.
#[derive(Debug, Default)]
pub(crate) struct SpotChecks(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    kept: BTreeMap<u64, Kept>,
    /// Receipts since the last check.
    seen: u64,
}

impl SpotChecks {
    /// Keeps a receipt, each of those since the last check with the same chance.
    pub(crate) fn keep(&self, receipt: &Receipt, claim: Claim) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.seen += 1;
        if waiting.kept.len() >= KEPT_MAX {
            let draw = random::bytes().map_or(u64::MAX, u64::from_be_bytes) % waiting.seen;
            let Some(place) = usize::try_from(draw).ok().filter(|place| *place < KEPT_MAX) else {
                return;
            };
            let given_up = waiting.kept.keys().nth(place).copied();
            given_up.map(|number| waiting.kept.remove(&number));
        }
        let kept = Kept { leaf_hash: receipt.leaf_hash, claim };
        waiting.kept.insert(receipt.record_number, kept);
    }

    fn is_due(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).seen >= CHECK_EVERY
    }

    fn take(&self) -> BTreeMap<u64, Kept> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).kept
    }

    /// Keeps what could not be checked for the next time.
    fn put_back(&self, kept: BTreeMap<u64, Kept>) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (number, receipt) in kept {
            if waiting.kept.len() >= KEPT_MAX {
                return;
            }
            waiting.kept.insert(number, receipt);
        }
    }
}

impl Kept {
    /// Whether a record is the one of the receipt.
    fn check(self, row: &LogRow) -> Result<(), EvidenceFault> {
        let fault = |why| EvidenceFault::LogRow { number: row.record_number, why };
        if row.leaf_hash() != self.leaf_hash {
            return Err(fault("another record than the one of the receipt"));
        }
        let says_so = match (self.claim, row.event()) {
            (Claim::Decided, Some(Event::MessageDecided(_))) => true,
            (Claim::HandedOut(message), Some(Event::HandedOut(event))) => {
                event.message_number == message
            }
            (Claim::Decided | Claim::HandedOut(_), _) => false,
        };
        if says_so { Ok(()) } else { Err(fault("it does not say what was done")) }
    }
}

impl Client {
    pub(crate) fn keep_receipt(&self, receipt: &Receipt, claim: Claim) {
        self.spot_checks().keep(receipt, claim);
    }

    pub(crate) async fn check_receipts_if_due(&self) -> Result<(), ClientError> {
        if self.spot_checks().is_due() {
            self.check_receipts().await?;
        }
        Ok(())
    }

    /// Asks for some of the records whose receipts came since the last time, with their proofs: that they are in
    /// the log and say what was done. Long streams do it by themselves from time to time. Returns how many were
    /// checked.
    ///
    /// # Errors
    /// A receipt is of no record, or of another one; or the broker cannot be reached.
    pub async fn check_receipts(&self) -> Result<usize, ClientError> {
        let kept = self.spot_checks().take();
        if kept.is_empty() {
            return Ok(0);
        }
        let checked = self.check_kept(&kept).await;
        if checked.as_ref().is_err_and(|error| !error.is_alarm()) {
            self.spot_checks().put_back(kept);
        }
        checked
    }

    async fn check_kept(&self, kept: &BTreeMap<u64, Kept>) -> Result<usize, ClientError> {
        let numbers: Vec<u64> = kept.keys().copied().collect();
        match self.check_records(kept, &numbers).await {
            // One of them may have been erased with the participant: then each is asked for by itself.
            Err(error) if error.is_not_found() => {
                for number in &numbers {
                    match self.check_records(kept, &[*number]).await {
                        Err(error) if error.is_not_found() => {
                            self.check_leaf(kept, *number).await?
                        }
                        other => other?,
                    }
                }
            }
            other => other?,
        }
        Ok(numbers.len())
    }

    /// Asks for records of our own acts and compares them.
    async fn check_records(
        &self,
        kept: &BTreeMap<u64, Kept>,
        numbers: &[u64],
    ) -> Result<(), ClientError> {
        for row in self.evidence(numbers).await?.rows()? {
            if let Some(kept) = kept.get(&row.record_number) {
                let alarm = |fault| self.checkpoints().alarm(ClientError::evidence(fault));
                kept.check(&row).map_err(alarm)?;
            }
        }
        Ok(())
    }

    /// Of a record that is not shown any more the leaf hash at least must be in the log.
    async fn check_leaf(&self, kept: &BTreeMap<u64, Kept>, number: u64) -> Result<(), ClientError> {
        self.checkpoints().check(self).await?;
        let (Some(kept), Some(newest)) = (kept.get(&number), self.checkpoints().newest()) else {
            return Ok(());
        };
        let request =
            v1::ProveInclusionRequest { record_numbers: vec![number], log_size: newest.size };
        let answer = self
            .call(|| {
                let (mut service, request) = (self.checkpoint_service(), request.clone());
                async move { service.prove_inclusion(request).await }
            })
            .await?;
        let path = answer.proofs.first().map(|proof| proof_path(&proof.path)).transpose()?;
        let shown =
            check_inclusion(&newest, number, &kept.leaf_hash, path.as_deref().unwrap_or_default());
        shown.map_err(|error| self.checkpoints().alarm(ClientError::evidence(error.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_log::{accepted, consent, grant, handed_out, label, stopped};

    #[test]
    fn a_receipt_must_be_of_the_record_that_says_what_was_done() {
        let document = consent(None, vec![grant(&["termine"])]);
        let label = label(&["termine"]);
        let row = |entry: &crate::test_log::Entry| LogRow::parse(entry.row(7)).unwrap();
        let hand_out = row(&handed_out(3, &document, &label));
        let decision = row(&accepted(&document, &label));
        let stop = row(&stopped(3));
        let check = |claim, of: &LogRow, row: &LogRow| {
            Kept { leaf_hash: of.leaf_hash(), claim }.check(row).is_ok()
        };
        assert!(check(Claim::HandedOut(3), &hand_out, &hand_out));
        assert!(check(Claim::Decided, &decision, &decision));
        // A hand-out without a record of its own, behind the receipt of something else.
        assert!(!check(Claim::HandedOut(3), &decision, &decision));
        assert!(!check(Claim::HandedOut(3), &stop, &stop));
        assert!(!check(Claim::HandedOut(4), &hand_out, &hand_out));
        assert!(!check(Claim::Decided, &hand_out, &hand_out));
        assert!(!check(Claim::HandedOut(3), &decision, &hand_out));
    }

    #[test]
    fn every_receipt_has_a_chance_and_few_are_kept() {
        let mut chosen = [0_u32; 64];
        for _ in 0..2_000 {
            let checks = SpotChecks::default();
            for record_number in 0..64 {
                let receipt = Receipt { record_number, leaf_hash: [0; 32] };
                checks.keep(&receipt, Claim::Decided);
            }
            let kept = checks.take();
            assert_eq!(kept.len(), KEPT_MAX);
            for number in kept.keys() {
                chosen[usize::try_from(*number).unwrap()] += 1;
            }
            assert!(checks.take().is_empty());
        }
        // A quarter of 2,000 each; far outside of chance is a defect.
        assert!(chosen.iter().all(|count| (300..700).contains(count)), "{chosen:?}");
    }
}
