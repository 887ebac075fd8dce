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

/// State of a consent.
pub(super) fn of_consent(state: v1::ConsentState, t: &LotseTexts) -> Mark {
    let (class, symbol, says) = match state {
        v1::ConsentState::Active => ("good", "✓", t.s_active),
        v1::ConsentState::NotYet => ("", "◷", t.s_not_yet),
        v1::ConsentState::Expired => ("", "■", t.s_expired),
        v1::ConsentState::Revoked => ("bad", "✕", t.s_revoked),
        v1::ConsentState::Suspended => ("warn", "‖", t.s_suspended),
        v1::ConsentState::Unspecified => ("", "?", t.s_unknown),
    };
    Mark { class, symbol, says }
}

/// State of a release or an objection.
pub(super) fn of_safeguard(state: v1::SafeguardState, t: &LotseTexts) -> Mark {
    let (class, symbol, says) = match state {
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
    now_ms: i64,
    t: &LotseTexts,
) -> Mark {
    match consent.state {
        v1::ConsentState::Active | v1::ConsentState::NotYet | v1::ConsentState::Expired => {
            let state = match (now_ms < grant.not_before_ms, now_ms < grant.not_after_ms) {
                (true, _) => v1::ConsentState::NotYet,
                (false, true) => v1::ConsentState::Active,
                (false, false) => v1::ConsentState::Expired,
            };
            of_consent(state, t)
        }
        v1::ConsentState::Revoked | v1::ConsentState::Suspended | v1::ConsentState::Unspecified => {
            of_consent(consent.state, t)
        }
    }
}

/// What holds a grant back, in words.
pub(super) fn holds(
    consent: &ConsentRecord,
    grant: &v1::Grant,
    beside: &SafeguardRecords,
    t: &LotseTexts,
) -> Vec<&'static str> {
    let words = |held: HeldBack| match held {
        HeldBack::ParticipationEnded => t.h_ended,
        HeldBack::Restricted => t.h_restricted,
        HeldBack::Objected => t.h_objected,
        HeldBack::ObjectedInPart => t.h_objected_part,
    };
    held_back(consent, grant, beside).into_iter().map(words).collect()
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
