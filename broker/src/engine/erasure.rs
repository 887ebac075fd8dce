//! Erasure: of one participant, and of what its retention period has left behind; each as a run that one person
//! proposed and another one approves.
//!
//! INVARIANT (erasure): first the participant is taken out of the state, so that nothing more can be recorded
//! about it; then its records are looked up, the list of them is logged, and only when that is durable they
//! are overwritten. What a crash interrupts is finished by the next start.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{Timestamp, ToSpan as _, civil::Date, tz::TimeZone};
use schleuse_proto::v1::RecordType;

use super::query::{LogQuery, Range};
use super::{Answer, Engine, Lane};
use crate::domain::catalogue::Catalogue;
use crate::domain::command::{Command, ERASED_TOGETHER_MAX, ErasureOf, Outcome, RunCommand};
use crate::domain::event::{Actor, ErasureGround};
use crate::domain::ids::{ParticipantId, RecordNumber, Reference, TimeMs};
use crate::domain::refusal::Refusal;
use crate::domain::state::Erasing;
use crate::index::Term;
use crate::journal::{Commit, JournalError};
use crate::record;
use crate::record::facts::{Facts, Wanted};

/// Most records of one run of the retention; the next run takes the rest.
pub const RUN_RECORDS_MAX: usize = 100_000;

/// Most participants that one run of the retention erases: for each the whole journal is read.
const RUN_PARTICIPANTS_MAX: usize = 16;

/// How long what is kept. Months are calendar months; 0: for ever.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Decisions, hand-outs, reports, stops, questions and requests before a message; duties that erasures left.
    pub messages_months: u32,
    /// Queries of the log.
    pub queries_months: u32,
    /// Refused calls.
    pub refused_calls_months: u32,
    /// Participants about whom nothing can pass any more, since their last change.
    pub participants_months: u32,
    /// How long after a message is finished its payload is destroyed.
    pub payload_grace_ms: TimeMs,
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub enum RunSubject {
    /// Everything about a participant, by the caller's reference.
    Erasure(Reference),
    /// What its retention period has left behind.
    Retention,
}

/// What a run took, or would take.
#[derive(Debug)]
pub struct RunResult {
    /// Record of the question, the proposal, or the last one of the erasure.
    pub record: RecordNumber,
    /// Commit that covers it.
    pub commit: Commit,
    /// How much.
    pub taken: Taken,
}

/// How much a run takes.
#[derive(Debug)]
pub enum Taken {
    /// One participant.
    Erasure {
        /// Number of records.
        records: u64,
        /// Messages that are stopped.
        stopped: u32,
    },
    /// What is outdated.
    Retention(Outdated),
}

/// What a run of the retention takes.
#[derive(Debug, Default)]
pub struct Outdated {
    /// By type: only records before this instant, and how many.
    pub counts: BTreeMap<u8, (TimeMs, u64)>,
    /// Participants.
    pub participants: u64,
    /// Whether another run would take more.
    pub more: bool,
}

/// Why an erasure stopped.
#[derive(Debug, thiserror::Error)]
pub enum ErasureError {
    /// The core refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// A record cannot be read or overwritten.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// A defect.
    #[error("the erasure was interrupted")]
    Interrupted,
}

/// A record that is to be erased, about whom it is, and its terms.
#[derive(Clone)]
struct Doomed {
    number: RecordNumber,
    about: Option<ParticipantId>,
    terms: Vec<Term>,
}

/// How long a run waits for another one to end.
const RUN_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
/// How often it is looked whether an erasure was interrupted.
const RESUME_EVERY: std::time::Duration = std::time::Duration::from_secs(30);

impl Engine {
    /// Counts what a run would take.
    ///
    /// # Errors
    /// Refused, or a record cannot be read.
    pub async fn preview_run(
        &self,
        actor: &Actor,
        subject: RunSubject,
    ) -> Result<RunResult, ErasureError> {
        let _one_at_a_time = self.begin_run(actor).await?;
        let now = self.clock.now();
        let command = RunCommand::Plan { actor: actor.clone(), of: self.erasure_of(subject, now) };
        self.count_run(command, subject, now).await
    }

