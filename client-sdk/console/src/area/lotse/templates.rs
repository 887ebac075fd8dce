//! The templates of consents in the folder that the console was started with.

use std::collections::BTreeMap;

use schleuse_client::{ClientError, ConsentTemplate, TemplateKind, shown};

use crate::area::Choice;
use crate::desk::{Desk, Failed};

/// Largest template in bytes.
const TEMPLATE_BYTES_MAX: u64 = 64 * 1024;
/// Most templates of a folder.
const TEMPLATES_MAX: usize = 100;

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
