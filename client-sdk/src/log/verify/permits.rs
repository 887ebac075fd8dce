//! Permits, decided again: each acceptance and each hand-out is covered by the consent that it names, as
//! that stood at its instant; and in a complete file nothing was refused that was covered.
//!
//! INVARIANT (default-deny) and INVARIANT (no-spurious-deny), checked from outside. The rule is the
//! broker's `decide`: one grant of one consent, neither revoked nor suspended nor outside its interval,
//! names sender, recipient, purpose and all categories, and the participant is not restricted, does not object and
//! has not ended; a professional secret needs a release besides.

use schleuse_proto::evidence::consent_reference;
use schleuse_proto::v1;
use schleuse_proto::v1::log_entry::Event;

use super::history::{History, told};
use super::safeguards::{Asked, Verdict};
use super::shown::Shown;
use super::without_participant;
use crate::log::LogRow;

pub(super) fn check(shown: &Shown<'_>) -> Result<String, String> {
    let mut history = History::default();
    let (mut covered, mut refused, mut answers, mut open) = (0_u64, 0_u64, 0_u64, 0_u64);
    for (row, label) in shown.labelled() {
        let desk = Desk { shown, history: &history, row };
        let wrong = |why: &str| format!("record {}: {why}", row.record_number);
        let is_permit = match row.event() {
            Some(Event::MessageDecided(event)) => event.accepted,
            Some(Event::HandedOut(_)) => true,
            _ => false,
        };
        let again = match row.event() {
            Some(_) if is_permit && without_participant::is_claimed(row) => {
                desk.without_participant(label).map_err(wrong)?
            }
            Some(Event::MessageDecided(event)) if event.accepted => {
                let question = label.map(Question::of_label);
                desk.permit(question.as_ref()).map_err(wrong)?
            }
            Some(Event::HandedOut(event)) => {
                let question = Question::of_hand_out(event);
                desk.hand_out(event, &question).map_err(wrong)?
            }
            Some(Event::MessageDecided(_)) if shown.is_complete => {
                let question = label.map(Question::of_label);
                let again = desk.refusal(question.as_ref()).map_err(wrong)?;
                refused += u64::from(matches!(again, Again::Covered));
                open += u64::from(matches!(again, Again::NotShown));
                Again::NoPermit
            }
            Some(Event::CoverageAsked(event)) => {
                let answer = desk.answer(event).map_err(wrong)?;
                answers += u64::from(matches!(answer, Again::Covered));
                open += u64::from(matches!(answer, Again::NotShown));
                Again::NoPermit
            }
            _ => Again::NoPermit,
        };
        match again {
            Again::Covered => covered += 1,
            Again::NotShown => open += 1,
            Again::NoPermit => {}
        }
        history.apply(row);
    }
    let passed = "acceptances and hand-outs are each covered by the consent that they name";
    let refused = match refused {
        0 => String::new(),
        some => format!("; {some} refusals were of what no consent covered"),
    };
    let answers = match answers {
        0 => String::new(),
        some => format!("; {some} answers before sending were as the decision"),
    };
    let open = match open {
        0 => String::new(),
        some => format!("; {some} not recomputed, as the file does not show what they rest on"),
    };
    Ok(format!("decided again: {covered} {passed}{refused}{answers}{open}"))
}

/// What came out when a record was decided again.
enum Again {
    /// The same.
    Covered,
    /// The file does not show what is needed.
    NotShown,
    /// The row is no permit.
    NoPermit,
}

/// What is asked of a consent.
struct Question<'a> {
    sender: &'a str,
    sender_address: Option<&'a v1::Address>,
    professional_secret: bool,
    recipient: Option<&'a v1::Address>,
    purpose: &'a str,
    categories: &'a [String],
    about_nobody: bool,
}

impl<'a> Question<'a> {
    fn of_label(label: &'a v1::Label) -> Self {
        Self {
            sender: agency(label.sender.as_ref()),
            sender_address: label.sender.as_ref(),
            professional_secret: label.professional_secret,
            recipient: label.recipient.as_ref(),
            purpose: &label.purpose,
            categories: &label.categories,
            about_nobody: label.participant_commitment.is_empty() || label.categories.is_empty(),
        }
    }

    fn of_hand_out(event: &'a v1::HandedOut) -> Self {
        Self {
            sender: agency(event.sender.as_ref()),
            sender_address: event.sender.as_ref(),
            professional_secret: event.professional_secret,
            recipient: event.recipient.as_ref(),
            purpose: &event.purpose,
            categories: &event.categories,
            about_nobody: event.categories.is_empty(),
        }
    }

    fn of_planned(planned: &'a v1::PlannedMessage) -> Self {
        Self {
            sender: agency(planned.sender.as_ref()),
            sender_address: planned.sender.as_ref(),
            professional_secret: planned.professional_secret,
            about_nobody: planned.categories.is_empty(),
            recipient: planned.recipient.as_ref(),
            purpose: &planned.purpose,
            categories: &planned.categories,
        }
    }

    /// What is asked of what stands beside the consents.
    fn beside(&self, time_ms: i64) -> Asked<'a> {
        Asked {
            sender: self.sender_address,
            recipient: self.recipient,
            purpose: self.purpose,
            categories: self.categories,
            professional_secret: self.professional_secret,
            time_ms,
        }
    }

    /// Whether a grant covers this at an instant.
    fn check(&self, grant: &v1::Grant, time_ms: i64) -> Result<(), &'static str> {
        if !grant.senders.iter().any(|sender| sender == self.sender) {
            return Err("the grant does not name the sender");
        }
        if grant.recipient.is_none() || grant.recipient.as_ref() != self.recipient {
            return Err("the grant is for another recipient");
        }
        if grant.purpose != self.purpose {
            return Err("the grant is for another purpose");
        }
        if !self.categories.iter().all(|category| grant.categories.contains(category)) {
            return Err("the grant does not name all categories");
        }
        if time_ms < grant.not_before_ms {
            return Err("the grant had not begun");
        }
        if time_ms >= grant.not_after_ms {
            return Err("the grant had ended");
        }
        Ok(())
    }
}

