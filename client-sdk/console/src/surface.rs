//! What surrounds every page: the language, the way around, who looks.

use axum::body::Body;
use http::{HeaderMap, Method, Request, Uri, header};
use schleuse_proto::identity::{Identity, Role};

use crate::assets;
use crate::guard::Door;
use crate::once;
use crate::texts::{DE, EN, Texts, filled};

/// Languages of the console. German nouns of social law stay German in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    German,
    English,
}

impl Language {
    /// Its code, also the first part of every path.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::German => "de",
            Self::English => "en",
        }
    }

    /// Its texts.
    pub(crate) fn texts(self) -> &'static Texts {
        match self {
            Self::German => &DE,
            Self::English => &EN,
        }
    }

    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::German => Self::English,
            Self::English => Self::German,
        }
    }

    /// Reads the language off a path: what follows begins with a slash.
    pub(crate) fn split(path: &str) -> Option<(Self, &str)> {
        let language = |code| match code {
            "de" => Some(Self::German),
            "en" => Some(Self::English),
            _ => None,
        };
        let inside = path.strip_prefix('/')?;
        let (code, _) = inside.split_once('/')?;
        Some((language(code)?, inside.get(code.len()..)?))
    }

    /// English if a browser asks for that first; otherwise German.
    pub(crate) fn preferred(headers: &HeaderMap) -> Self {
        let wanted = headers.get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
        match wanted.is_some_and(|wanted| wanted.trim_start().starts_with("en")) {
            true => Self::English,
            false => Self::German,
        }
    }
}

/// Address of the page of a request in the other language. What a form answers has no address of its own: then it is
/// the page that has sent the form, or the start page.
pub(crate) fn elsewhere(door: &Door, language: Language, request: &Request<Body>) -> String {
    let other = language.other().code();
    let here = match *request.method() {
        Method::POST => {
            let from = request.headers().get(header::REFERER).and_then(|from| from.to_str().ok());
            from.and_then(|from| from.parse::<Uri>().ok())
        }
        _ => Some(request.uri().clone()),
    };
    let translated = here.and_then(|here| {
        let (_, inside) = Language::split(door.inside(here.path())?)?;
        let query = here.query().map(|query| format!("?{query}")).unwrap_or_default();
        Some(format!("{}/{other}{inside}{query}", door.prefix()))
    });
    translated.unwrap_or_else(|| format!("{}/{other}/", door.prefix()))
}

/// One entry of the navigation.
#[derive(Clone, Debug)]
pub(crate) struct Way {
    /// Where it leads.
    pub(crate) to: String,
    /// What it says.
    pub(crate) says: &'static str,
    /// Whether it is where we are.
    pub(crate) is_here: bool,
}

/// What the layout shows around a page.
#[derive(Clone, Debug)]
pub(crate) struct Surface {
    pub(crate) language: Language,
    pub(crate) t: &'static Texts,
    /// What stands before every path: prefix and language.
    pub(crate) base: String,
    prefix: String,
    path: String,
    role: Role,
    agency: String,
    person: String,
    is_companion: bool,
    elsewhere: String,
}

impl Surface {
    pub(crate) fn new(
        language: Language,
        door: &Door,
        (path, elsewhere): (&str, String),
        identity: &Identity,
    ) -> Self {
        Self {
            elsewhere,
            language,
            t: language.texts(),
            base: format!("{}/{}", door.prefix(), language.code()),
            prefix: door.prefix().to_owned(),
            path: path.to_owned(),
            role: identity.role,
            agency: identity.agency.clone(),
            person: identity.person.clone().unwrap_or_default(),
            is_companion: door.is_companion(),
        }
    }

    /// Whether a companion serves.
    pub(crate) fn is_companion(&self) -> bool {
        self.is_companion
    }

    /// Path of a page.
    pub(crate) fn at(&self, path: impl AsRef<str>) -> String {
        format!("{}{}", self.base, path.as_ref())
    }

    /// A text with one gap filled.
    pub(crate) fn filled(&self, text: &str, value: impl ToString) -> String {
        filled(text, &[&value.to_string()])
    }

    /// Path of a file that never changes.
    pub(crate) fn asset(&self, name: &str) -> String {
        let path = match name {
            "style" => assets::style(),
            "script" => assets::script(),
            _ => assets::symbol(),
        };
        format!("{}/assets/{path}", self.prefix)
    }