    /// Proposes a run, and counts what it would take. The run's number is that of the record.
    ///
    /// # Errors
    /// Refused, or a record cannot be read: then the run may be open all the same.
    pub async fn propose_run(
        &self,
        actor: &Actor,
        subject: RunSubject,
        reason: String,
    ) -> Result<RunResult, ErasureError> {
        let _one_at_a_time = self.begin_run(actor).await?;
        let now = self.clock.now();
        let of = self.erasure_of(subject, now);
        let command = RunCommand::Propose { actor: actor.clone(), of, reason };
        self.count_run(command, subject, now).await
    }

    /// Approves a run that another person proposed, and carries it out.
    ///
    /// # Errors
    /// Refused, or the journal fails: then the next start finishes the erasure of a participant that was begun. What a
    /// run of the retention did not come to is left for the next run.
    pub async fn approve_run(
        &self,
        actor: &Actor,
        run: RecordNumber,
    ) -> Result<RunResult, ErasureError> {
        let _one_at_a_time = self.begin_run(actor).await?;
        let now = self.clock.now();
        let before = quarter_before(now, self.retention.participants_months);
        let command = RunCommand::Approve { actor: actor.clone(), run, before };
        let answer = self.execute(Lane::Normal, Command::Run(command)).await?;
        if let Outcome::ErasureBegun { .. } = &answer.outcome {
            return self.finish_erasure(actor, answer).await;
        }
        self.retain(now, answer, Some((actor, run))).await
    }

    fn erasure_of(&self, subject: RunSubject, now: TimeMs) -> ErasureOf {
        match subject {
            RunSubject::Erasure(reference) => ErasureOf::Reference(reference),
            RunSubject::Retention => {
                ErasureOf::Retention(quarter_before(now, self.retention.participants_months))
            }
        }
    }

    /// What a run would take that is asked about or proposed.
    async fn count_run(
        &self,
        command: RunCommand,
        subject: RunSubject,
        now: TimeMs,
    ) -> Result<RunResult, ErasureError> {
        let answer = self.execute(Lane::Normal, Command::Run(command)).await?;
        match subject {
            RunSubject::Erasure(_) => self.count_erasure(answer).await,
            RunSubject::Retention => self.retain(now, answer, None).await,
        }
    }

    async fn count_erasure(&self, answer: Answer) -> Result<RunResult, ErasureError> {
        let Outcome::ErasurePlanned { record, participants, waiting, .. } = &answer.outcome else {
            return Err(ErasureError::Interrupted);
        };
        let (record, stopped) = (*record, *waiting);
        let participant = *participants.first().ok_or(ErasureError::Interrupted)?;
        let records = self.records_about(participant, record + 1).await?;
        let records = u64::try_from(records.len()).unwrap_or(u64::MAX);
        let taken = Taken::Erasure { records, stopped };
        Ok(RunResult { record, commit: answer.commit, taken })
    }

