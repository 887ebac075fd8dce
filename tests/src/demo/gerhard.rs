//! Gerhard W., 37: five years of benefits, panic attacks, rent arrears; three agencies say that they are not
//! responsible. Over 24 months.

mod beginning;
mod conference;
mod ending;
mod plan;
mod rehabilitation;
mod responsibility;
mod revocation;

use serde_json::Value;

use super::acts::{Case, consents};
use super::claim;
use super::parties::{LOTSE, Stage, text};

/// January to May 2027: the home is saved, and it is settled who talks about what.
pub(super) fn first_months(stage: &Stage) -> Case {
    let case = beginning::joining(stage);
    beginning::papers_and_rent(stage, &case);
    responsibility::nobody(stage, &case);
    responsibility::opinion(stage, &case);
    conference::play(stage, &case);
    revocation::play(stage, &case);
    case
}

/// May to December 2027: rehabilitation.
pub(super) fn rehabilitation(stage: &Stage, case: &Case) {
    revocation::overdue(stage, case);
    rehabilitation::prepared(stage, case);
    plan::agreed(stage, case);
    rehabilitation::granted(stage, case);
}

/// December 2027 to February 2028: renewal, debts.
pub(super) fn second_year(stage: &Stage, case: &Case) {
    plan::renewed(stage, case);
    plan::debts(stage, case);
}

/// The third review, and the Überleitung of December 2028.
pub(super) fn handed_over(stage: &Stage, case: &Case) {
    plan::third_review(stage, case);
    ending::handed_over(stage, case);
}

/// January 2029.
pub(super) fn ended(stage: &Stage, case: &Case) {
    ending::ended(stage, case);
}

/// The talk every six months: does each consent still hold?
fn review(stage: &Stage, case: &Case) {
    let active = consents(stage, case, "active");
    for consent in &active {
        let id = text(consent, "consent");
        let begin = ["lotse", "consent", "confirm", "--participant", &case.participant];
        stage.ask(LOTSE, &[&begin[..], &["--consent", &id]].concat());
    }
    let what = format!("review every six months: {} consents still hold", active.len());
    let after = consents(stage, case, "active");
    let is_later = |(before, after): (&Value, &Value)| {
        let (was, is) = (text(before, "review_by"), text(after, "review_by"));
        is > was || after["grants"].as_array().unwrap().iter().all(|grant| grant["not_after"] == is)
    };
    let all_later = active.iter().zip(&after).all(is_later);
    claim(&what, all_later && active.len() == after.len() && !active.is_empty());
}
