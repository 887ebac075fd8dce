//! Tables with aligned columns.

use std::fmt;

use schleuse_client::terminal_line;

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

    /// Adds a row; each cell is one line, with nothing in it that acts on a terminal.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.iter().map(|cell| terminal_line(cell)).collect());
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
        assert_eq!(table.to_string(), "NAME    COUNT\nTräger  3\nx       1\u{fffd}2 3");
    }
}
