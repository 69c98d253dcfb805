//! From a mask to the fields that it means.

use std::collections::BTreeSet;

use portolan_model::Violations;
use prost::Message;
use prost_types::FieldMask;

use super::below::Steps;
use super::{Table, below, nearest, path};

/// Paths of one mask.
pub(super) const MAX_PATHS: usize = 256;

/// Output only: naming them is no mistake, and has no effect.
const OUTPUT_ONLY: [&str; 10] = [
    "name",
    "uid",
    "generation",
    "etag",
    "revision",
    "create_time",
    "update_time",
    "delete_time",
    "status",
    // Only Services have them.
    "warnings",
];

/// The fields that a write means.
pub(super) struct Named<F> {
    /// As a whole.
    pub(super) fields: BTreeSet<F>,
    /// In part: the field, and the way to the part.
    pub(super) below: Vec<(F, Steps)>,
}

impl<M: Message + Default + Clone, F: Copy + Ord + Send + Sync, P> Table<M, F, P> {
    pub(super) fn named(
        &self,
        mask: Option<&FieldMask>,
        sent: &M,
        violations: &mut Violations,
    ) -> Named<F> {
        let mut named = Named {
            fields: BTreeSet::new(),
            below: Vec::new(),
        };
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
            let populated = self.rows.iter().filter(|(.., populated)| populated(sent));
            named.fields.extend(populated.map(|(_, field, _)| *field));
            return named;
        };
        if mask.paths.len() > MAX_PATHS {
            let said = format!("at most {MAX_PATHS} paths are allowed; name fields as a whole");
            violations.add("update_mask.paths", said);
            return named;
        }
        for (i, path) in mask.paths.iter().enumerate() {
            if path == "*" && mask.paths.len() == 1 {
                named
                    .fields
                    .extend(self.rows.iter().map(|(_, field, _)| *field));
            } else if let Err(wrong) = self.name(path, &mut named) {
                violations.add(
                    format!("update_mask.paths[{i}]"),
                    format!("{path:?} {wrong}"),
                );
            }
        }
        let Named { fields, below } = &mut named;
        below.retain(|(field, _)| !fields.contains(field));
        named
    }

    /// Adds what a path stands for, or says what is wrong with it.
    fn name(&self, path: &str, named: &mut Named<F>) -> Result<(), String> {
        let parts = path::parse(path)?;
        if parts.iter().any(|part| part == "*") {
            return Err("is no field: * stands for all fields, and only alone".to_owned());
        }
        let mut is_known = OUTPUT_ONLY.contains(&parts[0].as_str());
        for (row, field, _) in self.rows {
            let row: Vec<_> = row.split('.').collect();
            if row.len() >= parts.len() && row.iter().zip(&parts).all(|(a, b)| a == b) {
                named.fields.insert(*field);
                is_known = true;
            } else if row.iter().zip(&parts).all(|(a, b)| a == b) {
                match below::resolve(&below::descriptor(self.message), &parts) {
                    Ok(steps) => named.below.push((*field, steps)),
                    Err(wrong) if wrong.is_empty() => return Err(self.unknown(path)),
                    Err(wrong) => return Err(wrong),
                }
                is_known = true;
            }
        }
        if is_known {
            Ok(())
        } else {
            Err(self.unknown(path))
        }
    }

    fn unknown(&self, path: &str) -> String {
        let mut names = Vec::new();
        below::names(&below::descriptor(self.message), "", &mut names);
        names.retain(|name| !OUTPUT_ONLY.contains(&name.split('.').next().unwrap_or_default()));
        let near = nearest::nearest(path, &names);
        if near.is_empty() {
            let rows: Vec<_> = self.rows.iter().map(|(row, ..)| *row).collect();
            let rows = rows.join(", ");
            return format!(
                "is no field that can be written; name some of {rows}, or what is below them, or * alone for all"
            );
        }
        format!(
            "is no field that can be written; did you mean {}?",
            near.join(" or ")
        )
    }
}
