//! What the form of a consent says: templates to choose from, grants, who consents.

use std::collections::BTreeMap;

use jiff::civil::Date;
use schleuse_client::deadlines::day_of;
use schleuse_client::{
    ClientError, ConsentBuilder, ConsentForm, ConsentTemplate, Filling, Grant,
    ParticipantReference, Release, Representation, RepresentationKind, TemplateKind, hex, shown,
    whole_days,
};
use schleuse_proto::evidence::sha256;

use super::Offices;
use crate::area::Choice;
use crate::desk::{Desk, Failed};
use crate::fields::{Fields, Problems};
use crate::read;
use crate::texts::filled;
use crate::words;

/// Largest template in bytes.
const TEMPLATE_BYTES_MAX: u64 = 64 * 1024;
/// Most templates of a folder.
const TEMPLATES_MAX: usize = 100;
/// Most calendar months of a consent. Source: DOMAIN rule 2.
const MONTHS_MAX: u32 = 24;

/// A template of the folder.
#[derive(Clone, Debug)]
pub(super) struct Template {
    pub(super) source: String,
    pub(super) parsed: ConsentTemplate,
}

/// The templates of the folder that can be read, by their version.
#[derive(Clone, Debug)]
pub(super) struct Templates(BTreeMap<String, Template>);

impl Templates {
    pub(super) fn read(desk: &Desk) -> Result<Self, Failed> {
        let Some(folder) = &desk.home()?.templates else { return Ok(Self(BTreeMap::new())) };
        let failed = |error: std::io::Error| {
            desk.failed(ClientError::File { path: folder.clone(), why: error.to_string() })
        };
        let files = std::fs::read_dir(folder).map_err(failed)?;
        let sources = files.flatten().take(TEMPLATES_MAX).filter_map(|file| {
            let is_small = file.metadata().is_ok_and(|meta| meta.len() <= TEMPLATE_BYTES_MAX);
            let is_template = file.path().extension().is_some_and(|extension| extension == "md");
            (is_small && is_template).then(|| std::fs::read_to_string(file.path()).ok()).flatten()
        });
        let templates = sources.filter_map(|source| {
            let parsed = ConsentTemplate::parse(&source).ok()?;
            let is_consent = parsed.kind() == TemplateKind::Consent;
            is_consent.then(|| (parsed.version(), Template { source, parsed }))
        });
        Ok(Self(templates.collect()))
    }

    pub(super) fn find(&self, version: &str) -> Option<&Template> {
        self.0.get(version)
    }

    /// The version of a template that has a purpose.
    pub(super) fn for_purpose(&self, purpose: &str) -> Option<&str> {
        let has =
            |template: &Template| template.parsed.purposes().iter().any(|code| code == purpose);
        self.0.iter().find(|(_, template)| has(template)).map(|(version, _)| version.as_str())
    }

    pub(super) fn choices(&self, desk: &Desk) -> Vec<Choice> {
        let first = Choice::new("", desk.t().forms.choose);
        let choices = self.0.iter().map(|(version, template)| {
            let title = shown(template.parsed.title());
            Choice::new(version, format!("{title} ({version})"))
        });
        match self.0.is_empty() {
            true => Vec::new(),
            false => std::iter::once(first).chain(choices).collect(),
        }
    }
}

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

    /// The text to read out.
    pub(super) fn text(&self, desk: &Desk) -> Result<String, ClientError> {
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

    /// Whether it is about health data, which need evidence. Source: GDPR Art. 9.
    pub(super) fn has_health(&self, desk: &Desk) -> bool {
        let mut categories = self.grants.iter().flat_map(|grant| &grant.categories);
        categories.any(|code| desk.names().is_health(code))
    }

    /// What will be recorded: each grant, releases, in which form, by whom.
    pub(super) fn summary(&self, desk: &Desk) -> Vec<String> {
        let t = &desk.t().consent;
        let mut lines = self.grant_lines(desk);
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

    /// Digest of everything that was shown before it is signed: text and summary.
    pub(super) fn digest(&self, desk: &Desk, text: &str) -> String {
        let summary = self.summary(desk).join("\n");
        hex(&sha256(&[text.as_bytes(), b"\0", summary.as_bytes()]))
    }

    fn grant_lines(&self, desk: &Desk) -> Vec<String> {
        let (names, language) = (desk.names(), desk.surface.language);
        let line = |grant: &Grant| {
            let recipient = self.offices.name(&grant.recipient.to_string());
            let senders = self.offices.agencies(&grant.senders);
            let (purpose, data) =
                (names.purpose(&grant.purpose), names.categories(&grant.categories));
            let span = [
                words::on(language, grant.not_before_ms),
                words::end(language, grant.not_after_ms),
            ];
            let valid = filled(desk.t().consent.valid_span, &[&span[0], &span[1]]);
            format!("{senders} → {recipient}: {purpose} ({data}), {valid}")
        };
        self.grants.iter().map(line).collect()
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
    let months = fields.given("months").unwrap_or("12").parse().ok();
    let months = months.filter(|months| (1..=MONTHS_MAX).contains(months));
    let months = problems.take("months", months.ok_or(t.consent.months_problem))?;
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