fn agency(address: Option<&v1::Address>) -> &str {
    address.map(|address| address.agency.as_str()).unwrap_or_default()
}

/// One row and everything before it.
struct Desk<'a> {
    shown: &'a Shown<'a>,
    history: &'a History<'a>,
    row: &'a LogRow,
}

impl Desk<'_> {
    fn without_participant(&self, label: Option<&v1::Label>) -> Result<Again, &'static str> {
        let is_right = without_participant::check(self.row, label, self.history)?;
        if self.shown.is_complete && self.row.findings.is_none() {
            return Err("passed without participant, and the findings are left out");
        }
        match is_right {
            true => Ok(Again::Covered),
            false if self.shown.is_complete => {
                Err("passed without participant, and an agency is not in the directory")
            }
            false => Ok(Again::NotShown),
        }
    }

    fn hand_out(
        &self,
        event: &v1::HandedOut,
        question: &Question<'_>,
    ) -> Result<Again, &'static str> {
        if let Some(findings) = &self.row.findings {
            let recipient = agency(question.recipient);
            if event.consent_reference
                != consent_reference(&findings.consent_id, recipient).as_slice()
            {
                return Err("the hand-out names another consent than its findings");
            }
        }
        self.permit(Some(question))
    }

    /// The answer to a question before sending: the same as a submission would have got.
    fn answer(&self, event: &v1::CoverageAsked) -> Result<Again, &'static str> {
        let question = event.planned.as_ref().map(Question::of_planned);
        match (event.covered, self.shown.is_complete) {
            (true, _) => self.permit(question.as_ref()),
            (false, true) => self.refusal(question.as_ref()),
            (false, false) => Ok(Again::NoPermit),
        }
    }

    fn permit(&self, question: Option<&Question<'_>>) -> Result<Again, &'static str> {
        let Some(findings) = &self.row.findings else { return self.not_shown() };
        let question = question.ok_or("a malformed label")?;
        if question.about_nobody {
            return Err("passed on a consent, with a label about nobody");
        }
        if findings.deny_reason != 0 || findings.consent_id.is_empty() {
            return Err("passed without a consent");
        }
        let participant = told(self.row);
        if participant.is_some_and(|participant| self.history.is_blocked(participant)) {
            return Err("passed although processing was restricted or erasure had begun");
        }
        let Some(consent) = self.history.consent(&findings.consent_id) else {
            return self.not_shown();
        };
        if self.history.is_revoked(&findings.consent_id) {
            return Err("passed under a consent that was revoked");
        }
        if consent.revision < findings.consent_revision {
            return self.not_shown();
        }
        if consent.revision > findings.consent_revision || findings.document_hash != consent.hash {
            return Err("passed under another revision than the one in force");
        }
        if self.history.is_suspended(consent) {
            return Err("passed under a suspended consent");
        }
        // In a complete file, what is not told is not the same as what is.
        let both_told = participant.is_some() && consent.participant.is_some();
        if participant != consent.participant && (both_told || self.shown.is_complete) {
            return Err("passed under the consent of another participant");
        }
        let Some(document) = consent.document else { return self.not_shown() };
        let index = usize::try_from(findings.grant_index).ok();
        let grant = index.and_then(|index| document.grants.get(index));
        let time_ms = self.row.time_ms();
        question.check(grant.ok_or("the consent has no such grant")?, time_ms)?;
        let asked = question.beside(time_ms);
        let beside = &self.history.safeguards;
        match beside.permit(participant, &asked, &findings.release_hash)? {
            Verdict::Passes => Ok(Again::Covered),
            Verdict::NotShown => self.not_shown(),
        }
    }

    /// What is needed is not in the file: a fault if the file has everything. Also while an erasure goes
    /// on that may have taken it: otherwise one that never ends would excuse every permit.
    fn not_shown(&self) -> Result<Again, &'static str> {
        if self.shown.is_complete && self.shown.erasures.go_on() {
            return Err("no consent in the file covers this, perhaps because an erasure goes on: \
                 ask for a new file when that is finished");
        }
        if self.shown.is_complete {
            return Err("the file is complete, but no consent in it covers this");
        }
        Ok(Again::NotShown)
    }

    /// A refusal in a complete file: no consent of the participant may cover it.
    fn refusal(&self, question: Option<&Question<'_>>) -> Result<Again, &'static str> {
        let findings = self.row.findings.as_ref().ok_or("refused, and the reason is not shown")?;
        if findings.deny_reason == 0 {
            return Err("refused without a reason");
        }
        if findings.deny_reason() == v1::DenyReason::NotAllCovered {
            return Ok(Again::Covered);
        }
        let (Some(participant), Some(question)) = (told(self.row), question) else {
            return Ok(Again::NotShown);
        };
        let time_ms = self.row.time_ms();
        let is_covered = !self.history.is_blocked(participant)
            && !self.history.safeguards.refuse(participant, &question.beside(time_ms))
            && self.history.in_force(participant).any(|consent| {
                let mut grants = consent.document.iter().flat_map(|document| &document.grants);
                grants.any(|grant| question.check(grant, time_ms).is_ok())
            });
        if is_covered { Err("refused although a consent covered it") } else { Ok(Again::Covered) }
    }
}
