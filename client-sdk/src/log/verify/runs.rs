//! Runs: nothing was erased but by a run that one person proposed and another one approved before.
//!
//! INVARIANT (second-person). A `RunApproved` is about nobody and is never erased, so that a complete file shows it for
//! each erasure; the proposal of an erasure is erased with its participant.

use std::collections::{HashMap, HashSet};

use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::erased::listed;
use super::history::told;
use super::shown::Shown;
use crate::log::LogRow;

/// How long a run can be approved.
const OPEN_MS: i64 = 14 * 24 * 60 * 60 * 1000;

/// Runs as the rows before some record show them.
#[derive(Default)]
struct Runs<'a> {
    /// By number the record of the proposal.
    proposed: HashMap<u64, &'a LogRow>,
    /// By number of the run, its kind and the number of the record in which it was approved.
    approved: HashMap<u64, (v1::RunKind, u64)>,
    withdrawn: HashSet<u64>,
    /// Named by an erasure before anything approved them.
    unapproved: HashSet<u64>,
    /// Which erasure each run of one participant carried out.
    carried_out: HashMap<u64, u64>,
    /// The last record of a reconciliation: what was proposed before is open no more.
    reconciled: Option<u64>,
}

pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let begun = shown.rows.iter().filter(|row| row.record_type() == v1::RecordType::ErasureBegun);
    let begun: HashSet<u64> = begun.map(|row| row.record_number).collect();
    let mut runs = Runs::default();
    let (mut named, mut not_shown) = (0_u64, 0_u64);
    for row in shown.rows {
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        if row.record_type() == v1::RecordType::RunProposed {
            runs.propose(row).map_err(wrong)?;
        }
        let is_named = match row.event() {
            Some(Event::RunApproved(event)) => {
                runs.approve(row, event, shown.is_complete).map_err(wrong)?;
                continue;
            }
            Some(Event::RunWithdrawn(event)) => {
                runs.withdraw(row, event, shown.is_complete).map_err(wrong)?;
                continue;
            }
            Some(Event::LogReconciled(_)) => {
                runs.reconciled = Some(row.record_number);
                continue;
            }
            Some(Event::ErasureBegun(event)) => {
                let own = std::iter::once(row.record_number);
                runs.erase(event.run_number, None, own).map_err(wrong)?
            }
            Some(Event::RecordsErased(event)) => {
                let taken = listed(row.record_number, event).filter(|it| begun.contains(it));
                runs.erase(event.run_number, Some(event.ground()), taken).map_err(wrong)?
            }
            _ => continue,
        };
        if !is_named && shown.is_complete {
            return Err(wrong("an erasure that no second person approved before"));
        }
        named += u64::from(is_named);
        not_shown += u64::from(!is_named);
    }
    let approved = runs.approved.len();
    let rest =
        if not_shown > 0 { format!("; of {not_shown} it is not shown") } else { String::new() };
    Ok(format!(
        "{approved} runs approved by another person, {named} records of erasures name one{rest}"
    ))
}

fn is_officer(actor: &v1::Actor) -> bool {
    actor.role == "dpo" && !actor.person.is_empty()
}

fn require(holds: bool, why: &'static str) -> Result<(), &'static str> {
    if holds { Ok(()) } else { Err(why) }
}

impl<'a> Runs<'a> {
    fn propose(&mut self, row: &'a LogRow) -> Result<(), &'static str> {
        if let Some(Event::RunProposed(event)) = row.event() {
            require(row.caused_by().is_some_and(is_officer), "no person proposed it")?;
            let is_about = match event.kind() {
                v1::RunKind::Erasure => true,
                v1::RunKind::Retention => told(row).is_none(),
                v1::RunKind::Unspecified => false,
            };
            require(is_about, "a run of no kind")?;
        }
        self.proposed.insert(row.record_number, row);
        Ok(())
    }

    /// The proposal that a record follows: open until now. None if it is not shown.
    fn open(
        &self,
        run: u64,
        row: &LogRow,
        strict: bool,
    ) -> Result<Option<&'a LogRow>, &'static str> {
        require(run < row.record_number, "a run that was not proposed before")?;
        require(!self.approved.contains_key(&run), "a run that was approved before")?;
        require(!self.withdrawn.contains(&run), "a run that was withdrawn")?;
        let is_kept = self.reconciled.is_none_or(|reconciled| reconciled < run);
        require(is_kept, "a run from before records were lost")?;
        let Some(proposed) = self.proposed.get(&run) else {
            return if strict { Err("a run that nobody proposed") } else { Ok(None) };
        };
        let until = proposed.time_ms().saturating_add(OPEN_MS);
        require(row.time_ms() < until, "a run that had lapsed")?;
        Ok(Some(proposed))
    }

    fn approve(
        &mut self,
        row: &LogRow,
        event: &v1::RunApproved,
        strict: bool,
    ) -> Result<(), &'static str> {
        let number = event.run_number;
        require(told(row).is_none(), "it tells whom it is about")?;
        require(event.kind() != v1::RunKind::Unspecified, "a run of no kind")?;
        let (first, second) = (event.proposed_by.as_ref(), row.caused_by());
        let both = first.filter(|it| is_officer(it)).zip(second.filter(|it| is_officer(it)));
        let (first, second) = both.ok_or("two persons did not take part")?;
        require(first.person != second.person, "the person who proposed it approved it")?;
        require(first.agency == second.agency, "officers of two agencies")?;
        require(!self.unapproved.contains(&number), "it was carried out before")?;
        let proposed = self.open(number, row, strict)?;
        if let Some(Event::RunProposed(proposal)) = proposed.and_then(LogRow::event) {
            require(proposal.kind() == event.kind(), "another run was proposed")?;
            let is_first = proposed.and_then(LogRow::caused_by) == Some(first);
            require(is_first, "somebody else proposed it")?;
        }
        self.approved.insert(number, (event.kind(), row.record_number));
        Ok(())
    }

    fn withdraw(
        &mut self,
        row: &LogRow,
        event: &v1::RunWithdrawn,
        strict: bool,
    ) -> Result<(), &'static str> {
        require(row.caused_by().is_some_and(|actor| actor.role == "dpo"), "no officer did it")?;
        self.open(event.run_number, row, strict)?;
        self.withdrawn.insert(event.run_number);
        Ok(())
    }

    /// An erasure by a run, and the beginnings of erasures that it is or lists; whether it is shown that the run was
    /// approved.
    fn erase(
        &mut self,
        run: u64,
        ground: Option<v1::ErasureGround>,
        begun: impl Iterator<Item = u64>,
    ) -> Result<bool, &'static str> {
        let Some((kind, approved)) = self.approved.get(&run).copied() else {
            self.unapproved.insert(run);
            return Ok(false);
        };
        let is_retention = kind == v1::RunKind::Retention;
        let is_of_ground = is_retention || ground != Some(v1::ErasureGround::Retention);
        require(is_of_ground, "the erasure of a participant erases by retention")?;
        for begun in begun {
            require(approved < begun, "an erasure that began before it was approved")?;
            let carried_out = *self.carried_out.entry(run).or_insert(begun);
            require(is_retention || carried_out == begun, "a run erases a second participant")?;
        }
        Ok(true)
    }
}
