//! Tables of the evaluation and their events in the forms of the wire, and what of a record counts.

use bytes::Bytes;
use schleuse_proto::Message as _;
use schleuse_proto::v1::{self, log_entry};

use crate::domain::catalogue::Catalogue;
use crate::domain::evaluation::meaning::Meaning;
use crate::domain::evaluation::release::{
    DaysClass, FigureKind, Measure, ReleasedCell, ReleasedFigure, ReleasedTables,
};
use crate::domain::evaluation::{MessageFact, Quarter, RULES_VERSION};
use crate::domain::event::{Decision, DecisionEvent, EvaluationEvent};
use crate::domain::ids::{AgencyId, ThreadId, TimeMs};

/// Type of the record that logs an event.
pub(super) fn record_type(event: &EvaluationEvent) -> v1::RecordType {
    match event {
        EvaluationEvent::Released { .. } => v1::RecordType::EvaluationReleased,
        EvaluationEvent::Exported { .. } => v1::RecordType::EvaluationExported,
    }
}

/// Body of an event.
pub(super) fn body(event: &EvaluationEvent) -> log_entry::Event {
    match event {
        EvaluationEvent::Released { quarter, tables } => {
            log_entry::Event::EvaluationReleased(v1::EvaluationReleased {
                quarter: quarter.to_string(),
                tables: tables.clone(),
            })
        }
        EvaluationEvent::Exported { quarter, release, tables_hash } => {
            log_entry::Event::EvaluationExported(v1::EvaluationExported {
                quarter: quarter.to_string(),
                release_number: *release,
                tables_hash: Bytes::copy_from_slice(tables_hash),
            })
        }
    }
}

fn quarter(text: &str) -> Result<Quarter, String> {
    Quarter::parse(text).ok_or_else(|| "malformed quarter".to_owned())
}

/// The event of a body.
pub(super) fn released(event: v1::EvaluationReleased) -> Result<EvaluationEvent, String> {
    Ok(EvaluationEvent::Released { quarter: quarter(&event.quarter)?, tables: event.tables })
}

/// The event of a body.
pub(super) fn exported(event: &v1::EvaluationExported) -> Result<EvaluationEvent, String> {
    let tables_hash = event.tables_hash.as_ref().try_into();
    Ok(EvaluationEvent::Exported {
        quarter: quarter(&event.quarter)?,
        release: event.release_number,
        tables_hash: tables_hash.map_err(|_| "a hash does not have 32 bytes".to_owned())?,
    })
}

/// What of a decision counts; none if it was not accepted, or is about nobody.
#[must_use]
pub fn message_fact<'a>(
    decided: &'a DecisionEvent,
    time: TimeMs,
    catalogue: &Catalogue,
) -> Option<MessageFact<'a>> {
    let label = &decided.submission.label;
    match decided.decision {
        Decision::Accepted(_) => {}
        Decision::Refused(_) => return None,
    }
    let wire = v1::Label::decode(decided.submission.label_bytes.clone()).ok()?;
    Some(MessageFact {
        time,
        participant: decided.participant?,
        thread: ThreadId::parse(&wire.thread_id)?,
        sender: &label.sender.agency,
        recipient: &label.recipient.agency,
        meaning: Meaning::of(catalogue.kind_code(label.kind)),
    })
}

/// Tables as they are released: the same bytes for the same tables.
#[must_use]
pub fn encode_tables<'a>(
    quarter: Quarter,
    persons_min: u32,
    agencies: impl Iterator<Item = &'a AgencyId>,
    released: &ReleasedTables,
) -> Bytes {
    let agencies: Vec<String> = agencies.map(ToString::to_string).collect();
    let pair_tables = released.tables.iter().map(|(measure, cells)| v1::PairTable {
        measure: wire_measure(*measure).into(),
        cells: cells.iter().map(|cell| wire_cell(cell, &agencies)).collect(),
    });
    let tables = v1::EvaluationTables {
        quarter: quarter.to_string(),
        rules_version: RULES_VERSION,
        persons_min,
        pair_tables: pair_tables.collect(),
        figures: released.figures.iter().map(wire_figure).collect(),
        agencies: agencies.clone(),
    };
    tables.encode_to_vec().into()
}

fn wire_measure(measure: Measure) -> v1::EvaluationMeasure {
    match measure {
        Measure::Conferences => v1::EvaluationMeasure::Conferences,
        Measure::Agreements => v1::EvaluationMeasure::Agreements,
        Measure::Responsibility => v1::EvaluationMeasure::Responsibility,
        Measure::Answers => v1::EvaluationMeasure::Answers,
    }
}

fn wire_cell(cell: &ReleasedCell, agencies: &[String]) -> v1::PairCell {
    let name = |place: Option<usize>| {
        place.and_then(|place| agencies.get(place)).cloned().unwrap_or_default()
    };
    let (agency, partner) = (name(cell.agency), name(cell.partner));
    match &cell.numbers {
        None => v1::PairCell { agency, partner, suppressed: true, ..v1::PairCell::default() },
        Some(numbers) => v1::PairCell {
            agency,
            partner,
            suppressed: false,
            persons: numbers.persons,
            reached: numbers.reached,
            median_days: wire_days(numbers.median).into(),
        },
    }
}

fn wire_days(class: Option<DaysClass>) -> v1::DaysClass {
    match class {
        None => v1::DaysClass::Unspecified,
        Some(DaysClass::UpTo7) => v1::DaysClass::UpTo7,
        Some(DaysClass::UpTo14) => v1::DaysClass::UpTo14,
        Some(DaysClass::UpTo28) => v1::DaysClass::UpTo28,
        Some(DaysClass::UpTo56) => v1::DaysClass::UpTo56,
        Some(DaysClass::UpTo91) => v1::DaysClass::UpTo91,
        Some(DaysClass::More) => v1::DaysClass::More,
    }
}

fn wire_figure(figure: &ReleasedFigure) -> v1::EvaluationFigure {
    let kind = match figure.kind {
        FigureKind::Participants => v1::EvaluationFigureKind::Participants,
        FigureKind::Conferences => v1::EvaluationFigureKind::Conferences,
        FigureKind::ConsentsGiven => v1::EvaluationFigureKind::ConsentsGiven,
        FigureKind::ConsentsNarrowed => v1::EvaluationFigureKind::ConsentsNarrowed,
        FigureKind::ConsentsRevoked => v1::EvaluationFigureKind::ConsentsRevoked,
        FigureKind::CoursesDocumented => v1::EvaluationFigureKind::CoursesDocumented,
        FigureKind::Enabled => v1::EvaluationFigureKind::Enabled,
        FigureKind::EmployabilityRose => v1::EvaluationFigureKind::EmployabilityRose,
    };
    let (number, of_participants) = figure.number.unwrap_or_default();
    v1::EvaluationFigure {
        kind: kind.into(),
        suppressed: figure.number.is_none(),
        number,
        of_participants,
    }
}

/// The tables in the record of a release.
#[must_use]
pub fn released_tables(body: &Bytes) -> Option<Bytes> {
    let event = v1::LogEntry::decode(body.clone()).ok()?.event?;
    let log_entry::Event::EvaluationReleased(event) = event else { return None };
    Some(event.tables)
}
