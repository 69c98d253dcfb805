//! What a commit writes.

use std::collections::HashMap;

use portolan_model::{Kind, Record};

/// What a change does to its table, once everything that follows it in the commit is known.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Nothing: a later change of the same object decides, or there was nothing before and is nothing after.
    None,
    /// A new row; there must be none.
    Insert,
    /// Another value of a row that must be there.
    Update,
    /// The row goes.
    Delete,
}

/// The net effect of every change, in order: each object's is at its last change.
pub fn effects(records: &[Record]) -> Vec<Effect> {
    let mut ends: HashMap<(Kind, &str), (bool, usize)> = HashMap::with_capacity(records.len());
    for (index, record) in records.iter().enumerate() {
        ends.entry((record.kind, &record.path))
            .or_insert_with(|| (record.before.is_some(), index))
            .1 = index;
    }
    let mut effects = vec![Effect::None; records.len()];
    for (existed, last) in ends.into_values() {
        effects[last] = match (existed, records[last].after.is_some()) {
            (false, true) => Effect::Insert,
            (true, true) => Effect::Update,
            (true, false) => Effect::Delete,
            (false, false) => Effect::None,
        };
    }
    effects
}
