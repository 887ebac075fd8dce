//! States of consents and of what stands beside them: a symbol, a word and a colour.

use schleuse_client::{ConsentRecord, HeldBack, SafeguardRecords, held_back, v1};

use crate::texts::{ConsentTexts, LotseTexts};

/// A state as a chip shows it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    pub(super) class: &'static str,
    pub(super) symbol: &'static str,
    pub(super) says: &'static str,
}

/// State of a consent. After the end of the participation nothing passes, whatever it says itself.
pub(super) fn of_consent(state: v1::ConsentState, is_over: bool, t: &LotseTexts) -> Mark {
    let (class, symbol, says) = match state {
        state if is_over && is_open(state) => ("", "■", t.s_over),
        v1::ConsentState::Active => ("good", "✓", t.s_active),
        v1::ConsentState::NotYet => ("", "◷", t.s_not_yet),
        v1::ConsentState::Expired => ("", "■", t.s_expired),
        v1::ConsentState::Revoked => ("bad", "✕", t.s_revoked),
        v1::ConsentState::Suspended => ("warn", "‖", t.s_suspended),
        v1::ConsentState::Unspecified => ("", "?", t.s_unknown),
    };
    Mark { class, symbol, says }
}

/// State of an objection. One that was withdrawn lets data pass again, so that it is nothing to be warned of.
pub(super) fn of_objection(state: v1::SafeguardState, is_over: bool, t: &LotseTexts) -> Mark {
    match state {
        v1::SafeguardState::Ended => Mark { class: "", symbol: "■", says: t.s_withdrawn },
        v1::SafeguardState::Active
        | v1::SafeguardState::NotYet
        | v1::SafeguardState::Expired
        | v1::SafeguardState::Unspecified => of_release(state, is_over, t),
    }
}

/// State of a release. After the end of the participation nothing passes by it, either.
pub(super) fn of_release(state: v1::SafeguardState, is_over: bool, t: &LotseTexts) -> Mark {
    let (class, symbol, says) = match state {
        v1::SafeguardState::Active | v1::SafeguardState::NotYet if is_over => ("", "■", t.s_over),
        v1::SafeguardState::Active => ("good", "✓", t.s_active),
        v1::SafeguardState::NotYet => ("", "◷", t.s_not_yet),
        v1::SafeguardState::Expired => ("", "■", t.s_expired),
        v1::SafeguardState::Ended => ("bad", "✕", t.s_revoked),
        v1::SafeguardState::Unspecified => ("", "?", t.s_unknown),
    };
    Mark { class, symbol, says }
}

/// State of one grant at an instant: that of its consent, and what holds it back.
pub(super) fn of_grant(
    consent: &ConsentRecord,
    grant: &v1::Grant,
    (is_over, now_ms): (bool, i64),
    t: &LotseTexts,
) -> Mark {
    match consent.state {
        v1::ConsentState::Active | v1::ConsentState::NotYet | v1::ConsentState::Expired => {
            let state = match (now_ms < grant.not_before_ms, now_ms < grant.not_after_ms) {
                (true, _) => v1::ConsentState::NotYet,
                (false, true) => v1::ConsentState::Active,
                (false, false) => v1::ConsentState::Expired,
            };
            of_consent(state, is_over, t)
        }
        v1::ConsentState::Revoked | v1::ConsentState::Suspended | v1::ConsentState::Unspecified => {
            of_consent(consent.state, is_over, t)
        }
    }
}

/// What holds a grant back, in words; the end stands in its state.
pub(super) fn holds(
    consent: &ConsentRecord,
    grant: &v1::Grant,
    beside: &SafeguardRecords,
    t: &LotseTexts,
) -> Vec<&'static str> {
    let words = |held: HeldBack| match held {
        HeldBack::ParticipationEnded => None,
        HeldBack::Restricted => Some(t.h_restricted),
        HeldBack::Objected => Some(t.h_objected),
        HeldBack::ObjectedInPart => Some(t.h_objected_part),
    };
    held_back(consent, grant, beside).into_iter().filter_map(words).collect()
}

/// Whether a consent could still permit something.
pub(super) fn is_open(state: v1::ConsentState) -> bool {
    match state {
        v1::ConsentState::Active | v1::ConsentState::NotYet | v1::ConsentState::Suspended => true,
        v1::ConsentState::Expired | v1::ConsentState::Revoked | v1::ConsentState::Unspecified => {
            false
        }
    }
}

/// In which form a consent was given.
pub(super) fn form(form: v1::ConsentForm, t: &ConsentTexts) -> &'static str {
    match form {
        v1::ConsentForm::Electronic => t.form_electronic,
        v1::ConsentForm::SpecialReason => t.form_special,
        v1::ConsentForm::Written | v1::ConsentForm::Unspecified => t.form_written,
    }
}
