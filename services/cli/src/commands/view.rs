//! Resources of one kind, as `get` and its watch show them.

use std::time::SystemTime;

use super::Format;
use crate::kind::Kind;
use crate::object::Object;
use crate::output::{self, table::Table};

/// How resources of one kind are shown.
pub(super) struct View {
    pub(super) kind: Kind,
    pub(super) format: Format,
    pub(super) with_namespace: bool,
    /// Several kinds are shown together, so `service/web` rather than `web`.
    pub(super) with_kind: bool,
}

impl View {
    pub(super) fn is_names(&self) -> bool {
        self.format == Format::Name
    }

    /// Whether what came before a row matters to it.
    pub(super) fn is_table(&self) -> bool {
        matches!(self.format, Format::Table | Format::Wide)
    }

    /// One text for all of them; documents are separated, since a watch has no end to close a list at.
    pub(super) fn render(
        &self,
        objects: &[Object],
        widths: &mut Vec<usize>,
        header: bool,
    ) -> String {
        match self.format {
            Format::Table | Format::Wide => self.table(objects).render(widths, header),
            Format::Name => {
                let name = |object: &Object| format!("{}/{}\n", self.kind.noun(), object.name());
                objects.iter().map(name).collect()
            }
            Format::Yaml => {
                let yaml = |object| format!("---\n{}", output::document(object).to_yaml());
                objects.iter().map(yaml).collect()
            }
            Format::Json => objects
                .iter()
                .map(|object| output::document(object).to_json())
                .collect(),
        }
    }

    fn table(&self, objects: &[Object]) -> Table {
        let (wide, now) = (self.format == Format::Wide, SystemTime::now().into());
        let mut header = output::header(self.kind, wide);
        if self.with_namespace {
            header.insert(0, "NAMESPACE");
        }
        let mut table = Table::new(header);
        for object in objects {
            let mut row = output::row(object, wide, now);
            if self.with_kind {
                row[0] = format!("{}/{}", self.kind.noun(), row[0]);
            }
            if self.with_namespace {
                row.insert(0, object.namespace().to_owned());
            }
            table.push(row);
        }
        table
    }
}
