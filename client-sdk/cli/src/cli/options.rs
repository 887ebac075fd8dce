//! Refusals of the broker in the words of the Lotse's commands.
//!
//! The broker names the fields of its API. Whoever types a command knows its options: this is the one table from the
//! first to the second. The reason and its metadata stay, so that programs see what they saw.

use schleuse_client::ClientError;

/// Fields at the beginning of a refusal, and the options that fill them.
const OPTIONS: [(&str, &str); 46] = [
    ("addressee", "--addressee"),
    ("agencies", "--agency"),
    ("agency", "agency"),
    ("categories", "--category"),
    ("category", "--category"),
    ("consent_id", "--consent"),
    ("employability_at_end", "--employability-at-end"),
    ("employability_at_start", "--employability-at-start"),
    ("evidence_hashes", "--evidence"),
    ("given_by", "--scope"),
    ("given_by.categories", "--scope-category"),
    ("given_by.kind", "--representative"),
    ("given_by.purposes", "--scope-purpose"),
    ("given_by.until_ms", "--scope-until"),
    ("grants", "--grants"),
    ("grants.agency", "agency"),
    ("grants.categories", "--category"),
    ("grants.not_after_ms", "--months"),
    ("grants.purpose", "--purpose"),
    ("grants.recipient", "--to"),
    ("holder", "--holder"),
    ("jobcenter", "--jobcenter"),
    ("label.categories", "--category"),
    ("label.kind", "--kind"),
    ("label.purpose", "--purpose"),
    ("label.recipient", "--to"),
    ("label.sender", "--as"),
    ("lotse", "--lotse"),
    ("next_review_by_ms", "--next-review-months"),
    ("not_after_ms", "--months"),
    ("objection_id", "--objection"),
    ("participant_reference", "--participant"),
    ("phase", "--phase"),
    ("purpose", "--purpose"),
    ("purposes", "--purpose"),
    ("recipient", "--to"),
    ("recipients", "--recipient"),
    ("release_id", "--release"),
    ("review_by_ms", "--review-months"),
    ("secrecy_releases", "[[release]]"),
    ("secrecy_releases.addressee", "[[release]] to"),
    ("secrecy_releases.categories", "[[release]] categories"),
    ("secrecy_releases.holder", "[[release]] holder"),
    ("senders", "--from"),
    ("text", "--text"),
    ("until_ms", "--until"),
];

/// The same error, with options in the place of fields.
pub(crate) fn named(error: ClientError) -> ClientError {
    let ClientError::Refused { code, reason, message, metadata, retryable } = error else {
        return error;
    };
    let message = words(&message).unwrap_or(message);
    ClientError::Refused { code, reason, message, metadata, retryable }
}

fn words(message: &str) -> Option<String> {
    let (field, said) = message.split_once(": ")?;
    let (_, option) = OPTIONS.iter().find(|(known, _)| *known == field)?;
    let said = match field {
        "phase" if said.contains("EndParticipation") => {
            "the end of a participation is signed: schleuse lotse participant end; afterwards \
             --phase ended only adds --employability-at-end"
                .to_owned()
        }
        "phase" => said.to_lowercase().replace('_', "-"),
        "agency" | "grants.agency" => {
            said.replace("is not in the catalogue", "is no agency that takes part")
        }
        "participant_reference" if said == "not found" => {
            "none of your participants has this reference; see: schleuse lotse participant list"
                .to_owned()
        }
        _ => said.replace("given_by", "--scope-purpose, --scope-category and --scope-until"),
    };
    Some(format!("{option}: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_options_and_not_fields() {
        for (said, expected) in [
            (
                "evidence_hashes: category \"gesundheit\" is health data and needs evidence",
                "--evidence: category \"gesundheit\" is health data and needs evidence",
            ),
            (
                "review_by_ms: a consent is reviewed at most",
                "--review-months: a consent is reviewed at most",
            ),
            (
                "phase: expected EndParticipation, which stops",
                "--phase: the end of a participation is signed: schleuse lotse participant end",
            ),
            (
                "phase: expected GOALS or SUPPORT_PLANNING",
                "--phase: expected goals or support-planning",
            ),
            (
                "grants.agency: code \"x\" is not in the catalogue",
                "agency: code \"x\" is no agency that takes part",
            ),
            ("participant_reference: not found", "--participant: none of your participants"),
            (
                "grants.purpose: narrow the grant, or have given_by name",
                "--purpose: narrow the grant, or have --scope-purpose,",
            ),
        ] {
            let named = words(said).unwrap();
            assert!(named.starts_with(expected), "{named}");
        }
        assert_eq!(words("the participation has ended: who comes back is registered anew"), None);
        assert!(OPTIONS.is_sorted(), "each field once, easily found");
    }
}
