//! The operations of a random sequence, and how often each is drawn.
//!
//! What is drawn at random from all there is would hardly ever be allowed; so most operations are drawn to fit what
//! went before, and some not.

use proptest::prelude::*;

use super::planning::{PlanningOp, planning_op};
use super::runs::{RunOp, run_op};
use super::safeguards::{SafeguardOp, safeguard_op};
use super::{DAY, HOUR};

/// One step of a random sequence; small numbers choose among few objects, so that they collide.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Register {
        person: usize,
        key: u8,
    },
    AssignLotse {
        caller: usize,
        participant: usize,
        person: usize,
    },
    AssignReference {
        caller: usize,
        participant: usize,
        agency: usize,
    },
    Record {
        caller: usize,
        participant: usize,
        id: u8,
        revision: RevisionKind,
        grants: Vec<GrantOp>,
        evidence: bool,
        revise: bool,
        /// In hours.
        review: u64,
        /// Another grant lets this person act as deputy.
        deputy: Option<usize>,
    },
    Revoke {
        caller: usize,
        id: u8,
        stale: bool,
    },
    Submit {
        agency: usize,
        messages: Vec<MessageOp>,
        require_all: bool,
    },
    HandOut {
        agency: usize,
        both: bool,
        stream: Option<u64>,
        max: usize,
    },
    Publish {
        agency: usize,
        functions: u8,
    },
    Release {
        stream: u64,
    },
    Report {
        agency: usize,
        /// Of messages that the agency received, otherwise of any.
        own: bool,
        choices: Vec<usize>,
        acknowledged: bool,
    },
    Recall {
        agency: usize,
        /// By the agency that sent them.
        own: bool,
        choices: Vec<usize>,
    },
    Reject {
        agency: usize,
        own: bool,
        choices: Vec<usize>,
        reason: usize,
    },
    ConfirmDeletion {
        agency: usize,
        own: bool,
        choice: usize,
        deleted: bool,
    },
    Tick,
    Wait {
        ms: u64,
    },
    /// Of the records that the newest erasure names, the last ones are still there, so many.
    Restart {
        left: usize,
    },
    ListConsents {
        caller: usize,
        participant: usize,
    },
    Restrict {
        caller: CallerOp,
        participant: usize,
        restricted: bool,
    },
    Confirm {
        caller: usize,
        id: u8,
        stale: bool,
        /// Next review in hours; 0: as late as allowed.
        next: u64,
    },
    PlaceHold {
        caller: CallerOp,
        participant: Option<usize>,
    },
    ReleaseHold {
        caller: CallerOp,
        choice: usize,
    },
    ListHolds {
        caller: CallerOp,
    },
    /// About runs.
    Run(RunOp),
    /// Goes on with the oldest erasure that has begun: the first records, or all.
    EraseRecords {
        first: Option<usize>,
    },
    /// Goes on with the newest run of the retention: so many records, and the participants that it found.
    Retain {
        most: usize,
        participants: bool,
    },
    Planning(PlanningOp),
    Reconcile {
        lost: usize,
        kept: Vec<KeptOp>,
    },
    /// About what stands beside the consents.
    Safeguard(SafeguardOp),
}

#[derive(Clone, Copy, Debug)]
pub(super) enum CallerOp {
    Lotse(usize),
    Officer,
    SecondOfficer,
    /// The first officer with another certificate.
    RenewedOfficer,
    NamelessOfficer,
    OtherOfficer,
    System,
}

#[derive(Clone, Debug)]
pub(super) struct KeptOp {
    pub(super) id: u8,
    pub(super) foreign: bool,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum RevisionKind {
    /// The first revision of a consent that is not known, otherwise the next.
    Fitting,
    First,
    Next,
    Same,
    Skipping,
}

#[derive(Clone, Debug)]
pub(super) struct GrantOp {
    pub(super) senders: u8,
    pub(super) recipient: usize,
    pub(super) function: usize,
    pub(super) purpose: usize,
    pub(super) categories: u8,
    pub(super) begins: u64,
    pub(super) lasts: u64,
}

#[derive(Clone, Debug)]
pub(super) struct MessageOp {
    pub(super) what: What,
    pub(super) participant: usize,
    pub(super) recipient: usize,
    pub(super) function: usize,
    pub(super) purpose: usize,
    pub(super) categories: u8,
    pub(super) secret: bool,
    pub(super) age: i64,
    pub(super) lives: u64,
}

/// What a message is made of.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    /// Of the fields of the operation.
    Any,
    /// Of a grant of the newest revision of some consent.
    Granted { consent: usize, grant: usize },
    /// About nobody: its purpose forbids a participant.
    AboutNobody,
    /// As one that was submitted before, or with other content under the same identifier.
    Repeated { back: usize, changed: bool },
}