    /// The right to erase: only the project's officer has it, and only once at a time.
    async fn begin_run(&self, actor: &Actor) -> Result<tokio::sync::MutexGuard<'_, ()>, Refusal> {
        if !self.supervises(actor) {
            return Err(Refusal::ProjectDpoOnly);
        }
        let taken = tokio::time::timeout(RUN_PATIENCE, self.erasing.lock()).await;
        taken.map_err(|_| Refusal::Overloaded { limit: "erasures" })
    }

    /// Erases the records of a participant whose erasure has begun.
    async fn finish_erasure(
        &self,
        actor: &Actor,
        answer: Answer,
    ) -> Result<RunResult, ErasureError> {
        let Outcome::ErasureBegun { record, run, participant, participant_ix, stopped } =
            answer.outcome
        else {
            return Err(ErasureError::Interrupted);
        };
        self.settle(participant_ix).await;
        let doomed = self.records_about(participant, record + 1).await?;
        let records = u64::try_from(doomed.len()).unwrap_or(u64::MAX);
        let erased = self.erase(Some(actor), ErasureGround::Participant, run, doomed).await?;
        let (record, commit) = erased.ok_or(ErasureError::Interrupted)?;
        Ok(RunResult { record, commit, taken: Taken::Erasure { records, stopped } })
    }

    /// Finishes erasures that were begun and interrupted, now and again, until the broker goes down.
    pub(super) async fn resume_erasures(self) {
        loop {
            match self.resume_once().await {
                Ok(()) => {}
                Err(ErasureError::Refused(Refusal::Draining)) => return,
                Err(error) => {
                    tracing::error!(%error, "an erasure that was begun is not finished yet")
                }
            }
            tokio::select! {
                () = self.ending.cancelled() => return,
                () = tokio::time::sleep(RESUME_EVERY) => {}
            }
        }
    }

    async fn resume_once(&self) -> Result<(), ErasureError> {
        let _one_at_a_time = self.erasing.lock().await;
        let answer = self.execute(Lane::Patient, Command::ReadErasures).await?;
        let Outcome::Erasures(begun) = answer.outcome else {
            return Err(ErasureError::Interrupted);
        };
        for Erasing { begun, participant, run } in begun {
            if self.ending.is_cancelled() {
                return Err(Refusal::Draining.into());
            }
            let doomed = self.records_about(participant, begun + 1).await?;
            self.erase(None, ErasureGround::Participant, run, doomed).await?;
            tracing::info!(number = begun, "an interrupted erasure was finished");
        }
        Ok(())
    }

    /// Erases the contents of records whose retention period has ended, and participants about whom nothing
    /// can pass any more, if a run was approved; otherwise counts them.
    async fn retain(
        &self,
        now: TimeMs,
        answer: Answer,
        approved: Option<(&Actor, RecordNumber)>,
    ) -> Result<RunResult, ErasureError> {
        let Outcome::ErasurePlanned { record, participants, held, .. } = answer.outcome else {
            return Err(ErasureError::Interrupted);
        };
        let mut taken = Outdated {
            participants: u64::try_from(participants.len()).unwrap_or(u64::MAX),
            ..Outdated::default()
        };
        let (mut last, mut left) = ((record, answer.commit), RUN_RECORDS_MAX);
        for (record_type, months) in self.retention.types() {
            let Some(before) = quarter_before(now, months) else { continue };
            let (held, end) = (held.clone(), record);
            let engine = self.clone();
            let search = move || engine.outdated(record_type, before, end, &held, left + 1);
            let mut doomed = blocking(search).await?;
            taken.more |= doomed.len() > left;
            doomed.truncate(left);
            left -= doomed.len();
            if doomed.is_empty() {
                continue;
            }
            let count = u64::try_from(doomed.len()).unwrap_or(u64::MAX);
            taken.counts.insert(record_type, (before, count));
            if let Some((actor, run)) = approved {
                let ground = ErasureGround::Retention;
                last = self.erase(Some(actor), ground, run, doomed).await?.unwrap_or(last);
            }
        }
        if let Some((actor, run)) = approved {
            taken.participants = 0;
            taken.more |= participants.len() > RUN_PARTICIPANTS_MAX;
            let before = quarter_before(now, self.retention.participants_months);
            for participant in participants.into_iter().take(RUN_PARTICIPANTS_MAX) {
                let erased = self.erase_outdated(actor, run, participant, before).await?;
                taken.participants += u64::from(erased.is_some());
                last = erased.unwrap_or(last);
            }
        }
        let (record, commit) = last;
        Ok(RunResult { record, commit, taken: Taken::Retention(taken) })
    }

    /// Erases a participant that is still outdated; one who was held or became active meanwhile stays.
    async fn erase_outdated(
        &self,
        actor: &Actor,
        run: RecordNumber,
        participant: ParticipantId,
        before: Option<TimeMs>,
    ) -> Result<Option<(RecordNumber, Commit)>, ErasureError> {
        let Some(before) = before else { return Ok(None) };
        let command = Command::EraseOutdated { actor: actor.clone(), run, participant, before };
        match self.execute(Lane::Normal, command).await {
            Ok(answer) => {
                let erased = self.finish_erasure(actor, answer).await?;
                Ok(Some((erased.record, erased.commit)))
            }
            Err(Refusal::OnHold { .. } | Refusal::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Logs which records are erased, and erases them; some at a time. None if nothing was left that may be.
    async fn erase(
        &self,
        actor: Option<&Actor>,
        ground: ErasureGround,
        run: RecordNumber,
        doomed: Vec<Doomed>,
    ) -> Result<Option<(RecordNumber, Commit)>, ErasureError> {
        let mut last = None;
        for some in doomed.chunks(ERASED_TOGETHER_MAX) {
            // The next start goes on.
            if self.ending.is_cancelled() {
                return Err(Refusal::Draining.into());
            }
            let records = some.iter().map(|doomed| (doomed.number, doomed.about)).collect();
            let command = Command::EraseRecords { actor: actor.cloned(), ground, run, records };
            let answer = self.execute(Lane::Patient, command).await?;
            let Outcome::RecordsErased { record: Some(record), numbers } = answer.outcome else {
                continue;
            };
            let gone = some.iter().filter(|doomed| numbers.binary_search(&doomed.number).is_ok());
            let gone: Vec<(RecordNumber, Vec<Term>)> =
                gone.map(|doomed| (doomed.number, doomed.terms.clone())).collect();
            let (eraser, index) = (self.reader.clone().eraser(), self.index.clone());
            let columns = self.columns.clone();
            blocking(move || {
                eraser.erase(&numbers).unwrap_or_else(|error| stop(&error));
                index.forget(&gone);
                columns.forget(gone.iter().map(|(number, _)| *number));
                Ok(())
            })
            .await?;
            last = Some((record, answer.commit));
        }
        Ok(last)
    }

    /// All records about a participant. Read from the journal itself: the index may lack one, and nobody would
    /// ever notice.
    async fn records_about(
        &self,
        participant: ParticipantId,
        end: RecordNumber,
    ) -> Result<Vec<Doomed>, ErasureError> {
        let (reader, rules) = (self.reader.clone(), self.rules.clone());
        blocking(move || {
            let mut found = Vec::new();
            for number in 0..end {
                let stored = reader.record(number)?;
                let event = record::decode(&stored, &rules.catalogue)
                    .map_err(|why| JournalError::Record { number, why })?;
                let facts = event.as_ref().map(Facts::of);
                if let Some(facts) = facts.filter(|facts| facts.participant == Some(&participant)) {
                    found.push(doomed(number, &facts, &rules.catalogue));
                }
            }
            Ok(found)
        })
        .await
    }

    /// Records of a type before an instant that nothing holds. Reads the journal; blocks.
    fn outdated(
        &self,
        record_type: u8,
        before: TimeMs,
        end: RecordNumber,
        held: &std::collections::BTreeSet<ParticipantId>,
        most: usize,
    ) -> Result<Vec<Doomed>, JournalError> {
        let wanted = Wanted::of_type(record_type);
        let range = Range { first: 0, end, from: None, until: Some(before) };
        let mut query = LogQuery::of_everything(self, wanted, range);
        let mut found = Vec::new();
        while found.len() < most
            && let Some((stored, Some(event))) = query.next_record(|| false)?
        {
            let facts = Facts::of(&event);
            // A duty about somebody goes with its participant.
            let is_duty = is_duty(record_type);
            if facts.participant.is_none_or(|about| !held.contains(about) && !is_duty) {
                found.push(doomed(stored.skeleton.number, &facts, &self.rules.catalogue));
            }
        }
        Ok(found)
    }
}

fn is_duty(record_type: u8) -> bool {
    let duties = [RecordType::BasisEnded, RecordType::DeletionConfirmed];
    duties.into_iter().any(|of| i32::from(of) == i32::from(record_type))
}

fn doomed(number: RecordNumber, facts: &Facts<'_>, catalogue: &Catalogue) -> Doomed {
    Doomed { number, about: facts.participant.copied(), terms: facts.terms(catalogue) }
}

/// Runs what reads or writes files where it may block.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, JournalError> + Send + 'static,
) -> Result<T, ErasureError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| ErasureError::Interrupted)??)
}

