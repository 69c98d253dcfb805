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

/// From a message to the parameters of a write; collects what is wrong.
type Params<M, F, P> = fn(&M, BTreeSet<F>, &mut Violations) -> Option<P>;

/// What the masks of a resource can name, and what becomes of it.
pub(crate) struct Table<M: 'static, F: 'static, P: 'static> {
    /// Full name of the resource's message.
    pub(crate) message: &'static str,
    /// The request's field that has it.
    pub(crate) field: &'static str,
    /// Every field that is not output only.
    pub(crate) rows: &'static [Row<M, F>],
    pub(crate) params: Params<M, F, P>,
    /// More that is wrong with what is refused anyway.
    pub(crate) check: fn(&P, &mut Violations),
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

impl<M: Message + Default + Clone, F: Copy + Ord + Send + Sync, P> Table<M, F, P> {
    /// What a write asks for. A path stands for the field it is, or for all fields below it; `*` for all of them.
    /// Without a mask: the fields that are populated.
    ///
    /// What is wrong with the message alone is no refusal yet if nothing else is: it may be stored like that.
    pub(crate) fn asked(
        &'static self,
        mask: Option<&FieldMask>,
        sent: &M,
        violations: &mut Violations,
    ) -> Option<Asked<M, P>> {
        let named = self.named(mask, sent, violations);
        if named.below.is_empty() {
            let mut own = Violations::new();
            let params = (self.params)(sent, named.fields.clone(), &mut own);
            if own.is_empty() {
                return params.map(Asked::Now);
            }
            if !violations.is_empty() {
                if let Some(params) = &params {
                    (self.check)(params, &mut own);
                }
                violations.extend(own);
                return None;
            }
        }
        let sent = sent.clone();
        let complete = move |stored: Option<M>| self.complete(&named, stored.as_ref(), &sent);
        Some(Asked::Completed(Box::new(complete)))
    }

    /// The parameters, once it is known what is stored.
    fn complete(&self, named: &Named<F>, stored: Option<&M>, sent: &M) -> Result<P, Refusal> {
        let mut violations = Violations::new();
        let params = match stored {
            // What is created is taken as a whole, whatever the mask says (AIP-134).
            None => (self.params)(sent, named.fields.clone(), &mut violations),
            Some(stored) => {
                let (whole, fields) = self.over(named, stored, sent);
                let params = (self.params)(&whole, fields, &mut violations);
                self.excuse(stored, &whole, &mut violations);
                params
            }
        };
        if let Some(params) = params.as_ref().filter(|_| !violations.is_empty()) {
            (self.check)(params, &mut violations);
        }
        violations.into_result()?;
        params.ok_or_else(|| Refusal::invalid("", "the request lacks a required field"))
    }

    /// Drops what is wrong with what is stored in the same way, and was not changed.
    fn excuse(&self, stored: &M, whole: &M, violations: &mut Violations) {
        if violations.is_empty() {
            return;
        }
        let all = self.rows.iter().map(|(_, field, _)| *field);
        let mut earlier = Violations::new();
        (self.params)(stored, all.collect(), &mut earlier);
        let (stored, whole) = (self.dynamic(stored), self.dynamic(whole));
        violations.retain(|v| {
            let is_old = earlier.iter().any(|old| old == v);
            !(is_old && self.is_kept(&v.field, &stored, &whole))
        });
    }

    /// Whether a field of the request is as it is stored: a row as a whole, or one key of a map.
    fn is_kept(&self, field: &str, stored: &DynamicMessage, whole: &DynamicMessage) -> bool {
        let below = field.strip_prefix(self.field);
        let path = below.and_then(|below| below.strip_prefix('.'));
        let row = self.rows.iter().find_map(|(row, ..)| {
            let rest = path?.strip_prefix(row)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(*row)
        });
        row.is_some_and(|row| {
            let steps = self.steps(row);
            let [stored, whole] = [stored, whole].map(|message| below::value(message, &steps));
            below::is_same(stored.as_ref(), whole.as_ref(), field)
        })
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

    /// What is stored, with everything that is named taken over from what was sent; and the fields that differ by that.
    fn over(&self, named: &Named<F>, stored: &M, sent: &M) -> (M, BTreeSet<F>) {
        let (before, sent) = (self.dynamic(stored), self.dynamic(sent));
        let mut whole = before.clone();
        let is_named = |field| named.fields.contains(field);
        for (row, ..) in self.rows.iter().filter(|(_, field, _)| is_named(field)) {
            below::take(&mut whole, Some(&sent), &self.steps(row));
        }
        for (_, steps) in &named.below {
            below::take(&mut whole, Some(&sent), steps);
        }
        let differs = |row| {
            let steps = self.steps(row);
            below::value(&before, &steps) != below::value(&whole, &steps)
        };
        let changed = self.rows.iter().filter(|(row, ..)| differs(row));
        let changed = changed.map(|(_, field, _)| *field).collect();
        let whole = whole.transcode_to();
        (
            whole.expect("a message is what its descriptor says"),
            changed,
        )
    }

    fn dynamic(&self, message: &M) -> DynamicMessage {
        let mut dynamic = DynamicMessage::new(below::descriptor(self.message));
        dynamic
            .transcode_from(message)
            .expect("a message is what its descriptor says");
        dynamic
    }

    fn steps(&self, row: &str) -> Steps {
        let parts: Vec<_> = row.split('.').map(str::to_owned).collect();
        below::resolve(&below::descriptor(self.message), &parts)
            .expect("a row is a field of its message")
    }
}

#[cfg(test)]
mod tests;
