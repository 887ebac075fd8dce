//! Tests of duties to delete and of dead letters.

use schleuse_proto::evidence::consent_reference;

use super::*;

fn basis_ended(message: u64, recipient: &str) -> Entry {
    let event = v1::BasisEnded {
        consent_reference: Bytes::copy_from_slice(&consent_reference(CONSENT, recipient)),
        recipient: Some(v1::Address {
            agency: recipient.to_owned(),
            ..address(DRV, "reha-beratung")
        }),
        message_numbers: vec![message],
        message_ids: vec![Bytes::from_static(&[1; 16])],
        further_messages: 0,
        due_ms: i64::MAX,
    };
    let entry = Entry::of(Event::BasisEnded(event)).about('p');
    entry.findings(|findings| findings.consent_id = Bytes::from_static(CONSENT))
}

fn answered(duty: u64, agency: &str) -> Entry {
    let answer = v1::DeletionAnswer::Deleted.into();
    let event = v1::DeletionConfirmed { duty_number: duty, answer, rule: String::new() };
    Entry::of(Event::DeletionConfirmed(event)).by(agency, "system").about('p')
}

fn dead_letter(message: u64, reason: v1::DeadLetterReason) -> Entry {
    let event = v1::DeadLettered {
        message_number: message,
        reason: reason.into(),
        sender_agency: "jobcenter".to_owned(),
        recipient_agency: DRV.to_owned(),
    };
    Entry::of(Event::DeadLettered(event)).about('p')
}

fn passed() -> Vec<Entry> {
    let (consent, label) = (both(), dates());
    vec![recorded(&consent), accepted(&consent, &label), handed_out(1, &consent, &label)]
}

fn with(more: Vec<Entry>) -> Vec<Entry> {
    [passed(), more].concat()
}

#[test]
fn duties_fit_hand_outs_and_answers_fit_duties() {
    let misdirected = dead_letter(1, v1::DeadLetterReason::Misdirected).by(DRV, "system");
    let attempts = || dead_letter(1, v1::DeadLetterReason::Attempts);
    for sound in [
        vec![revoked(&both()), basis_ended(1, DRV), answered(4, DRV), answered(4, DRV)],
        vec![misdirected.clone()],
        vec![attempts()],
    ] {
        assert_eq!(faults(&with(sound)), Vec::<&str>::new());
    }
    // After an erasure neither the participant nor the consent has a name.
    let nameless = || basis_ended(1, DRV).findings(|findings| findings.consent_id = Bytes::new());
    assert_eq!(
        faults(&with(vec![nameless().about_nobody(), answered(3, DRV)])),
        Vec::<&str>::new()
    );
    let other = basis_ended(1, "kasse");
    let other_consent =
        basis_ended(1, DRV).findings(|f| f.consent_id = Bytes::from_static(&[0x77; 16]));
    for (what, wrong) in [
        ("another recipient", vec![other]),
        ("not handed out", vec![basis_ended(0, DRV)]),
        ("another consent", vec![other_consent]),
        ("a consent without a name", vec![nameless()]),
        ("by an agency", vec![basis_ended(1, DRV).by(DRV, "system")]),
        ("answered by another", vec![basis_ended(1, DRV), answered(3, "kasse")]),
        ("answered without a duty", vec![answered(1, DRV)]),
        ("a dead letter of nobody", vec![dead_letter(1, v1::DeadLetterReason::Unreadable)]),
        ("attempts of an agency", vec![attempts().by(DRV, "system")]),
        ("not received", vec![dead_letter(0, v1::DeadLetterReason::Attempts)]),
    ] {
        assert_eq!(faults(&with(wrong)), ["duties"], "{what}");
    }
}

#[test]
fn nothing_is_handed_out_after_it_became_a_dead_letter() {
    let late = handed_out(1, &both(), &dates());
    let log = with(vec![dead_letter(1, v1::DeadLetterReason::Attempts), late]);
    assert_eq!(faults(&log), ["stopped messages"]);
}
