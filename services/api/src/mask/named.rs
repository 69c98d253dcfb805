//! From a mask to the fields that it means.

use std::fmt;

use portolan_model::Violations;
use portolan_model::limits::MASK_PATHS;
use prost::Message;
use prost_types::FieldMask;

use super::below::Steps;
use super::rows::{OUTPUT_ONLY, Row};
use super::{Table, below, nearest, path};

impl<M, S> Table<M, S>
where
    M: Message + Default + fmt::Debug,
    S: Clone + fmt::Debug + Send + Sync,
{
    /// The fields that a write means, as a whole or in part; `None`: all of them.
    pub(super) fn named(
        &self,
        mask: Option<&FieldMask>,
        sent: &M,
        violations: &mut Violations,
    ) -> Option<Vec<Steps>> {
        let rows = self.rows();
        let Some(mask) = mask.filter(|mask| !mask.paths.is_empty()) else {
            let sent = self.dynamic(sent);
            let rows = rows.into_iter().map(|row| row.steps);
            let populated = rows.filter(|steps| below::value(&sent, steps).is_some());
            return Some(populated.collect());
        };
        let mut named = Vec::new();
        if mask.paths == ["*"] {
            return None;
        } else if mask.paths.len() > MASK_PATHS.value {
            let said = MASK_PATHS.exceeded(mask.paths.len());
            violations.add("update_mask.paths", said + "; name fields as a whole");
            return Some(named);
        }
        for (i, path) in mask.paths.iter().enumerate() {
            match self.name(path, &rows) {
                Ok(steps) => named.extend(steps),
                Err(wrong) => violations.add(
                    format!("update_mask.paths[{i}]"),
                    format!("{path:?} {wrong}"),
                ),
            }
        }
        Some(named)
    }

    /// What a path stands for, or what is wrong with it.
    fn name(&self, path: &str, rows: &[Row]) -> Result<Vec<Steps>, String> {
        let parts = path::parse(path)?;
        if parts.iter().any(|part| part == "*") {
            return Err("is no field: * stands for all fields, and only alone".to_owned());
        }
        let mut named = Vec::new();
        for row in rows {
            let words = row.path.split('.');
            if !words.clone().zip(&parts).all(|(word, part)| word == part) {
                continue;
            }
            if words.count() >= parts.len() {
                named.push(row.steps.clone());
                continue;
            }
            match below::resolve(&below::descriptor(self.message), &parts) {
                Ok(steps) => named.push(steps),
                Err(wrong) if wrong.is_empty() => return Err(self.unknown(path, rows)),
                Err(wrong) => return Err(wrong),
            }
        }
        if named.is_empty() && !OUTPUT_ONLY.contains(&parts[0].as_str()) {
            return Err(self.unknown(path, rows));
        }
        Ok(named)
    }

    fn unknown(&self, path: &str, rows: &[Row]) -> String {
        let mut names = Vec::new();
        below::names(&below::descriptor(self.message), "", &mut names);
        names.retain(|name| !OUTPUT_ONLY.contains(&name.split('.').next().unwrap_or_default()));
        let near = nearest::nearest(path, &names);
        if near.is_empty() {
            let rows: Vec<_> = rows.iter().map(|row| row.path.as_str()).collect();
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
