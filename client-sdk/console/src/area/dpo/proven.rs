//! Records with their proofs, checked before anything of them is handed out.
//!
//! A companion takes the leaf hashes of the whole log and checks that they lead to the signed root: independent of the
//! broker. At the broker's own door each record has its own proof: small however large the log is.

use askama::Template;
use schleuse_client::{Bundle, Check, ClientError, Evidence, Expectations, LogAnswer, Report};

use super::large::Place;
use crate::desk::{Answer, Desk, Failed};
use crate::surface::Surface;
use crate::texts::DpoTexts;

/// Field of a form that asks for a file although its checks fail.
const ANYWAY: (&str, &str) = ("evidence", "anyway");

/// Records with their proofs.
#[derive(Debug)]
enum Proofs {
    OfTheLog(Box<Bundle>),
    OfEach(Evidence),
}

impl Proofs {
    fn check(&self, expected: &Expectations<'_>) -> Report {
        match self {
            Self::OfTheLog(bundle) => bundle.check(expected),
            Self::OfEach(evidence) => evidence.check(expected),
        }
    }

    fn to_json(&self) -> Result<Vec<u8>, ClientError> {
        match self {
            Self::OfTheLog(bundle) => bundle.to_json(),
            Self::OfEach(evidence) => evidence.to_json(),
        }
    }
}

/// Records with their proofs, and what the checks of them found.
pub(super) struct Proven {
    proofs: Proofs,
    report: Report,
}

/// Fetches the proofs of an answer and checks everything.
pub(super) async fn proven(
    desk: &Desk,
    place: &Place,
    answer: &LogAnswer,
) -> Result<Proven, Failed> {
    let failed = |error| desk.failed(error);
    let proofs = match desk.is_home() {
        true => {
            let bundle = desk.client.export_of(answer, |_, _| ()).await.map_err(failed)?;
            Proofs::OfTheLog(Box::new(bundle))
        }
        false => Proofs::OfEach(desk.client.evidence_of(answer).await.map_err(failed)?),
    };
    let client = desk.client.clone();
    let checked = move || {
        let expected = Expectations::new(client.log_key()).trust(client.trust());
        let report = proofs.check(&expected);
        Proven { proofs, report }
    };
    place.work(desk, checked).await
}

impl Proven {
    pub(super) fn is_sound(&self) -> bool {
        self.report.is_sound()
    }

    /// The records with their proofs, as a file.
    pub(super) async fn download(self, desk: &Desk, place: Place, name: &str) -> Answer {
        let json = place.work(desk, move || self.proofs.to_json()).await?;
        let json = json.map_err(|error| desk.failed(error))?;
        place.keep(desk.download(name, "application/json", json)).await
    }

    /// What a visitor gets of records whose checks fail: which ones failed; and, asked for with a second form, the file,
    /// for whoever examines it.
    pub(super) async fn alarm(
        self,
        desk: &Desk,
        place: Place,
        to: &'static str,
        sent: &[(String, String)],
    ) -> Answer {
        if sent.iter().any(|(name, value)| (name.as_str(), value.as_str()) == ANYWAY) {
            return self.download(desk, place, "schleuse-not-sound.proof.json").await;
        }
        let failed = self.report.checks.iter().filter(|check| !check.passed);
        desk.alarm(&Alarm {
            s: desk.surface.clone(),
            failed: failed.map(|check| Failing::of(check, &desk.t().dpo)).collect(),
            to,
            sent: sent.to_vec(),
            anyway: ANYWAY,
        })
    }
}

/// A check that failed.
struct Failing {
    says: &'static str,
    details: String,
}

impl Failing {
    fn of(check: &Check, t: &DpoTexts) -> Self {
        let details = format!("{}: {}", check.name, schleuse_client::shown(&check.detail));
        Self { says: says(check.name, t), details }
    }
}

/// What it means that a check failed. Names of checks: `proto/EVIDENCE.md`.
fn says(check: &str, t: &DpoTexts) -> &'static str {
    match check {
        "log key" | "checkpoint" => t.check_signature,
        "merkle tree" | "inclusion" => t.check_inclusion,
        "records" => t.check_records,
        "order" => t.check_order,
        "stopped messages" | "revoked consents" | "hand-outs" | "permits" => t.check_permits,
        "participants" => t.check_participants,
        "consents" | "safeguards" => t.check_consents,
        "signatures" => t.check_signatures,
        "duties" => t.check_duties,
        "erased" | "runs" => t.check_erased,
        _ => t.check_other,
    }
}

#[derive(Template)]
#[template(path = "dpo/alarm.html")]
struct Alarm {
    s: Surface,
    failed: Vec<Failing>,
    to: &'static str,
    sent: Vec<(String, String)>,
    anyway: (&'static str, &'static str),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::Language;

    #[test]
    fn every_check_that_can_fail_is_said_in_plain_words() {
        let t = &Language::German.texts().dpo;
        let checks = include_str!("../../../../src/log/verify.rs");
        let names = checks.split(".add(\"").skip(1).filter_map(|rest| rest.split('"').next());
        let mut count = 0;
        for name in names {
            // That it is complete is nothing that a page asks for; quarters are no rows about a person.
            if !["completeness", "evaluation"].contains(&name) {
                assert_ne!(says(name, t), t.check_other, "{name}");
            }
            count += 1;
        }
        assert!(count > 15, "{count}");
    }
}
