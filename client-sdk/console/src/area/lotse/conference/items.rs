//! The items of a plan: what each is about, which data occur in it, and for whom it is.
//!
//! Without more, every body gets the items that consents cover for it. They can be shared out more narrowly: then the
//! form has the invited bodies beside each item. Source: DOMAIN.md, nobody gets more than they need.

use std::collections::BTreeSet;

use schleuse_client::fallkonferenz::{Item, NOTES_BYTES_MAX};
use schleuse_client::{Address, ItemId};

use super::plan::{About, length, wrong_name};
use crate::area::Choice;
use crate::desk::Desk;
use crate::fields::{Fields, Problems};
use crate::texts::filled;

/// Most items of the form.
const ITEMS_MAX: usize = 12;
/// Minutes of an item, if nothing else is said.
const MINUTES: u32 = 15;

/// Names of the fields of one item.
pub(super) struct ItemBlock {
    pub(super) title: String,
    pub(super) name: String,
    pub(super) notes: String,
    pub(super) categories: String,
    pub(super) minutes: String,
    pub(super) bodies: String,
}

impl ItemBlock {
    pub(super) fn of(title: &str, number: usize) -> Self {
        Self {
            title: filled(title, &[&(number + 1).to_string()]),
            name: format!("title{number}"),
            notes: format!("notes{number}"),
            categories: format!("categories{number}"),
            minutes: format!("item_minutes{number}"),
            bodies: bodies_field(number),
        }
    }
}

fn bodies_field(number: usize) -> String {
    format!("for{number}")
}

/// Number of items.
pub(super) fn count(fields: &Fields) -> usize {
    fields.get("items").parse().unwrap_or(1).clamp(1, ITEMS_MAX)
}

/// Whether items are shared out.
pub(super) fn are_shared(fields: &Fields) -> bool {
    fields.has("share", "yes")
}

/// The bodies among which items are shared out.
pub(super) fn shared(fields: &Fields, bodies: &[Choice]) -> Vec<Choice> {
    let among = bodies.iter().filter(|body| fields.has("among", &body.value));
    if are_shared(fields) { among.cloned().collect() } else { Vec::new() }
}

/// Whether other bodies are invited than those among which the form shared the items out.
pub(super) fn is_outdated(fields: &Fields) -> bool {
    let named = |name| fields.all(name).collect::<BTreeSet<_>>();
    are_shared(fields) && named("bodies") != named("among")
}

/// The form of another step than planning: one more item, or the items shared out. What is new is for everybody who is
/// invited, until the form says otherwise. Without anybody there is nothing to share out.
pub(super) fn another_step(fields: &Fields) -> Option<Fields> {
    let (shares, items) = match fields.get("step") {
        "more" => (are_shared(fields), (count(fields) + 1).min(ITEMS_MAX)),
        "share" => (fields.all("bodies").next().is_some(), count(fields)),
        _ => return None,
    };
    let known = if are_shared(fields) { count(fields) } else { 0 };
    let mut pairs = fields.pairs().to_vec();
    pairs.retain(|(name, _)| !["items", "step", "share"].contains(&name.as_str()));
    pairs.push(("items".to_owned(), items.to_string()));
    if shares {
        pairs.push(("share".to_owned(), "yes".to_owned()));
        for number in known..items {
            let body = |body: &str| (bodies_field(number), body.to_owned());
            pairs.extend(fields.all("bodies").map(body));
        }
    }
    Some(shared_anew(Fields::of(pairs)))
}

/// The form with the bodies that are invited now. Who is new among them has none of the items that were shared out
/// before: an item that was narrowed stays so. Where nobody is invited any more, the form stays as it is.
pub(super) fn shared_anew(fields: Fields) -> Fields {
    let invited: BTreeSet<String> = fields.all("bodies").map(str::to_owned).collect();
    if !are_shared(&fields) || invited.is_empty() {
        return fields;
    }
    let mut pairs = fields.pairs().to_vec();
    pairs.retain(|(name, _)| name != "among");
    pairs.extend(invited.into_iter().map(|body| ("among".to_owned(), body)));
    Fields::of(pairs)
}

