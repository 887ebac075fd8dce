//! What a change would stop, in words.

use schleuse_client::{ChangePreview, RevocationEffect};

use super::offices::Offices;
use crate::desk::Desk;

/// One row of a preview.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) sender: String,
    pub(super) recipient: String,
    pub(super) purpose: String,
    pub(super) waiting: u32,
    pub(super) otherwise: &'static str,
}

/// A preview.
#[derive(Clone, Debug)]
pub(super) struct Effects {
    pub(super) rows: Vec<Effect>,
    pub(super) stops: u32,
    pub(super) truncated: bool,
}

impl Effects {
    pub(super) fn of(desk: &Desk, offices: &Offices, effects: &[RevocationEffect]) -> Self {
        let stops = effects.iter().map(|effect| effect.queued_messages).sum();
        let rows = effects.iter().map(|effect| Effect {
            sender: offices.name(&effect.sender),
            recipient: offices.name(&effect.recipient.to_string()),
            purpose: desk.names().purpose(&effect.purpose),
            waiting: effect.queued_messages,
            otherwise: match effect.partly_covered_otherwise {
                true => desk.t().consent.partly,
                false => desk.t().forms.no,
            },
        });
        Self { rows: rows.collect(), stops, truncated: false }
    }

    pub(super) fn of_change(desk: &Desk, offices: &Offices, preview: &ChangePreview) -> Self {
        let rows = Self::of(desk, offices, &preview.effects).rows;
        Self { rows, stops: preview.stopped_messages, truncated: preview.truncated }
    }
}
