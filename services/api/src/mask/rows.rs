//! The fields that a write can name.

use prost_reflect::{Kind, MessageDescriptor};

use super::Table;
use super::below::{self, Step, Steps};

/// Output only: naming them is no mistake, and has no effect.
pub(super) const OUTPUT_ONLY: [&str; 10] = [
    "name",
    "uid",
    "generation",
    "etag",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
    // Only Services and workloads have them.
    "warnings",
];

/// A field that a write without a mask replaces if it is populated.
pub(super) struct Row {
    pub(super) path: String,
    pub(super) steps: Steps,
}

impl<M, S> Table<M, S> {
    /// Every field that is not output only; of what is open the fields in it.
    pub(super) fn rows(&self) -> Vec<Row> {
        let mut rows = Vec::new();
        self.add_rows(&below::descriptor(self.message), None, &mut rows);
        rows
    }

    fn add_rows(&self, message: &MessageDescriptor, above: Option<&Row>, rows: &mut Vec<Row>) {
        for field in message.fields() {
            let (path, mut steps) = match above {
                Some(above) => (
                    format!("{}.{}", above.path, field.name()),
                    above.steps.clone(),
                ),
                None => (field.name().to_owned(), Steps::new()),
            };
            let kind = field.kind();
            steps.push(Step::Field(field));
            let row = Row { path, steps };
            match kind {
                Kind::Message(inner) if self.open.contains(&row.path.as_str()) => {
                    self.add_rows(&inner, Some(&row), rows);
                }
                _ if OUTPUT_ONLY.contains(&row.path.as_str()) => {}
                _ => rows.push(row),
            }
        }
    }
}
