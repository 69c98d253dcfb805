//! Trees that are filled in order. Where the last node of a B-tree overflows it is split in its middle, so a tree that grows at
//! its end has nodes that are half empty, for as long as nothing comes between. A state that is there at once is worth building
//! again: from a sorted list nodes become full.

use std::collections::{BTreeMap, BTreeSet};

/// Leaves no room between the entries.
pub(crate) fn full<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    *map = std::mem::take(map).into_iter().collect();
}

/// Leaves no room in a set either.
pub(crate) fn full_set<T: Ord>(set: &mut BTreeSet<T>) {
    *set = std::mem::take(set).into_iter().collect();
}