/// A caller from here on is the Lotse of the participant.
pub(super) const OWN_LOTSE: usize = 2;

/// When something is to be reviewed, in hours.
fn review_op() -> impl Strategy<Value = u64> {
    prop_oneof![1 => Just(0_u64), 1 => Just(300 * 24_u64), 6 => 1..60_u64, 6 => Just(180 * 24_u64)]
}

pub(super) fn lotse_op() -> impl Strategy<Value = usize> {
    prop_oneof![2 => 0..OWN_LOTSE, 8 => Just(OWN_LOTSE)]
}

fn grant_op() -> impl Strategy<Value = GrantOp> {
    let senders = prop_oneof![2 => Just(15_u8), 1 => 1..16_u8];
    // Now and then the purpose that no consent may name.
    let purpose = prop_oneof![60 => 0..2_usize, 1 => Just(2_usize)];
    (senders, 0..4_usize, 0..2_usize, purpose, 1..8_u8, 0..6_u64, 0..40_u64).prop_map(
        |(senders, recipient, function, purpose, categories, begins, lasts)| GrantOp {
            senders,
            recipient,
            function,
            purpose,
            categories,
            begins: match begins {
                0 => 2 * HOUR,
                1 => 3 * DAY,
                _ => 0,
            },
            lasts: match lasts {
                0 => 0,
                1 => 3000 * DAY,
                n => n * n * HOUR / 4,
            },
        },
    )
}

pub(super) fn message_op() -> impl Strategy<Value = MessageOp> {
    let what = prop_oneof![
        1 => Just(What::Any),
        1 => Just(What::AboutNobody),
        6 => (0..6_usize, 0..3_usize).prop_map(|(consent, grant)| What::Granted { consent, grant }),
        2 => (0..12_usize, prop::bool::weighted(0.1))
            .prop_map(|(back, changed)| What::Repeated { back, changed }),
    ];
    let age =
        prop_oneof![28 => Just(0_i64), 1 => Just(25 * HOUR as i64), 1 => Just(-(HOUR as i64))];
    let lives = prop_oneof![
        16 => Just(5 * HOUR), 12 => Just(10 * DAY), 1 => Just(0_u64), 1 => Just(91 * DAY)
    ];
    let secret = prop::bool::weighted(0.3);
    (what, 0..4_usize, 0..4_usize, 0..2_usize, 0..2_usize, 1..8_u8, secret, age, lives).prop_map(
        |(what, participant, recipient, function, purpose, categories, secret, age, lives)| {
            MessageOp {
                secret,
                what,
                participant,
                recipient,
                function,
                purpose,
                categories,
                age,
                lives,
            }
        },
    )
}

pub(super) fn caller_op() -> impl Strategy<Value = CallerOp> {
    prop_oneof![
        20 => Just(CallerOp::Officer),
        1 => Just(CallerOp::OtherOfficer),
        1 => Just(CallerOp::System),
        1 => Just(CallerOp::Lotse(0)),
    ]
}

fn kept_op() -> impl Strategy<Value = KeptOp> {
    (0..6_u8, prop::bool::weighted(0.2)).prop_map(|(id, foreign)| KeptOp { id, foreign })
}

/// Operations about rights of participants and about lost records.
fn rights_op() -> impl Strategy<Value = Op> {
    let restricts = prop_oneof![
        2 => caller_op(), 1 => lotse_op().prop_map(CallerOp::Lotse)
    ];
    let retain = (1..30_usize, prop::bool::weighted(0.5));
    prop_oneof![
        2 => (lotse_op(), 0..4_usize)
            .prop_map(|(caller, participant)| Op::ListConsents { caller, participant }),
        4 => (restricts, 0..4_usize, prop::bool::weighted(0.3))
            .prop_map(|(caller, participant, restricted)|
                Op::Restrict { caller, participant, restricted }),
        5 => (lotse_op(), 0..6_u8, prop::bool::weighted(0.1), review_op())
            .prop_map(|(caller, id, stale, next)| Op::Confirm { caller, id, stale, next }),
        1 => (caller_op(), prop::option::weighted(0.8, 0..4_usize))
            .prop_map(|(caller, participant)| Op::PlaceHold { caller, participant }),
        3 => (caller_op(), 0..2_usize)
            .prop_map(|(caller, choice)| Op::ReleaseHold { caller, choice }),
        1 => caller_op().prop_map(|caller| Op::ListHolds { caller }),
        9 => run_op().prop_map(Op::Run),
        4 => prop::option::weighted(0.3, 1..12_usize).prop_map(|first| Op::EraseRecords { first }),
        2 => retain.prop_map(|(most, participants)| Op::Retain { most, participants }),
        1 => (0..4_usize, prop::collection::vec(kept_op(), 0..3))
            .prop_map(|(lost, kept)| Op::Reconcile { lost, kept }),
    ]
}