/// Reads an item of the form.
pub(super) fn item(
    desk: &Desk,
    fields: &Fields,
    (number, about, invited): (usize, &About, &BTreeSet<Address>),
    problems: &mut Problems,
) -> Option<Item> {
    let (t, block) = (&desk.t().conference, ItemBlock::of("", number));
    let (title, notes) = (fields.text(&block.name), fields.text(&block.notes));
    if title.is_empty() {
        problems.add(&block.name, t.item_title_problem);
    } else if let Some(words) = wrong_name(desk, &title) {
        problems.add(&block.name, words);
    }
    let categories = fields.all(&block.categories).filter(|code| !code.is_empty());
    let categories: BTreeSet<String> = categories.map(str::to_owned).collect();
    match about {
        About::Participant(_) if categories.is_empty() => {
            problems.add(&block.categories, t.item_categories_problem);
        }
        About::Nobody if !categories.is_empty() => {
            problems.add(&block.categories, t.item_categories_nobody);
        }
        About::Participant(_) | About::Nobody | About::NotSaid => {}
    }
    if notes.len() > NOTES_BYTES_MAX {
        let kib = (NOTES_BYTES_MAX / 1024).to_string();
        problems.add(&block.notes, filled(t.item_notes_problem, &[&kib]));
    }
    let bodies: BTreeSet<Address> =
        fields.all(&block.bodies).filter_map(|body| body.parse().ok()).collect();
    let bodies: BTreeSet<Address> = bodies.intersection(invited).cloned().collect();
    if are_shared(fields) && bodies.is_empty() && !is_outdated(fields) {
        problems.add(&block.bodies, t.item_for_problem);
    }
    let minutes = length(desk, fields, &block.minutes, MINUTES, problems)?;
    Some(Item {
        id: ItemId::generate().ok()?,
        title,
        categories,
        minutes,
        notes,
        bodies: are_shared(fields).then_some(bodies).filter(|some| some != invited),
        professional_secret: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(pairs: &[(&str, &str)]) -> Fields {
        Fields::of(pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect())
    }

    fn all(fields: &Fields, name: &str) -> Vec<String> {
        fields.all(name).map(str::to_owned).collect()
    }

    #[test]
    fn who_is_invited_has_each_item_until_the_form_says_otherwise() {
        let typed = [("items", "2"), ("bodies", "a/x"), ("bodies", "b/y"), ("step", "share")];
        let shared = another_step(&fields(&typed)).unwrap();
        for number in [0, 1] {
            assert_eq!(all(&shared, &bodies_field(number)), ["a/x", "b/y"], "{number}");
        }
        assert_eq!(all(&shared, "among"), ["a/x", "b/y"]);
        assert!(!is_outdated(&shared) && another_step(&shared).is_none());

        // One was taken from an item: that stays when another item comes.
        let taken = [
            ("items", "1"),
            ("share", "yes"),
            ("bodies", "a/x"),
            ("bodies", "b/y"),
            ("among", "a/x"),
            ("among", "b/y"),
            ("for0", "a/x"),
            ("step", "more"),
        ];
        let more = another_step(&fields(&taken)).unwrap();
        assert_eq!((count(&more), all(&more, "for0")), (2, vec!["a/x".to_owned()]));
        assert_eq!(all(&more, "for1"), ["a/x", "b/y"]);

        // Another body is invited, and one is not any more: that has to be looked at.
        let changed = [
            ("items", "1"),
            ("share", "yes"),
            ("bodies", "a/x"),
            ("bodies", "c/z"),
            ("among", "a/x"),
            ("among", "b/y"),
            ("for0", "b/y"),
        ];
        let changed = fields(&changed);
        assert!(is_outdated(&changed));
        let anew = shared_anew(changed);
        assert_eq!(
            (all(&anew, "among"), is_outdated(&anew)),
            (vec!["a/x".into(), "c/z".into()], false)
        );
        assert!(!anew.has("for0", "c/z") && !anew.has("for0", "a/x"), "who is new has nothing");
    }

    #[test]
    fn a_narrowed_item_stays_so_whatever_is_pressed() {
        let narrowed = [("share", "yes"), ("among", "a/x"), ("among", "b/y"), ("for0", "a/x")];
        let pressed = |more: &[(&str, &str)]| {
            let typed: Vec<_> = narrowed.iter().chain(more).copied().collect();
            let pressed = fields(&typed);
            another_step(&pressed).unwrap_or_else(|| shared_anew(pressed))
        };
        // Another body and another item at once.
        let bodies = [("bodies", "a/x"), ("bodies", "b/y"), ("bodies", "c/z")];
        let more = pressed(&[&[("items", "1"), ("step", "more")], &bodies[..]].concat());
        assert_eq!(all(&more, "for0"), ["a/x"]);
        assert_eq!(all(&more, "for1"), ["a/x", "b/y", "c/z"]);
        // All are taken out, and invited again.
        let none = pressed(&[("items", "1"), ("step", "plan")]);
        assert!(are_shared(&none) && all(&none, "among") == ["a/x", "b/y"]);
        let again = pressed(&[&[("items", "1"), ("step", "plan")], &bodies[..2]].concat());
        assert_eq!((all(&again, "for0"), is_outdated(&again)), (vec!["a/x".to_owned()], false));
    }

    #[test]
    fn among_nobody_nothing_is_shared_out() {
        let form = another_step(&fields(&[("items", "2"), ("step", "share")])).unwrap();
        assert!(!are_shared(&form));
        let bodies = [("items", "2"), ("step", "share"), ("bodies", "a/x")];
        assert_eq!(all(&another_step(&fields(&bodies)).unwrap(), "for1"), ["a/x"]);
    }

    #[test]
    fn without_sharing_out_there_is_nothing_to_choose() {
        let typed = [("items", "1"), ("bodies", "a/x"), ("step", "more")];
        let more = another_step(&fields(&typed)).unwrap();
        assert_eq!((count(&more), all(&more, "for0").len(), is_outdated(&more)), (2, 0, false));
        assert!(shared(&more, &[Choice::new("a/x", "A")]).is_empty());
        assert!(another_step(&fields(&[("step", "plan")])).is_none());
    }
}
