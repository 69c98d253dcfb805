//! What differs between two states of the same history.

use std::cmp::Ordering;
use std::sync::Arc;

use rpds::RedBlackTreeMapSync as Map;

use crate::{Change, Object, Uid};

/// The changes of one kind that lead from one map to another, in order of keys. States share what they have in common, so
/// a value is compared by where it is, not by what is in it.
pub(super) fn difference<K: Ord, T>(
    before: &Map<K, Arc<T>>,
    after: &Map<K, Arc<T>>,
    uid: fn(&T) -> Uid,
    changes: &mut Vec<Change>,
) where
    Object: From<Arc<T>>,
{
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some((old, _)), Some((new, _))) => old.cmp(new),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return,
        };
        let old = if order.is_le() { old.next() } else { None };
        let new = if order.is_ge() { new.next() } else { None };
        match (old.map(|(_, it)| it), new.map(|(_, it)| it)) {
            (Some(old), Some(new)) if Arc::ptr_eq(old, new) => {}
            (Some(old), Some(new)) if uid(old) == uid(new) => {
                changes.push(Change::update(old.clone(), new.clone()));
            }
            // Another one may have taken the name.
            (old, new) => {
                changes.extend(old.cloned().map(Change::delete));
                changes.extend(new.cloned().map(Change::create));
            }
        }
    }
}
