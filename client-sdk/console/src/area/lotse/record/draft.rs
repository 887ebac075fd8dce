//! What the form of a consent says: its template, grants, who consents.

use jiff::civil::Date;
use schleuse_client::deadlines::day_of;
use schleuse_client::{
    CONSENT_MONTHS_MAX, ClientError, ConsentBuilder, ConsentForm, ConsentTemplate, Filling, Grant,
    ParticipantReference, Release, Representation, RepresentationKind, shown, whole_days,
};

use super::Offices;
use crate::area::lotse::steps::{ToSign, grant_lines, has_health};
use crate::area::lotse::templates::{Template, Templates};
use crate::desk::Desk;
use crate::fields::{Fields, Problems};
use crate::read;
use crate::words;

/// Months of a consent for which nothing is entered; the text that is read out names its end.
const MONTHS: u32 = 12;

/// A consent in the making.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    template: Template,
    offices: Offices,
    grants: Vec<Grant>,
    releases: Vec<Release>,
    form: ConsentForm,
    representation: Option<Representation>,
}

impl Draft {
    /// Reads the form; what is wrong is noted beside its field.
    pub(super) fn read(
        desk: &Desk,
        templates: &Templates,
        offices: Offices,
        fields: &Fields,
        count: usize,
        problems: &mut Problems,
    ) -> Option<Self> {
        let t = &desk.t().consent;
        let template = templates.find(fields.get("template")).cloned();
        let template = problems.take("template", template.ok_or(t.template_problem))?;
        let term = term(desk, fields, problems)?;
        let grants: Vec<Grant> =
            (0..count).filter_map(|number| grant(desk, fields, number, term, problems)).collect();
        let releases = releases(desk, &template, fields, &grants, problems);
        let representation = representation(desk, fields, problems);
        let form = match fields.get("form") {
            "" | "written" => Ok(ConsentForm::Written),
            "electronic" => Ok(ConsentForm::Electronic),
            "special-reason" => Ok(ConsentForm::SpecialReason),
            _ => Err(desk.t().forms.code_problem),
        };
        let form = problems.take("form", form)?;
        let draft = Self { template, offices, grants, releases, form, representation };
        problems.is_empty().then_some(draft)
    }

    /// What is to be signed.
    pub(super) fn to_sign(&self, desk: &Desk) -> Result<ToSign, ClientError> {
        let (text, summary) = (self.text(desk)?, self.summary(desk));
        Ok(ToSign { text, summary, has_health: has_health(desk, &self.grants) })
    }

    fn text(&self, desk: &Desk) -> Result<String, ClientError> {
        let contact = desk.home().map(|home| home.contact.clone()).unwrap_or_default();
        let agencies = self.offices.for_texts();
        let filling = Filling {
            grants: &self.grants,
            releases: &self.releases,
            names: desk.names(),
            agencies: &agencies,
            contact: &contact,
        };
        ConsentTemplate::render(&self.template.source, &filling).map(|(_, text)| text)
    }

    /// The consent with its text; review and evidence are still to be added.
    pub(super) fn consent(&self, participant: &ParticipantReference, text: &str) -> ConsentBuilder {
        let (version, language) = (self.template.parsed.version(), self.template.parsed.language());
        let mut consent = ConsentBuilder::new(participant.clone()).form(self.form);
        consent = consent.text(&version, text, language);
        for grant in &self.grants {
            consent = consent.grant(grant.clone());
        }
        for release in &self.releases {
            let categories: Vec<&str> = release.categories.iter().map(String::as_str).collect();
            consent = consent.release_from_secrecy(&release.holder, &release.to, &categories);
        }
        match &self.representation {
            Some(representation) => consent.given_by_representative(representation),
            None => consent,
        }
    }

    /// What will be recorded: each grant, releases, in which form, by whom.
    fn summary(&self, desk: &Desk) -> Vec<String> {
        let t = &desk.t().consent;
        let mut lines = grant_lines(desk, &self.offices, desk.surface.language, &self.grants);
        lines.extend(self.releases.iter().map(|release| {
            let to = self.offices.name(&release.to.to_string());
            format!("{} {} → {to}", t.release_holder, shown(&release.holder))
        }));
        let form = match self.form {
            ConsentForm::Written => t.form_written,
            ConsentForm::Electronic => t.form_electronic,
            ConsentForm::SpecialReason => t.form_special,
        };
        lines.push(format!("{}: {form}", t.form));
        lines.push(match &self.representation {
            None => format!("{}: {}", t.given, t.by_participant),
            Some(representation) => self.representation_line(desk, representation),
        });
        lines
    }

