//! Lines of labels and values, as `kubectl describe` lays them out.

use portolan_proto::v1;
use prost_types::Timestamp;

use super::table::Table;
use super::{conditions, events};
use crate::object::{self, Pairs, Specified};

/// The column that values begin in.
const INDENT: usize = 26;

/// Lines of a label and a value.
#[derive(Default)]
pub(crate) struct Lines(String);

impl Lines {
    /// What every description begins with.
    pub(crate) fn about<T: Specified>(resource: &T) -> Self {
        let mut lines = Self::default();
        lines.field("Name", object::last(resource.path()));
        if T::KIND.is_namespaced() {
            lines.field("Namespace", object::namespace(resource.path()));
        }
        if let (Some(labels), Some(annotations)) = (resource.labels(), resource.annotations()) {
            lines.map("Labels", labels, "=");
            lines.map("Annotations", annotations, ": ");
        }
        lines
    }

    fn line(&mut self, label: &str, value: &str) {
        // The terminal must not obey what somebody wrote into an annotation.
        let value = value.replace(|c: char| c.is_control(), " ");
        let gap = if label.len() < INDENT { "" } else { " " };
        let line = format!("{label:<INDENT$}{gap}{value}");
        self.0.push_str(line.trim_end());
        self.0.push('\n');
    }

    pub(crate) fn field(&mut self, label: &str, value: impl AsRef<str>) {
        self.line(&format!("{label}:"), value.as_ref());
    }

    pub(crate) fn unless_empty(&mut self, label: &str, value: impl AsRef<str>) {
        if !value.as_ref().is_empty() {
            self.field(label, value);
        }
    }

    /// A map, one pair a line.
    pub(crate) fn map(&mut self, label: &str, map: &Pairs, separator: &str) {
        if map.is_empty() {
            self.field(label, "<none>");
        }
        let labels = std::iter::once(format!("{label}:")).chain(std::iter::repeat(String::new()));
        for (label, (key, value)) in labels.zip(map) {
            self.line(&label, &format!("{key}{separator}{value}"));
        }
    }

    pub(crate) fn table(&mut self, label: &str, table: &Table) {
        if table.is_empty() {
            self.field(label, "<none>");
            return;
        }
        self.field(label, "");
        for line in table.render(&mut Vec::new(), true).lines() {
            self.0.push_str("  ");
            self.0.push_str(line);
            self.0.push('\n');
        }
    }

    pub(crate) fn conditions(&mut self, conditions: &[v1::Condition]) {
        let mut table = Table::new(vec!["Type", "Status", "Reason", "Message"]);
        for condition in conditions {
            table.push(vec![
                condition.r#type.clone(),
                conditions::status(condition).to_owned(),
                condition.reason.clone(),
                condition.message.clone(),
            ]);
        }
        self.table("Conditions", &table);
    }

    pub(crate) fn events(&mut self, events: &[v1::Event], now: Timestamp) {
        let mut table = Table::new(vec!["Type", "Reason", "Age", "From", "Message"]);
        for event in events {
            table.push(vec![
                events::kind(event).to_owned(),
                event.reason.clone(),
                events::seen(event, now),
                event.component.clone(),
                event.message.clone(),
            ]);
        }
        self.table("Events", &table);
    }

    pub(crate) fn end(self) -> String {
        self.0
    }
}