impl Retention {
    /// Types that have a period of their own. Decisions first: of a message that is half erased the end may
    /// be left, never the beginning alone.
    fn types(&self) -> impl Iterator<Item = (u8, u32)> {
        let Self { messages_months, queries_months, refused_calls_months, .. } = *self;
        let types = [
            (RecordType::MessageDecided, messages_months),
            (RecordType::HandedOut, messages_months),
            (RecordType::StageReported, messages_months),
            (RecordType::DeadLettered, messages_months),
            (RecordType::MailboxRead, queries_months),
            (RecordType::MessageStopped, messages_months),
            (RecordType::BasisEnded, messages_months),
            (RecordType::DeletionConfirmed, messages_months),
            (RecordType::UploadDiscarded, messages_months),
            (RecordType::CoverageAsked, messages_months),
            (RecordType::ConsentRequested, messages_months),
            (RecordType::LogQueried, queries_months),
            (RecordType::CallRefused, refused_calls_months),
        ];
        let number = |of: RecordType| u8::try_from(i32::from(of)).unwrap_or_default();
        types.into_iter().map(move |(of, months)| (number(of), months))
    }
}

/// Beginning of the quarter, in UTC, that lies so many months back; none for 0 months.
fn quarter_before(now: TimeMs, months: u32) -> Option<TimeMs> {
    if months == 0 {
        return None;
    }
    let now = Timestamp::from_millisecond(i64::try_from(now).ok()?).ok()?;
    let back = now.to_zoned(TimeZone::UTC).checked_sub(i64::from(months).months()).ok()?;
    let first_month = (back.month() - 1) / 3 * 3 + 1;
    let begin = Date::new(back.year(), first_month, 1).ok()?.to_zoned(TimeZone::UTC).ok()?;
    TimeMs::try_from(begin.timestamp().as_millisecond()).ok()
}