/// Operations about what senders and recipients are told.
fn delivery_op() -> impl Strategy<Value = Op> {
    let own = || prop::bool::weighted(0.9);
    prop_oneof![
        3 => (0..4_usize, own(), prop::collection::vec(0..14_usize, 1..3))
            .prop_map(|(agency, own, choices)| Op::Recall { agency, own, choices }),
        2 => (0..4_usize, own(), prop::collection::vec(0..10_usize, 1..3), 0..4_usize)
            .prop_map(|(agency, own, choices, reason)|
                Op::Reject { agency, own, choices, reason }),
        2 => (0..4_usize, own(), 0..4_usize, any::<bool>())
            .prop_map(|(agency, own, choice, deleted)|
                Op::ConfirmDeletion { agency, own, choice, deleted }),
    ]
}

pub(super) fn op() -> impl Strategy<Value = Op> {
    let revision = prop_oneof![
        20 => Just(RevisionKind::Fitting),
        1 => Just(RevisionKind::First), 1 => Just(RevisionKind::Next),
        1 => Just(RevisionKind::Same), 1 => Just(RevisionKind::Skipping)
    ];
    prop_oneof![
        3 => (0..2_usize, 0..2_u8).prop_map(|(person, key)| Op::Register { person, key }),
        1 => (lotse_op(), 0..4_usize, 0..2_usize)
            .prop_map(|(caller, participant, person)| Op::AssignLotse { caller, participant, person }),
        8 => (lotse_op(), 0..4_usize, 0..4_usize)
            .prop_map(|(caller, participant, agency)| Op::AssignReference { caller, participant, agency }),
        6 => (lotse_op(), 0..4_usize, 0..6_u8, revision, prop::collection::vec(grant_op(), 1..4),
              prop::bool::weighted(0.9), any::<bool>(), review_op(), prop::option::weighted(0.3, 0..2_usize))
            .prop_map(|(caller, participant, id, revision, grants, evidence, revise, review, deputy)|
                Op::Record { caller, participant, id, revision, grants, evidence, revise, review, deputy }),
        2 => (lotse_op(), 0..6_u8, prop::bool::weighted(0.1))
            .prop_map(|(caller, id, stale)| Op::Revoke { caller, id, stale }),
        14 => (0..4_usize, prop::collection::vec(message_op(), 1..4), prop::bool::weighted(0.2))
            .prop_map(|(agency, messages, require_all)| Op::Submit { agency, messages, require_all }),
        12 => (0..4_usize, any::<bool>(), prop::option::of(0..3_u64), 1..4_usize)
            .prop_map(|(agency, both, stream, max)| Op::HandOut { agency, both, stream, max }),
        2 => (0..4_usize, 1..4_u8).prop_map(|(agency, functions)| Op::Publish { agency, functions }),
        1 => (0..3_u64).prop_map(|stream| Op::Release { stream }),
        4 => (0..4_usize, prop::bool::weighted(0.9), prop::collection::vec(0..10_usize, 1..3),
              any::<bool>())
            .prop_map(|(agency, own, choices, acknowledged)|
                Op::Report { agency, own, choices, acknowledged }),
        2 => Just(Op::Tick),
        3 => prop_oneof![4 => 1..2 * HOUR, 1 => 1..2 * DAY].prop_map(|ms| Op::Wait { ms }),
        1 => (0..20_usize).prop_map(|left| Op::Restart { left }),
        15 => rights_op(),
        10 => safeguard_op().prop_map(Op::Safeguard),
        7 => delivery_op(),
        12 => planning_op().prop_map(Op::Planning),
    ]
}
