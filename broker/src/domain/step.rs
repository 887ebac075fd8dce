//! The step of the core: one command in, events and one outcome out.
//!
//! No I/O, no clock, no randomness. A refused command leaves no event and no trace in the state.

mod casework;
mod consents;
mod delivery;
mod deputies;
mod evaluation;
mod log;
mod messages;
mod planning;
mod previews;
mod reviews;
mod rights;
mod runs;
mod safeguards;
mod uploads;

use super::command::{Command, Outcome};
use super::event::{Actor, Event, EventKind};
use super::ids::{RecordNumber, TimeMs};
use super::refusal::Refusal;
use super::state::{Participant, Rules, State};

impl State {
    /// Carries out one command at the instant `now`, which never decreases between calls. Events
    /// are folded at once and wait in [`State::take_events`]; the caller makes them durable before
    /// it tells anybody the outcome.
    ///
    /// # Errors
    /// Why the command is refused; then it has changed nothing. What time alone brought about stays.
    #[expect(clippy::too_many_lines, reason = "one arm for each command, each of them flat")]
    pub fn step(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        command: Command,
    ) -> Result<Outcome, Refusal> {
        self.delivery.rules = rules.delivery;
        // INVARIANT (default-deny): what was missed is suspended before anything is decided, however late a tick is.
        // A start comes first in its epoch, and lost numbers are used up by nothing else; neither decides.
        let is_first =
            matches!(command, Command::Start | Command::FillLost { .. } | Command::Reconcile(_));
        if !is_first {
            self.suspend_missed(rules, now);
        }
        match command {
            Command::Start => {
                let kind = EventKind::BrokerStarted {
                    version: env!("CARGO_PKG_VERSION").to_owned(),
                    catalogue_version: rules.catalogue.version().to_owned(),
                    catalogue_hash: *rules.catalogue.hash(),
                    without_participant: rules.catalogue.codes_without_participant(),
                };
                Ok(Outcome::Recorded(self.emit(None, kind, now)))
            }
            Command::Tick => {
                self.tick(now);
                self.tick_uploads(rules, now);
                Ok(Outcome::Done)
            }
            Command::RegisterParticipant { actor, key, entropy } => {
                self.register_participant(rules, now, actor, key, entropy)
            }
            Command::AssignLotse { actor, reference, lotse } => {
                self.assign_lotse(rules, now, actor, &reference, lotse)
            }
            Command::AssignReference { actor, reference, agency, entropy } => {
                self.assign_reference(rules, now, actor, &reference, agency, entropy)
            }
            Command::ListParticipants { actor } => self.list_participants(rules, now, actor),
            Command::PublishDirectory {
                actor,
                revision,
                functions,
                renewal,
                document,
                signature,
            } => {
                let entry = (functions, renewal);
                self.publish_directory(now, actor, revision, entry, document, signature)
            }
            Command::ReadDirectory { agency } => self.read_directory(agency.as_ref()),
            Command::RecordConsent { actor, revise, document, bytes, signature } => {
                self.record_consent(rules, now, actor, revise, *document, bytes, signature)
            }
            Command::PreviewRevocation { actor, consent } => {
                self.preview_revocation(rules, now, &actor, &consent)
            }
            Command::RevokeConsent { actor, consent, revision_hash, document, signature } => self
                .revoke_consent(rules, now, actor, &consent, &revision_hash, document, signature),
            Command::ListConsents { actor, reference } => {
                self.list_consents(rules, now, actor, &reference)
            }
            Command::Submit { actor, messages, require_all } => {
                self.submit(rules, now, &actor, messages, require_all).map(Outcome::Decisions)
            }
            Command::SubmitEach { actor, messages } => {
                let each = messages.into_iter().map(|message| {
                    let decisions = self.submit(rules, now, &actor, vec![message], false)?;
                    decisions.first().copied().ok_or(Refusal::NotFound { field: "messages" })
                });
                Ok(Outcome::EachDecided(each.collect()))
            }
            Command::HandOut { recipients, hold, messages_max, bytes_max, actor } => {
                let recipients = self.read_mailboxes(now, &recipients, &actor);
                let permits =
                    self.hand_out(rules, now, &recipients, hold, messages_max, bytes_max, &actor);
                Ok(Outcome::HandOuts(permits))
            }
            Command::Release { stream } => {
                self.release_stream(stream);
                Ok(Outcome::Done)
            }
            Command::Report { actor, messages, stage, by } => {
                self.report(now, &actor, &messages, stage, by)
            }
            Command::QueryLog { actor, reference, query } => {
                self.query_log(rules, now, actor, reference, query)
            }
            Command::ReadReferences { agency, participants } => {
                let found = participants.iter().map(|id| self.reference_for(id, &agency));
                Ok(Outcome::References(found.collect()))
            }
            Command::RefusedCall { actor, method } => {
                let kind = EventKind::CallRefused { method };
                Ok(Outcome::Recorded(self.emit(Some(actor), kind, now)))
            }
            Command::ConfirmConsent {
                actor,
                consent,
                revision_hash,
                document,
                signature,
                signed_at,
                next_review_by,
            } => {
                let times = (signed_at, next_review_by);
                let hash = &revision_hash;
                self.confirm_consent(rules, now, actor, &consent, hash, document, signature, times)
            }
            Command::Restrict { actor, reference, restricted } => {
                self.restrict(rules, now, actor, &reference, restricted)
            }
            Command::PlaceHold { actor, hold, reason, reference } => {
                self.place_hold(rules, now, actor, hold, reason, reference)
            }
            Command::ReleaseHold { actor, hold } => self.release_hold(rules, now, actor, &hold),
            Command::ListHolds { actor } => self.list_holds(rules, now, actor),
            Command::Run(command) => self.run_command(rules, now, command),
            Command::EraseOutdated { actor, run, participant, before } => {
                self.erase_outdated(now, actor, run, &participant, before)
            }
            Command::EraseRecords { actor, ground, run, records } => {
                self.erase_records(now, actor, ground, run, &records)
            }
            Command::ReadErasures => Ok(Outcome::Erasures(self.erasing())),
            Command::FillLost { size, most } => Ok(self.fill_lost(now, size, most)),
            Command::Reconcile(reconciliation) => Ok(self.reconcile(now, *reconciliation)),
            Command::Upload(command) => self.upload(now, command),
            Command::Delivery(command) => self.delivery_command(rules, now, command),
            Command::Planning(command) => self.step_planning(rules, now, command),
            Command::Safeguard(command) => self.safeguard(rules, now, *command),
            Command::Evaluation(command) => self.evaluation(now, command).map(Outcome::Evaluation),
        }
    }

    /// Makes an event: folds it and keeps it for the journal. Returns its record number.
    fn emit(&mut self, actor: Option<Actor>, kind: EventKind, now: TimeMs) -> RecordNumber {
        let number = self.next_record();
        let event = Event { actor, kind };
        self.apply(&event, number, now);
        self.outbox.push(event);
        number
    }

    fn is_lotse_of(&self, actor: &Actor, participant: &Participant) -> bool {
        self.names.known_agency(&actor.agency) == Some(participant.lotse_agency)
            && actor.person.as_deref() == Some(&participant.lotse)
    }
}
