//! Forms: what was typed, what is wrong with it, and the same again beside its field.

/// What a form sent, in its order; a name can come more than once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Made of pairs.
    pub(crate) fn of(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// The first value of a name without the spaces around it; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }

    /// The same, owned.
    pub(crate) fn text(&self, name: &str) -> String {
        self.get(name).to_owned()
    }

    /// The first value, or none if it is empty.
    pub(crate) fn given(&self, name: &str) -> Option<&str> {
        Some(self.get(name)).filter(|value| !value.is_empty())
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.trim())
    }

    /// Whether a name has a value, as boxes that are ticked do.
    pub(crate) fn has(&self, name: &str, value: &str) -> bool {
        self.all(name).any(|one| one == value)
    }

    /// Everything that came, to be sent again by another form.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }
}

/// What is wrong with a form: field and words.
#[derive(Clone, Debug, Default)]
pub(crate) struct Problems(Vec<(String, String)>);

impl Problems {
    /// Notes that a field is wrong.
    pub(crate) fn add(&mut self, field: impl Into<String>, words: impl Into<String>) {
        self.0.push((field.into(), words.into()));
    }

    /// Takes a value, or notes what is wrong with its field.
    pub(crate) fn take<T>(
        &mut self,
        field: impl Into<String>,
        read: Result<T, impl Into<String>>,
    ) -> Option<T> {
        read.map_err(|words| self.add(field, words)).ok()
    }

    /// What is wrong with a field; empty if nothing.
    pub(crate) fn of(&self, field: &str) -> &str {
        self.0.iter().find(|(known, _)| known == field).map_or("", |(_, words)| words)
    }

    /// Which one it is of several with the same words, from 1 on; none if no other has them.
    pub(crate) fn place_among_alike(&self, field: &str) -> Option<usize> {
        let words = self.of(field);
        let mut alike = self.0.iter().filter(|(_, other)| other == words).map(|(one, _)| one);
        let place = alike.clone().position(|one| one == field)?;
        alike.nth(1).map(|_| place + 1)
    }

    /// All of it.
    pub(crate) fn all(&self) -> &[(String, String)] {
        &self.0
    }

    /// The same at one other place, because the fields are not there.
    pub(crate) fn at(self, place: &str) -> Self {
        Self(self.0.into_iter().map(|(_, words)| (place.to_owned(), words)).collect())
    }

    /// Whether nothing is wrong.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_by_name_and_problems_by_field() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = Fields::of(vec![pair("a", " x "), pair("b", ""), pair("a", "y")]);
        assert_eq!((fields.get("a"), fields.get("none")), ("x", ""));
        assert_eq!(fields.all("a").collect::<Vec<_>>(), ["x", "y"]);
        assert!(fields.has("a", "y") && !fields.has("a", "z") && fields.given("b").is_none());
        let mut problems = Problems::default();
        assert!(problems.is_empty());
        assert_eq!(problems.take("a", Err::<(), _>("wrong")), None);
        assert_eq!((problems.of("a"), problems.of("b"), problems.all().len()), ("wrong", "", 1));
        assert_eq!(problems.place_among_alike("a"), None);
        problems.add("b", "wrong");
        let places = ["a", "b", "c"].map(|field| problems.place_among_alike(field));
        assert_eq!(places, [Some(1), Some(2), None]);
    }
}
