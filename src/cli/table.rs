//! Tables for people: columns as wide as their widest cell, numbers to the right.

/// Lays rows out; the first is the header.
pub(super) fn lay_out(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns)
        .map(|column| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let cells = row.iter().zip(&widths).map(|(cell, width)| {
            let numeric = cell.starts_with(|c: char| c.is_ascii_digit() || c == '-');
            if numeric { format!("{cell:>width$}") } else { format!("{cell:<width$}") }
        });
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_line_up() {
        let rows = [["market", "trips"], ["a", "10"], ["long-name", "2"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(super::lay_out(&rows), "market     trips\na             10\nlong-name      2\n");
    }
}
