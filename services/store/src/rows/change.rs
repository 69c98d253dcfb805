//! What a commit writes.

use std::collections::HashMap;

use portolan_model::{Change, Kind, Object};
use uuid::Uuid;

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

/// A change as it is written.
#[derive(Clone, Debug)]
pub struct ChangeRow {
    /// [`Object::kind`]
    pub kind: Kind,
    /// [`Object::path`]
    pub path: String,
    /// [`Object::uid`]
    pub uid: Uuid,
    /// Body before the change.
    pub before: Option<String>,
    /// Body after it.
    pub after: Option<String>,
    /// What it does to its table.
    pub effect: Effect,
}

/// Changes as rows, in order.
pub fn change_rows(changes: &[Change]) -> Vec<ChangeRow> {
    let mut rows: Vec<_> = changes
        .iter()
        .map(|change| ChangeRow {
            kind: change.kind(),
            path: change.object().path(),
            uid: change.object().uid().as_uuid(),
            before: change.before.as_ref().map(Object::to_body),
            after: change.after.as_ref().map(Object::to_body),
            effect: Effect::None,
        })
        .collect();
    for (index, effect) in effects(&rows) {
        rows[index].effect = effect;
    }
    rows
}

/// The net effect on every object, at its last change.
fn effects(rows: &[ChangeRow]) -> Vec<(usize, Effect)> {
    let mut ends: HashMap<(Kind, &str), (bool, usize)> = HashMap::with_capacity(rows.len());
    for (index, row) in rows.iter().enumerate() {
        ends.entry((row.kind, &row.path))
            .or_insert_with(|| (row.before.is_some(), index))
            .1 = index;
    }
    ends.into_values()
        .map(|(existed, last)| {
            let effect = match (existed, rows[last].after.is_some()) {
                (false, true) => Effect::Insert,
                (true, true) => Effect::Update,
                (true, false) => Effect::Delete,
                (false, false) => Effect::None,
            };
            (last, effect)
        })
        .collect()
}
