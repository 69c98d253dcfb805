//! Text for reading: sentences wrapped below their labels, so that the eye finds them.

use crate::output::table::Table;

/// Where lines end, at the latest: what one can read without losing the line.
const WIDTH: usize = 100;
/// The column that values begin in.
const INDENT: usize = 13;

/// Lines in the making.
#[derive(Default)]
pub(super) struct Prose(String);

impl Prose {
    pub(super) fn blank(&mut self) {
        self.0.push('\n');
    }

    pub(super) fn paragraph(&mut self, text: &str) {
        self.wrap(0, text);
    }

    pub(super) fn heading(&mut self, text: &str) {
        self.paragraph(text);
    }

    /// A labelled value; none if it is empty. A dash is a narrow label.
    pub(super) fn item(&mut self, label: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        let indent = if label == "-" { 4 } else { INDENT };
        let width = indent - 2;
        self.0.push_str("  ");
        self.0.push_str(label);
        let blanks = width.saturating_sub(label.len());
        self.0.extend(std::iter::repeat_n(' ', blanks));
        self.wrap(indent, text);
    }

    pub(super) fn table(&mut self, table: &Table) {
        for line in table.render(&mut Vec::new(), true).lines() {
            self.0.push_str("  ");
            self.0.push_str(line);
            self.0.push('\n');
        }
    }

    pub(super) fn end(self) -> String {
        self.0
    }

    /// Words, beginning where the line stands at `indent`.
    fn wrap(&mut self, indent: usize, text: &str) {
        // The terminal must not obey what somebody wrote into a name.
        let text = text.replace(|c: char| c.is_control(), " ");
        let mut column = indent;
        for (i, word) in text.split(' ').filter(|word| !word.is_empty()).enumerate() {
            let length = word.chars().count();
            if i > 0 && column + 1 + length > WIDTH {
                self.0.push('\n');
                self.0.extend(std::iter::repeat_n(' ', indent));
                column = indent;
            } else if i > 0 {
                self.0.push(' ');
                column += 1;
            }
            self.0.push_str(word);
            column += length;
        }
        self.0.push('\n');
    }
}
