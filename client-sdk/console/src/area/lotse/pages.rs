//! Long lists on several pages: which part one page shows, and the ways to the others.

use std::collections::HashMap;

use crate::desk::Desk;
use crate::texts::filled;

/// Rows on one page.
const PAGE: usize = 50;

/// The ways to the other pages of a list.
#[derive(Clone, Debug, Default)]
pub(super) struct Pages {
    pub(super) told: String,
    pub(super) previous: Option<String>,
    pub(super) next: Option<String>,
}

/// The page that an address asks for; the first one if it names none.
pub(super) fn asked(asked: &HashMap<String, String>) -> usize {
    asked.get("page").and_then(|page| page.parse().ok()).unwrap_or(1)
}

/// Rows of one page, and the ways to the others. Beyond the end is the last page.
pub(super) fn cut<T>(desk: &Desk, path: &str, page: usize, rows: Vec<T>) -> (Vec<T>, Pages) {
    let (rows, page, pages) = part(page, rows);
    let to = |page: usize| desk.surface.at(format!("{path}?page={page}"));
    let told = filled(desk.t().lotse.page_n, &[&page.to_string(), &pages.to_string()]);
    let previous = (page > 1).then(|| to(page - 1));
    (rows, Pages { told, previous, next: (page < pages).then(|| to(page + 1)) })
}

/// Rows of one page, its number, and how many pages there are.
fn part<T>(page: usize, rows: Vec<T>) -> (Vec<T>, usize, usize) {
    let pages = rows.len().div_ceil(PAGE).max(1);
    let page = page.clamp(1, pages);
    (rows.into_iter().skip((page - 1) * PAGE).take(PAGE).collect(), page, pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_on_one_page() {
        let all: Vec<usize> = (0..101).collect();
        let pages: Vec<_> = (1..=3).map(|page| part(page, all.clone())).collect();
        assert!(pages.iter().zip(1..).all(|((_, page, of), number)| (*page, *of) == (number, 3)));
        assert_eq!(pages.iter().map(|(rows, ..)| rows.len()).collect::<Vec<_>>(), [50, 50, 1]);
        assert_eq!(pages.into_iter().flat_map(|(rows, ..)| rows).collect::<Vec<_>>(), all);
    }

    #[test]
    fn beyond_the_end_is_the_last_page_and_an_empty_list_has_one() {
        assert_eq!(part(99, vec![7; 60]), (vec![7; 10], 2, 2));
        assert_eq!(part(0, vec![7; 60]), (vec![7; 50], 1, 2));
        assert_eq!(part(2, Vec::<u8>::new()), (Vec::new(), 1, 1));
    }
}
