//! What to generate: agencies, their people, times.

use crate::error::CertsError;

/// Longest identifier in bytes.
const PART_BYTES_MAX: usize = 40;
/// Longest trust domain in bytes.
const TRUST_DOMAIN_BYTES_MAX: usize = 64;
/// Roles an identity may name.
const ROLES: [&str; 5] = ["system", "lotse", "dpo", "operator", "evaluation"];
/// Validity of leafs and revocation lists, in days, when nothing else is said.
pub(crate) const RENEWED_DAYS: u16 = 30;
/// Names that files of the tree already have.
const RESERVED: [&str; 2] = ["root", "broker"];
/// Beginning of the names of issuers that exist for faulty certificates only.
pub(crate) const FAULTY_PREFIX: &str = "faulty-";

/// An installation to generate.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Trust domain of the installation: lower-case labels, joined by dots, at most 64 bytes.
    pub trust_domain: String,
    /// Agencies, each with an issuing CA of its own.
    pub agencies: Vec<AgencyPlan>,
    /// The present, Unix time in milliseconds. Validity begins five minutes before.
    pub not_before_ms: u64,
    /// Validity of leaf certificates in days.
    pub leaf_days: u16,
    /// Time until the next revocation list is due, in days.
    pub crl_days: u16,
}

/// An agency to generate.
#[derive(Clone, Debug)]
pub struct AgencyPlan {
    /// Agency identifier: 1 to 40 of `[a-z0-9-]`.
    pub agency: String,
    /// Leafs: role, and the person where the certificate names one.
    pub people: Vec<(String, Option<String>)>,
}

impl Plan {
    /// The installation of the demonstration and the end-to-end tests: five benefit agencies with
    /// a system and a data-protection officer each, the Lotsenstelle, the project office with two officers, the
    /// operator and the evaluation.
    #[must_use]
    pub fn demonstration(now_ms: u64) -> Self {
        let benefit = [
            "jobcenter-stadt-regensburg",
            "drv-bayern-sued",
            "krankenkasse-nord",
            "bezirk-oberpfalz",
            "sozialhilfe-regensburg",
        ];
        let mut agencies: Vec<AgencyPlan> =
            benefit.iter().map(|name| agency(name, &[("system", None), ("dpo", None)])).collect();
        agencies.push(agency(
            "lotsenstelle",
            &[("lotse", Some("l-01")), ("lotse", Some("l-02")), ("dpo", None)],
        ));
        // What is erased needs two persons; the one without a person reads.
        agencies.push(agency(
            "projekt",
            &[("dpo", Some("d-01")), ("dpo", Some("d-02")), ("dpo", None)],
        ));
        agencies.push(agency("betrieb", &[("operator", None)]));
        agencies.push(agency("oth-regensburg", &[("evaluation", None)]));
        Self {
            trust_domain: "schleuse.example".to_owned(),
            agencies,
            not_before_ms: now_ms,
            leaf_days: RENEWED_DAYS,
            crl_days: RENEWED_DAYS,
        }
    }

    /// A region: the demonstration with five more benefit agencies, ten together.
    #[must_use]
    pub fn region(now_ms: u64) -> Self {
        let mut plan = Self::demonstration(now_ms);
        let more = [
            "jobcenter-landkreis-regensburg",
            "agentur-fuer-arbeit-regensburg",
            "krankenkasse-sued",
            "jugendamt-regensburg",
            "gesundheitsamt-regensburg",
        ];
        plan.agencies.extend(more.map(|name| agency(name, &[("system", None), ("dpo", None)])));
        plan
    }

    pub(crate) fn check(&self) -> Result<(), CertsError> {
        let domain = &self.trust_domain;
        if domain.len() > TRUST_DOMAIN_BYTES_MAX || !domain.split('.').all(is_part) {
            return Err(CertsError::Name {
                what: "trust domain",
                value: domain.clone(),
                allowed: "lower-case labels joined by dots, at most 64 bytes",
            });
        }
        for plan in &self.agencies {
            check_agency(&plan.agency)?;
            for (role, person) in &plan.people {
                check_holder(role, person.as_deref())?;
            }
        }
        Ok(())
    }
}

fn agency(name: &str, people: &[(&str, Option<&str>)]) -> AgencyPlan {
    let people = people
        .iter()
        .map(|(role, person)| ((*role).to_owned(), person.map(str::to_owned)))
        .collect();
    AgencyPlan { agency: name.to_owned(), people }
}

/// Checks an agency identifier; the names of other issuers of the tree are taken.
pub(crate) fn check_agency(name: &str) -> Result<(), CertsError> {
    check_part("agency", name)?;
    if RESERVED.contains(&name) || name.starts_with(FAULTY_PREFIX) {
        let allowed = "none of root, broker, faulty-…";
        return Err(CertsError::Name { what: "agency", value: name.to_owned(), allowed });
    }
    Ok(())
}

/// Checks role and person of a leaf.
pub(crate) fn check_holder(role: &str, person: Option<&str>) -> Result<(), CertsError> {
    if !ROLES.contains(&role) {
        let allowed = "one of system, lotse, dpo, operator, evaluation";
        return Err(CertsError::Name { what: "role", value: role.to_owned(), allowed });
    }
    person.map_or(Ok(()), |person| check_part("person", person))
}

/// Checks one identifier. What passes is also safe as a part of a path.
pub(crate) fn check_part(what: &'static str, value: &str) -> Result<(), CertsError> {
    if is_part(value) {
        return Ok(());
    }
    let allowed = "1 to 40 of [a-z0-9-], not beginning or ending with a hyphen";
    Err(CertsError::Name { what, value: value.to_owned(), allowed })
}

fn is_part(text: &str) -> bool {
    (1..=PART_BYTES_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demonstration_and_the_region_are_plans_of_the_grammar() {
        assert!(Plan::demonstration(0).check().is_ok());
        assert!(Plan::region(0).check().is_ok());
    }

    #[test]
    fn names_that_would_leave_the_folder_or_take_a_file_are_refused() {
        for name in ["", "..", "a/b", "root", "broker", "faulty-x", "DRV", "-a", &"a".repeat(41)] {
            let mut plan = Plan::demonstration(0);
            plan.agencies.push(agency(name, &[]));
            assert!(matches!(plan.check(), Err(CertsError::Name { .. })), "{name:?}");
        }
        let mut plan = Plan::demonstration(0);
        plan.trust_domain = "schleuse..example".to_owned();
        assert!(plan.check().is_err());
        assert!(check_holder("administrator", None).is_err());
        assert!(check_holder("lotse", Some("../l")).is_err());
    }
}