/// Ends the process when contents cannot be overwritten.
///
/// INVARIANT (fail-stop): what was named as erased is not shown half erased; the next start finishes it.
fn stop(error: &JournalError) {
    tracing::error!(%error, "contents cannot be overwritten; the next start finishes that");
    std::process::abort();
}

/// Destroys payloads of finished messages beside the sequencer, until that drops its side.
pub(super) fn destroy_payloads(
    eraser: &Arc<dyn crate::journal::Eraser>,
    spent: &std::sync::mpsc::Receiver<Vec<RecordNumber>>,
) {
    while let Ok(numbers) = spent.recv() {
        eraser.erase_payloads(&numbers).unwrap_or_else(|error| stop(&error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_works_by_whole_quarters() {
        let at = |text: &str| {
            let timestamp: Timestamp = text.parse().unwrap();
            TimeMs::try_from(timestamp.as_millisecond()).unwrap()
        };
        for (now, months, expected) in [
            ("2026-11-22T10:00:00Z", 12, "2025-10-01T00:00:00Z"),
            ("2026-01-01T00:00:00Z", 36, "2023-01-01T00:00:00Z"),
            ("2026-03-31T23:59:59Z", 1, "2026-01-01T00:00:00Z"),
            ("2026-05-31T12:00:00Z", 6, "2025-10-01T00:00:00Z"),
        ] {
            assert_eq!(quarter_before(at(now), months), Some(at(expected)), "{now} {months}");
        }
        assert_eq!(quarter_before(at("2026-11-22T10:00:00Z"), 0), None);
    }
}
