"""Runs: nothing was erased but by a run that one person proposed and another one approved before.

Written from proto/EVIDENCE.md alone.
"""

from schleuse.v1 import access_log_pb2 as log

OPEN_MS = 14 * 24 * 60 * 60 * 1000
# Times beyond are as late as can be.
TIME_MAX = 2**63 - 1

ERASURE, RETENTION = log.RUN_KIND_ERASURE, log.RUN_KIND_RETENTION


def require(holds, why):
    """Raises if it does not hold."""
    if not holds:
        raise ValueError(why)


def check(document, listed):
    """Whether every erasure that is shown names a run that was approved rightly."""
    begun = {
        row.number for row in document.rows if row.facts.record_type == log.RECORD_TYPE_ERASURE_BEGUN
    }
    runs = Runs(document.is_complete)
    for row in document.rows:
        if row.facts.record_type == log.RECORD_TYPE_RUN_PROPOSED:
            runs.propose(row)
        elif row.event_name == "run_approved":
            runs.approve(row)
        elif row.event_name == "run_withdrawn":
            runs.withdraw(row)
        elif row.event_name == "log_reconciled":
            runs.reconciled = row.number
        elif row.event_name == "erasure_begun":
            runs.erase(row.event.run_number, None, [row.number])
        elif row.event_name == "records_erased":
            numbers = [number for number in listed(row) or [] if number in begun]
            runs.erase(row.event.run_number, row.event.ground, numbers)
    return True


class Runs:
    """Runs as the rows before some row show them."""

    def __init__(self, is_complete):
        self.is_complete = is_complete
        self.proposed, self.approved, self.erased = {}, {}, {}
        self.withdrawn, self.unapproved = set(), set()
        self.reconciled = -1

    def propose(self, row):
        """Takes a proposal, erased or not."""
        if not row.erased:
            require(_is_officer(row), "proposed by no person")
            require(row.event.kind in (ERASURE, RETENTION), "of no kind")
            require(row.event.kind == ERASURE or not row.participant, "about somebody")
        self.proposed[row.number] = row

    def approve(self, row):
        """Two persons of one agency, and a run that is open."""
        event = row.event
        require(not row.participant, "about somebody")
        require(event.kind in (ERASURE, RETENTION), "of no kind")
        require(_is_officer(row), "approved by no person")
        first, second = event.proposed_by, row.entry.actor
        require(event.HasField("proposed_by"), "proposed by nobody")
        require(first.role == "dpo" and first.person, "proposed by no person")
        require(first.person != second.person, "by one person")
        require(first.agency == second.agency, "by two agencies")
        require(event.run_number not in self.unapproved, "carried out before")
        proposal = self._open(event.run_number, row)
        if proposal is not None and not proposal.erased:
            require(proposal.event.kind == event.kind, "another run")
            require(_parts(proposal.entry.actor) == _parts(first), "by somebody else")
        self.approved[event.run_number] = (event.kind, row.number)

    def withdraw(self, row):
        """An officer, and a run that is open."""
        require(row.has_actor and row.entry.actor.role == "dpo", "by no officer")
        self._open(row.event.run_number, row)
        self.withdrawn.add(row.event.run_number)

    def _open(self, run, row):
        """The row of the proposal; None if it is not shown."""
        require(self.reconciled < run < row.number, "not proposed before")
        require(run not in self.approved and run not in self.withdrawn, "ended before")
        proposal = self.proposed.get(run)
        if proposal is None:
            require(not self.is_complete, "never proposed")
            return None
        until = min(proposal.facts.time_ms, TIME_MAX) + OPEN_MS
        require(min(row.facts.time_ms, TIME_MAX) < min(until, TIME_MAX), "lapsed")
        return proposal

    def erase(self, run, ground, begun):
        """An erasure names a run that was approved before, and erases what that is about."""
        if run not in self.approved:
            require(not self.is_complete, "not approved")
            self.unapproved.add(run)
            return
        kind, approved = self.approved[run]
        if kind == ERASURE:
            require(ground != log.ERASURE_GROUND_RETENTION, "by retention")
        for number in begun:
            require(approved < number, "began before")
            first = self.erased.setdefault(run, number)
            require(kind == RETENTION or first == number, "a second participant")


def _is_officer(row):
    return row.has_actor and row.entry.actor.role == "dpo" and row.entry.actor.person != ""


def _parts(actor):
    return actor.agency, actor.role, actor.person, actor.certificate_serial