    /// Where a form is sent to; each has a number of its own.
    pub(crate) fn act(&self, path: impl AsRef<str>) -> String {
        once::numbered(self.at(path))
    }

    /// The same for a page below another.
    pub(crate) fn act_in(&self, path: impl AsRef<str>, page: &str) -> String {
        once::numbered(format!("{}{page}", self.at(path)))
    }

    /// The same page in the other language; after a form, the page that the form was on.
    pub(crate) fn elsewhere(&self) -> &str {
        &self.elsewhere
    }

    /// Who looks.
    pub(crate) fn who(&self) -> String {
        match self.person.as_str() {
            "" => self.agency.clone(),
            person => format!("{person}, {}", self.agency),
        }
    }

    /// Name of the role.
    pub(crate) fn role(&self) -> &'static str {
        match self.role {
            Role::Lotse => self.t.shell.role_lotse,
            Role::Dpo => self.t.shell.role_dpo,
            Role::Operator => self.t.shell.role_operator,
            Role::System | Role::Evaluation => "",
        }
    }

    /// The ways around, by role.
    pub(crate) fn ways(&self) -> Vec<Way> {
        let t = &self.t.shell;
        let ways: &[(&str, &'static str)] = match self.role {
            Role::Lotse if self.is_companion => &[
                ("/", t.nav_today),
                ("/participants", t.nav_participants),
                ("/deadlines", t.nav_deadlines),
                ("/conferences", t.nav_conferences),
                ("/places", t.nav_places),
            ],
            Role::Dpo => &[
                ("/", t.nav_overview),
                ("/log", t.nav_log),
                ("/incident", t.nav_incident),
                ("/report", t.nav_report),
                ("/deletions", t.nav_deletions),
                ("/erasure", t.nav_erasure),
            ],
            Role::Operator => &[
                ("/", t.nav_status),
                ("/mailboxes", t.nav_mailboxes),
                ("/directory", t.nav_directory),
            ],
            Role::Lotse | Role::System | Role::Evaluation => &[],
        };
        let here = |to: &str| match to {
            "/" => self.path == "/",
            to => self.path == to || self.path.starts_with(&format!("{to}/")),
        };
        let way =
            |(to, says): &(&str, &'static str)| Way { to: self.at(to), says, is_here: here(to) };
        ways.iter().map(way).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_stands_first_in_a_path() {
        assert_eq!(Language::split("/de/"), Some((Language::German, "/")));
        assert_eq!(Language::split("/en/log/7"), Some((Language::English, "/log/7")));
        for none in ["", "/", "/de", "/fr/", "de/", "/deutsch/"] {
            assert_eq!(Language::split(none), None, "{none}");
        }
    }

    #[test]
    fn the_other_language_of_a_form_is_that_of_the_page_it_was_on() {
        let door = Door::of_companion("127.0.0.1:4000".to_owned(), "/s/x".to_owned());
        let at = |method: &str, to: &str, from: &str| {
            let request = Request::builder().method(method).uri(to).header("referer", from);
            elsewhere(&door, Language::German, &request.body(Body::empty()).unwrap())
        };
        let form = "http://127.0.0.1:4000/s/x/de/participants?page=2";
        assert_eq!(at("GET", "/s/x/de/log?days=7", form), "/s/x/en/log?days=7");
        assert_eq!(at("POST", "/s/x/de/tasks/close?once=1", form), "/s/x/en/participants?page=2");
        for foreign in ["", "http://evil.example/", "//", "http://evil.example/s/y/de/log"] {
            assert_eq!(at("POST", "/s/x/de/tasks/close", foreign), "/s/x/en/", "{foreign}");
        }
    }

    #[test]
    fn german_is_first_unless_a_browser_prefers_english() {
        let preferred = |wanted: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, wanted.parse().unwrap());
            Language::preferred(&headers)
        };
        assert_eq!(preferred("en-US,en;q=0.9,de;q=0.8"), Language::English);
        assert_eq!(preferred("de-DE,en;q=0.9"), Language::German);
        assert_eq!(preferred("fr"), Language::German);
        assert_eq!(Language::preferred(&HeaderMap::new()), Language::German);
    }
}
