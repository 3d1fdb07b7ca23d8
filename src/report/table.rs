//! A Markdown table. Every cell is escaped here, so that no caller can forget it.

use super::text::markdown;

/// A table in the making.
pub(super) struct Table {
    text: String,
    columns: usize,
    rows: usize,
}

impl Table {
    pub(super) fn new(head: &[&str]) -> Self {
        let mut table = Self { text: String::new(), columns: head.len(), rows: 0 };
        table.line(head.iter().map(|cell| markdown(cell)));
        table.line(head.iter().map(|_| "---".to_owned()));
        table
    }

    /// Adds a row of plain text; missing cells stay empty.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows += 1;
        self.line(cells.into_iter().map(|cell| markdown(&cell)));
    }

    /// Adds several.
    pub(super) fn rows<R: IntoIterator<Item = String>>(&mut self, rows: impl IntoIterator<Item = R>) {
        rows.into_iter().for_each(|row| self.row(row));
    }

    fn line(&mut self, cells: impl IntoIterator<Item = String>) {
        let cells = cells.into_iter().chain(std::iter::repeat(String::new())).take(self.columns);
        for cell in cells {
            self.text.push_str("| ");
            self.text.push_str(&cell);
            self.text.push(' ');
        }
        self.text.push_str("|\n");
    }

    /// The table, or `otherwise` when it has no rows.
    pub(super) fn finish(self, otherwise: &str) -> String {
        if self.rows == 0 { format!("{otherwise}\n") } else { self.text }
    }
}

/// The first and the last of many, and how many lie between.
pub(super) fn ends<T>(all: &[T], first: usize, last: usize) -> (&[T], usize, &[T]) {
    match all.len().checked_sub(first + last) {
        None | Some(0) => (all, 0, &[]),
        Some(between) => {
            let (head, rest) = all.split_at(first);
            (head, between, rest.split_at(between).1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_cannot_break_out_of_their_row() {
        let mut table = Table::new(&["a", "b"]);
        table.row(["x|y\nz".to_owned()]);
        assert_eq!(table.finish("none"), "| a | b |\n| --- | --- |\n| x\\|y z |  |\n");
        assert_eq!(Table::new(&["a"]).finish("None."), "None.\n");
    }

    #[test]
    fn what_is_many_keeps_its_ends() {
        assert_eq!(ends(&[1, 2, 3, 4, 5], 2, 1), (&[1, 2][..], 2, &[5][..]));
        assert_eq!(ends(&[1, 2, 3], 2, 1), (&[1, 2, 3][..], 0, &[][..]));
        assert_eq!(ends(&[1], 2, 1), (&[1][..], 0, &[][..]));
    }
}
