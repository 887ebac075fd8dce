//! Tables with aligned columns.

use std::fmt;

/// Cells are padded to the widest of their column; the last column is not padded.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
    empty: &'static str,
}

impl Table {
    /// A table with a head; `empty` is shown if there are no rows.
    pub(crate) fn new(head: &[&str], empty: &'static str) -> Self {
        Self { rows: vec![head.iter().map(|cell| cell.to_uppercase()).collect()], empty }
    }

    /// Adds a row. Line breaks become spaces, control characters are left out.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        let clean = |cell: String| {
            let spaced = cell.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
            spaced.filter(|c| !c.is_control()).collect()
        };
        self.rows.push(cells.into_iter().map(clean).collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.rows.len() == 1 {
            return f.write_str(self.empty);
        }
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        let lines = self.rows.iter().map(|row| {
            let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        });
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_characters() {
        let mut table = Table::new(&["name", "count"], "none");
        assert_eq!(table.to_string(), "none");
        table.row(vec!["Träger".into(), "3".into()]);
        table.row(vec!["x".into(), "1\u{1b}2\n3".into()]);
        assert_eq!(table.to_string(), "NAME    COUNT\nTräger  3\nx       12 3");
    }
}