    fn representation_line(&self, desk: &Desk, one: &Representation) -> String {
        let (t, names) = (&desk.t().consent, desk.names());
        let kind = match one.kind {
            RepresentationKind::ParentOrGuardian => t.representative_parent,
            RepresentationKind::Betreuer => t.representative_betreuer,
            RepresentationKind::PowerOfAttorney => t.representative_power,
        };
        let purposes: Vec<String> = one.purposes.iter().map(|code| names.purpose(code)).collect();
        let until = one.until_ms.map(|ms| words::end(desk.surface.language, ms));
        let covers = format!("{}; {}", names.categories(&one.categories), purposes.join(", "));
        let scope = shown(&one.scope);
        let until = until.map(|day| format!("; {}: {day}", t.scope_until)).unwrap_or_default();
        format!("{}: {kind}; {scope}; {}: {covers}{until}", t.given, t.scope_covers)
    }
}

/// From when until when.
fn term(desk: &Desk, fields: &Fields, problems: &mut Problems) -> Option<(i64, i64)> {
    let (t, now_ms) = (desk.t(), desk.client.now_ms());
    let from_ms = read::from_day(fields, "valid_from", t, problems);
    let from: Option<Date> = match (from_ms, fields.given("valid_from")) {
        (Some(from_ms), _) => day_of(from_ms).ok(),
        (None, None) => day_of(now_ms).ok(),
        (None, Some(_)) => return None,
    };
    let months = match fields.given("months") {
        None => MONTHS,
        Some(_) => read::months(fields, "months", CONSENT_MONTHS_MAX, t, problems)?,
    };
    let term = from.and_then(|from| whole_days(from, months, now_ms).ok());
    problems.take("valid_from", term.ok_or(t.consent.term_over_problem))
}

/// One grant of the form.
fn grant(
    desk: &Desk,
    fields: &Fields,
    number: usize,
    (not_before_ms, not_after_ms): (i64, i64),
    problems: &mut Problems,
) -> Option<Grant> {
    let t = &desk.t().consent;
    let names = ["recipient", "purpose", "senders", "categories"];
    let [recipient, purpose, senders, categories] = names.map(|name| format!("{name}{number}"));
    let to = fields.get(&recipient).parse().map_err(|_| t.recipient_problem);
    let to = problems.take(recipient, to);
    let (from, data) = (ticked(fields, &senders), ticked(fields, &categories));
    let wanted = fields.text(&purpose);
    if from.is_empty() {
        problems.add(senders, t.senders_problem);
    }
    if wanted.is_empty() {
        problems.add(purpose, t.purpose_problem);
    }
    if data.is_empty() {
        problems.add(categories, t.categories_problem);
    }
    Some(Grant {
        senders: from,
        recipient: to?,
        purpose: wanted,
        categories: data,
        not_before_ms,
        not_after_ms,
    })
}

/// What is ticked under a name.
fn ticked(fields: &Fields, name: &str) -> Vec<String> {
    fields.all(name).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}

/// Who is released from secrecy towards the recipients, where the template needs that.
fn releases(
    desk: &Desk,
    template: &Template,
    fields: &Fields,
    grants: &[Grant],
    problems: &mut Problems,
) -> Vec<Release> {
    if !template.parsed.has_releases() {
        return Vec::new();
    }
    let holder = fields.get("holder");
    if holder.is_empty() {
        problems.add("holder", desk.t().consent.release_holder_problem);
    }
    let release = |grant: &Grant| Release {
        holder: holder.to_owned(),
        to: grant.recipient.clone(),
        categories: grant.categories.clone(),
    };
    grants.iter().map(release).collect()
}

/// Who consents for the participant, and what that representation covers: the broker refuses what goes beyond.
fn representation(desk: &Desk, fields: &Fields, problems: &mut Problems) -> Option<Representation> {
    let kind = match fields.get("representative") {
        "parent-or-guardian" => RepresentationKind::ParentOrGuardian,
        "betreuer" => RepresentationKind::Betreuer,
        "power-of-attorney" => RepresentationKind::PowerOfAttorney,
        "" => return None,
        _ => {
            problems.add("representative", desk.t().forms.code_problem);
            return None;
        }
    };
    let scope = fields.text("scope");
    if scope.is_empty() {
        problems.add("scope", desk.t().consent.scope_problem);
    }
    let until_ms = read::until_day(fields, "scope_until", desk.t(), problems);
    let (categories, purposes) =
        (ticked(fields, "scope_categories"), ticked(fields, "scope_purposes"));
    if categories.is_empty() || purposes.is_empty() {
        problems.add("scope_categories", desk.t().consent.scope_covers_problem);
    }
    Some(Representation { kind, scope, categories, purposes, until_ms })
}
