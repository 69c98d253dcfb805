//! What is sent, held against what is stored.

use std::collections::BTreeSet;

use portolan_model::Violations;
use prost::Message;
use prost_reflect::DynamicMessage;

use super::Table;
use super::below::{self, Steps};
use super::named::Named;

impl<M: Message + Default + Clone, F: Copy + Ord + Send + Sync, P> Table<M, F, P> {
    /// Drops what is wrong with what is stored in the same way, and was not changed.
    pub(super) fn excuse(&self, stored: &M, whole: &M, violations: &mut Violations) {
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

    /// What is stored, with everything that is named taken over from what was sent; and the fields that differ by that.
    pub(super) fn over(&self, named: &Named<F>, stored: &M, sent: &M) -> (M, BTreeSet<F>) {
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
