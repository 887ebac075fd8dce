//! Planning in the configuration: `[[places]]`, `[[agency_kind]]` and `[directory]`.

use std::collections::{BTreeMap, BTreeSet};

use schleuse_proto::identity::is_part;

use super::check::Checker;
use crate::domain::ids::AgencyId;
use crate::domain::planning::PlanningRules;

/// Most Jobcenter with places: there are about 400 in all of Germany.
const JOBCENTERS_MAX: usize = 500;
/// Most kinds of agencies.
const AGENCY_KINDS_MAX: usize = 200;
/// What an identifier must be.
const IDENTIFIER: &str = "1 to 40 of [a-z0-9-]";

pub(super) fn rules(check: &mut Checker) -> PlanningRules {
    let listed = check.entries("places", JOBCENTERS_MAX, |entry| {
        let jobcenter = entry.parsed("jobcenter", IDENTIFIER, AgencyId::parse);
        let count = entry.required_number("count", 0..=10_000);
        Some((jobcenter?, u32::try_from(count?).ok()?))
    });
    let places: BTreeMap<AgencyId, u32> = listed.iter().cloned().collect();
    check.require(
        places.len() == listed.len(),
        "places.jobcenter: expected one [[places]] for each Jobcenter",
    );
    let kinds = check.entries("agency_kind", AGENCY_KINDS_MAX, |entry| {
        let code = entry.parsed("code", IDENTIFIER, |code| is_part(code).then(|| code.to_owned()));
        // For people who read the file; the broker needs the code alone.
        let name = entry.parsed("name", "a name", |name| (!name.is_empty()).then_some(()));
        name.and(code)
    });
    let agency_kinds: BTreeSet<String> = kinds.iter().cloned().collect();
    check.require(
        agency_kinds.len() == kinds.len(),
        "agency_kind.code: expected one [[agency_kind]] for each code",
    );
    let renew_months = check.number("directory.renew_months", 6, 1..=24);
    PlanningRules { places, renew_months: u32::try_from(renew_months).unwrap_or(6), agency_kinds }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn read(text: &str) -> Result<PlanningRules, String> {
        let mut check = Checker::new(text, Path::new(".")).unwrap();
        let rules = rules(&mut check);
        check.finish().map(|()| rules).map_err(|error| error.to_string())
    }

    #[test]
    fn places_kinds_and_renewal_are_configuration() {
        assert_eq!(read("").unwrap(), PlanningRules::default());
        let rules = read(
            r#"
            [[places]]
            jobcenter = "jobcenter-stadt-regensburg"
            count = 30
            [[places]]
            jobcenter = "jobcenter-landkreis-regensburg"
            count = 15
            [[agency_kind]]
            code = "beratungsstelle"
            name = "Beratungsstelle"
            [directory]
            renew_months = 3
            "#,
        );
        let rules = rules.unwrap();
        assert_eq!(rules.places.values().sum::<u32>(), 45);
        assert!(rules.agency_kinds.contains("beratungsstelle"));
        assert_eq!(rules.renew_months, 3);
    }

    #[test]
    fn faults_are_named() {
        let place = "[[places]]\njobcenter = \"a\"\ncount = 1\n";
        for (text, fault) in [
            (format!("{place}{place}"), "expected one [[places]] for each Jobcenter"),
            (place.replace("count = 1", ""), "places[1].count: is missing"),
            (place.replace("= 1", "= -1"), "expected a whole number from 0 to 10000"),
            (place.replace("\"a\"", "\"A\""), "places[1].jobcenter = \"A\": expected 1 to 40"),
            ("[directory]\nrenew_months = 0".to_owned(), "expected a whole number from 1 to 24"),
        ] {
            let error = read(&text).unwrap_err();
            assert!(error.contains(fault), "{fault}\nnot in\n{error}");
        }
    }
}
