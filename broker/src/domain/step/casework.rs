//! Participants, references and the directory.

use bytes::Bytes;
use schleuse_proto::evidence::sha256;
use schleuse_proto::identity::is_part;

use crate::domain::command::Outcome;
use crate::domain::event::{Actor, DirectoryEvent, EventKind, Signature};
use crate::domain::ids::{Address, AgencyId, ParticipantId, Reference, RegistrationKey, TimeMs};
use crate::domain::planning::Renewal;
use crate::domain::refusal::Refusal;
use crate::domain::state::{Rules, State};

use super::delivery::MAILBOXES_PER_AGENCY_MAX;

/// Most functions that an agency ever published or read. Half of them only by publishing, so that reading
/// what does not exist takes no function away.
const FUNCTIONS_PER_AGENCY_MAX: usize = 2 * MAILBOXES_PER_AGENCY_MAX;
/// Most participants that one agency registers, those who are erased not counted: all of them are looked through
/// for its lists.
const PARTICIPANTS_PER_AGENCY_MAX: usize = 200_000;
/// Most references of one answer.
const PARTICIPANTS_LISTED_MAX: usize = 10_000;

impl State {
    pub(super) fn register_participant(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        key: RegistrationKey,
        entropy: [[u8; 16]; 3],
    ) -> Result<Outcome, Refusal> {
        if actor.person.is_none() {
            return Err(Refusal::InvalidField {
                field: "certificate",
                expected: "an identity that names the Lotse as a person",
            });
        }
        let agency = self.names.agency(&actor.agency);
        if let Some((ix, record)) = self.registrations.get(&(agency, key)).copied() {
            let reference = self
                .participant(ix)
                .and_then(|p| p.references.iter().find(|(of, ..)| *of == agency))
                .map(|(_, reference, _)| *reference)
                .ok_or(Refusal::NotFound { field: "idempotency_key" })?;
            return Ok(Outcome::Registered { reference, record });
        }
        let registered = self.participants_of.get(&agency).copied().unwrap_or_default();
        if registered >= PARTICIPANTS_PER_AGENCY_MAX {
            return Err(Refusal::Overloaded { limit: "participants_per_agency" });
        }
        let [id, own, project] = entropy;
        let reference = Reference::from_bytes(own);
        let kind = EventKind::ParticipantRegistered {
            participant: ParticipantId::from_bytes(id),
            key,
            reference,
            project: (rules.project_agency.clone(), Reference::from_bytes(project)),
        };
        let record = self.emit(Some(actor), kind, now);
        Ok(Outcome::Registered { reference, record })
    }

    pub(super) fn assign_lotse(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
        lotse: String,
    ) -> Result<Outcome, Refusal> {
        let (_, participant) =
            self.in_person(rules, now, &actor, reference, "assign another Lotse")?;
        if !is_part(&lotse) {
            return Err(Refusal::InvalidField {
                field: "lotse",
                expected: "the person part of a Lotse's identity, [a-z0-9-]{1,40}",
            });
        }
        let kind = EventKind::LotseAssigned { participant: participant.id, lotse };
        Ok(Outcome::Recorded(self.emit(Some(actor), kind, now)))
    }

    pub(super) fn assign_reference(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
        reference: &Reference,
        agency: AgencyId,
        entropy: [u8; 16],
    ) -> Result<Outcome, Refusal> {
        let (_, participant) =
            self.in_person(rules, now, &actor, reference, "assign a reference")?;
        if !rules.agencies.contains(&agency) {
            return Err(Refusal::NotFound { field: "agency" });
        }
        let number = self.names.known_agency(&agency);
        let known = participant.references.iter().find(|(of, ..)| Some(*of) == number);
        if let Some((_, reference, record)) = known {
            return Ok(Outcome::Assigned { reference: *reference, record: *record });
        }
        participant.check_not_ended()?;
        let participant = participant.id;
        let reference = Reference::from_bytes(entropy);
        let kind = EventKind::ReferenceAssigned { participant, agency, reference };
        let record = self.emit(Some(actor), kind, now);
        Ok(Outcome::Assigned { reference, record })
    }

    pub(super) fn list_participants(
        &mut self,
        rules: &Rules,
        now: TimeMs,
        actor: Actor,
    ) -> Result<Outcome, Refusal> {
        let agency = self.names.known_agency(&actor.agency);
        let entrusted = self.entrusted(rules, now, &actor);
        let references = self
            .participants()
            .filter(|participant| entrusted.has(participant))
            .filter_map(|participant| {
                participant.references.iter().find(|(of, ..)| Some(*of) == agency)
            })
            .map(|(_, reference, _)| *reference)
            .take(PARTICIPANTS_LISTED_MAX)
            .collect();
        self.query(actor, "participants listed by the Lotse", now);
        Ok(Outcome::Participants(references))
    }

    pub(super) fn publish_directory(
        &mut self,
        now: TimeMs,
        actor: Actor,
        revision: u32,
        (functions, renewal): (Vec<Address>, Renewal),
        document: Bytes,
        signature: Signature,
    ) -> Result<Outcome, Refusal> {
        let entry = self.directory.get(&actor.agency);
        let expected = entry.map_or(1, |entry| entry.revision + 1);
        if let Some(entry) = entry
            && entry.revision == revision
            && entry.document_hash == sha256(&[&document])
        {
            return Ok(Outcome::Recorded(entry.record));
        }
        if revision != expected {
            return Err(Refusal::RevisionConflict { expected });
        }
        self.check_functions(&actor.agency, &functions)?;
        let agency = actor.agency.clone();
        let event = DirectoryEvent { agency, revision, functions, renewal, document, signature };
        Ok(Outcome::Recorded(self.emit(Some(actor), EventKind::DirectoryPublished(event), now)))
    }

    /// INVARIANT (bounded): functions that an agency ever published are remembered, each with its queue.
    fn check_functions(&self, agency: &AgencyId, functions: &[Address]) -> Result<(), Refusal> {
        let own = self.names.known_agency(agency);
        let known = own.and_then(|own| self.delivery.mailboxes_of.get(&own)).copied();
        let is_new = |function: &&Address| {
            let known = self.names.known_address(function);
            known.is_none_or(|known| !self.delivery.mailboxes.contains_key(&known))
        };
        let new = functions.iter().filter(is_new).count();
        if new > 0 && known.unwrap_or_default() + new > FUNCTIONS_PER_AGENCY_MAX {
            let expected = "functions of before: an agency had too many different ones";
            return Err(Refusal::InvalidField { field: "functions", expected });
        }
        Ok(())
    }

    pub(super) fn read_directory(&self, agency: Option<&AgencyId>) -> Result<Outcome, Refusal> {
        let records = match agency {
            None => self.directory.values().map(|entry| entry.record).collect(),
            Some(agency) => {
                let entry =
                    self.directory.get(agency).ok_or(Refusal::NotFound { field: "agency" })?;
                vec![entry.record]
            }
        };
        Ok(Outcome::Directory(records))
    }
}
