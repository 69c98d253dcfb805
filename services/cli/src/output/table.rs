//! Tables as kubectl prints them: columns as wide as their widest cell, three blanks apart.

const GAP: usize = 3;

/// Rows of cells, all as long as the header.
pub(crate) struct Table {
    header: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(header: Vec<&'static str>) -> Self {
        let rows = Vec::new();
        Self { header, rows }
    }

    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The lines. `widths` are those of what was printed before, and grow: later rows of a watch stay in line.
    pub(crate) fn render(&self, widths: &mut Vec<usize>, with_header: bool) -> String {
        widths.resize(self.header.len(), 0);
        for (width, name) in widths.iter_mut().zip(&self.header) {
            *width = (*width).max(name.len());
        }
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let header: Vec<_> = self.header.iter().map(ToString::to_string).collect();
        let header = with_header.then_some(&header);
        let lines = header.into_iter().chain(&self.rows);
        lines.map(|cells| line(cells, widths)).collect()
    }
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (i, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let last = i + 1 == cells.len();
        let width = if last { 0 } else { width + GAP };
        // The terminal must not obey what somebody wrote into a message.
        let cell = cell.replace(|c: char| c.is_control(), " ");
        let blanks = width.saturating_sub(cell.chars().count());
        line.push_str(&cell);
        line.extend(std::iter::repeat_n(' ', blanks));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    line
}

/// Cells that may be empty say so.
pub(crate) fn or_none(text: impl Into<String>) -> String {
    match text.into() {
        text if text.is_empty() => "<none>".to_owned(),
        text => text,
    }
}

#[cfg(test)]
mod tests {
    use super::Table;

    #[test]
    fn later_rows_keep_the_columns_of_earlier_ones() {
        let row = |cells: [&str; 2]| cells.map(ToOwned::to_owned).to_vec();
        let mut first = Table::new(vec!["NAME", "AGE"]);
        first.push(row(["a-long-name", "5s"]));
        let mut widths = Vec::new();
        assert_eq!(
            first.render(&mut widths, true),
            "NAME          AGE\na-long-name   5s\n"
        );
        let mut second = Table::new(vec!["NAME", "AGE"]);
        second.push(row(["b\u{1b}[2J", "3m4s"]));
        assert_eq!(second.render(&mut widths, false), "b [2J         3m4s\n");
    }
}
