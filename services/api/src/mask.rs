//! Field masks by table (AIP-134, AIP-161): one row a field that a write can name, and below the rows whatever the
//! message's descriptor has: fields of messages, keys of maps.
//!
//! ```text
//! path --path::parse--> parts --'--> a row, or rows below it: replaced as they were sent
//!                               '--> below a row: taken over into what is stored, when that is known (Asked)
//! ```

mod asked;
mod below;
mod nearest;
mod path;

use std::collections::BTreeSet;

use portolan_model::{Refusal, Violations};
use prost::Message;
use prost_reflect::DynamicMessage;
use prost_types::FieldMask;

pub(crate) use asked::Asked;
use below::Steps;

/// Paths of one mask.
const MAX_PATHS: usize = 256;

/// A field: its path, what it is to the allocator, and whether a message has it populated.
pub(crate) type Row<M, F> = (&'static str, F, fn(&M) -> bool);

/// What the masks of a resource can name.
pub(crate) struct Table<M: 'static, F: 'static> {
    /// Full name of the resource's message.
    pub(crate) message: &'static str,
    /// Every field that is not output only.
    pub(crate) rows: &'static [Row<M, F>],
}

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
struct Named<F> {
    /// As a whole.
    fields: BTreeSet<F>,
    /// In part: the field, and the way to the part.
    below: Vec<(F, Steps)>,
}

impl<M: Message + Default + Clone + 'static, F: Copy + Ord + Send + Sync> Table<M, F> {
    /// What a write asks for. A path stands for the field it is, or for all fields below it; `*` for all of them.
    /// Without a mask: the fields that are populated.
    pub(crate) fn asked<P: 'static>(
        &'static self,
        mask: Option<&FieldMask>,
        sent: &M,
        params: fn(&M, BTreeSet<F>, &mut Violations) -> Option<P>,
        violations: &mut Violations,
    ) -> Option<Asked<M, P>> {
        let named = self.named(mask, sent, violations);
        if named.below.is_empty() {
            return params(sent, named.fields, violations).map(Asked::Now);
        }
        let sent = sent.clone();
        let complete = move |stored: Option<M>| {
            let mut violations = Violations::new();
            // What is created is taken as a whole, whatever the mask says (AIP-134).
            let whole = stored.map(|stored| self.over(&named, &stored, &sent));
            let mut fields = named.fields.clone();
            fields.extend(named.below.iter().map(|(field, _)| *field));
            let params = params(whole.as_ref().unwrap_or(&sent), fields, &mut violations);
            violations.into_result()?;
            params.ok_or_else(|| Refusal::invalid("", "the request lacks a required field"))
        };
        Some(Asked::Completed(Box::new(complete)))
    }

    fn named(&self, mask: Option<&FieldMask>, sent: &M, violations: &mut Violations) -> Named<F> {
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

    /// What is stored, with everything that is named taken over from what was sent.
    fn over(&self, named: &Named<F>, stored: &M, sent: &M) -> M {
        let descriptor = below::descriptor(self.message);
        let dynamic = |message: &M| {
            let mut dynamic = DynamicMessage::new(descriptor.clone());
            dynamic
                .transcode_from(message)
                .expect("a message is what its descriptor says");
            dynamic
        };
        let (mut whole, sent) = (dynamic(stored), dynamic(sent));
        let rows = self
            .rows
            .iter()
            .filter(|(_, field, _)| named.fields.contains(field));
        let rows = rows.filter_map(|(row, ..)| {
            let parts: Vec<_> = row.split('.').map(str::to_owned).collect();
            below::resolve(&descriptor, &parts).ok()
        });
        let below = named.below.iter().map(|(_, steps)| steps.clone());
        for steps in rows.chain(below) {
            below::take(&mut whole, Some(&sent), &steps);
        }
        whole
            .transcode_to()
            .expect("a message is what its descriptor says")
    }
}

#[cfg(test)]
mod tests;
