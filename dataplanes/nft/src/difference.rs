//! What leads from some elements to others.

use std::borrow::Cow;
use std::cmp::Ordering;

use portolan_netlink::nftables::{Batch, Family};

use crate::{Entry, SetName};

/// Elements of a transaction: while one is carried out, others wait for it.
pub const BATCH: usize = 1000;

/// Elements to delete and to add, each in order. What changes its value is in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference<S> {
    /// What is there and should not be.
    pub delete: Vec<Entry<S>>,
    /// What should be there and is not.
    pub add: Vec<Entry<S>>,
}

impl<S> Default for Difference<S> {
    fn default() -> Self {
        Self {
            delete: Vec::new(),
            add: Vec::new(),
        }
    }
}

impl<S> Difference<S> {
    /// How many elements are written.
    pub fn len(&self) -> usize {
        self.delete.len() + self.add.len()
    }

    /// Whether nothing is written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<S: SetName> Difference<S> {
    /// One transaction if it fits into one, else several of at most [`BATCH`] elements. Then what is added comes first, together
    /// with what it replaces, and in sets that are late after all others; the rest goes last, in the order of the sets.
    pub fn steps(&self) -> Vec<Cow<'_, Self>> {
        if self.len() <= BATCH {
            return vec![Cow::Borrowed(self)];
        }
        self.bounded().into_iter().map(Cow::Owned).collect()
    }

    fn bounded(&self) -> Vec<Self> {
        let find = |all: &[Entry<S>], entry: &Entry<S>| {
            let found = all.binary_search_by(|other| other.identity().cmp(&entry.identity()));
            found.ok().map(|index| all[index].clone())
        };
        let mut steps = Vec::new();
        for is_late in [false, true] {
            let adds = self
                .add
                .iter()
                .filter(|entry| entry.set.is_late() == is_late);
            let adds: Vec<_> = adds.collect();
            steps.extend(adds.chunks(BATCH / 2).map(|adds| {
                let replaced = adds.iter().filter_map(|entry| find(&self.delete, entry));
                Self {
                    delete: replaced.collect(),
                    add: adds.iter().map(|entry| (*entry).clone()).collect(),
                }
            }));
        }
        let gone = self.delete.iter();
        let gone: Vec<_> = gone
            .filter(|entry| find(&self.add, entry).is_none())
            .cloned()
            .collect();
        steps.extend(gone.chunks(BATCH).map(|gone| Self {
            delete: gone.to_vec(),
            add: Vec::new(),
        }));
        steps
    }

    /// The transaction that makes it: what goes, then what comes.
    pub fn batch(&self) -> Batch {
        let mut batch = Batch::new();
        for entries in self.delete.chunk_by(same_set) {
            let (table, set) = place(&entries[0]);
            batch.delete_elements(table, set, entries.iter().map(|entry| &entry.element));
        }
        add(&self.add, &mut batch);
        batch
    }
}

/// Adds elements, which are in order, to a transaction.
pub(crate) fn add<S: SetName>(entries: &[Entry<S>], batch: &mut Batch) {
    for entries in entries.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.add_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
}

fn same_set<S: SetName>(one: &Entry<S>, other: &Entry<S>) -> bool {
    (one.family, one.set) == (other.family, other.set)
}

fn place<S: SetName>(entry: &Entry<S>) -> ((Family, &'static str), &'static str) {
    ((entry.family, S::TABLE), entry.set.as_str())
}

/// What leads from elements to others; both are in order.
pub fn compare<S: SetName>(old: Vec<Entry<S>>, new: Vec<Entry<S>>) -> Difference<S> {
    let mut difference = Difference::default();
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    loop {
        let order = match (old.peek(), new.peek()) {
            (None, None) => return difference,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(old), Some(new)) => old.identity().cmp(&new.identity()),
        };
        let gone = if order.is_le() { old.next() } else { None };
        let come = if order.is_ge() { new.next() } else { None };
        if gone != come {
            difference.delete.extend(gone);
            difference.add.extend(come);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portolan_netlink::nftables::{Element, Family};
    use proptest::prelude::*;

    use super::*;
    use crate::set_name::testing::Name;

    fn entry(set: Name, key: u16, value: u8) -> Entry<Name> {
        let element = Element {
            key: key.to_be_bytes().to_vec(),
            value: Some(vec![value]),
            ..Element::default()
        };
        let family = Family::V4;
        Entry {
            family,
            set,
            element,
        }
    }

    /// Elements of both sets with values, in order.
    fn elements() -> impl Strategy<Value = Vec<Entry<Name>>> {
        let keys = prop::collection::btree_map((any::<bool>(), 0..4_000_u16), 0..3_u8, 0..3_000);
        keys.prop_map(|keys| {
            let entries = keys.into_iter().map(|((is_frontend, key), value)| {
                let set = if is_frontend {
                    Name::Frontends
                } else {
                    Name::Backends
                };
                entry(set, key, value)
            });
            let mut entries: Vec<_> = entries.collect();
            entries.sort_unstable();
            entries
        })
    }

    type Standing = BTreeMap<(Name, Vec<u8>), Entry<Name>>;

    fn standing(entries: Vec<Entry<Name>>) -> Standing {
        let entries = entries.into_iter();
        let keyed = entries.map(|entry| ((entry.set, entry.element.key.clone()), entry));
        keyed.collect()
    }

    /// As the kernel does: what is deleted has to be there, and what is added must not.
    fn carry(step: Difference<Name>, standing: &mut Standing) {
        for entry in step.delete {
            let gone = standing.remove(&(entry.set, entry.element.key.clone()));
            assert_eq!(gone, Some(entry), "deleted, and not there");
        }
        for entry in step.add {
            let key = (entry.set, entry.element.key.clone());
            assert_eq!(standing.insert(key, entry), None, "added, and there");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn steps_lead_to_the_same_as_all_at_once(old in elements(), new in elements()) {
            let difference = compare(old.clone(), new.clone());
            let mut now = standing(old);
            for step in difference.steps() {
                prop_assert!(step.len() <= BATCH);
                carry(step.into_owned(), &mut now);
            }
            prop_assert_eq!(now, standing(new));
        }

        #[test]
        fn late_sets_come_after_all_others_and_what_goes_comes_last(
            old in elements(),
            new in elements(),
        ) {
            let difference = compare(old, new);
            let order = difference.bounded().into_iter().map(|step| {
                let first = step.add.first().map(|entry| entry.set);
                prop_assert!(step.add.iter().all(|entry| Some(entry.set) == first));
                Ok(match first {
                    Some(Name::Backends) => 0,
                    Some(_) => 1,
                    None => 2,
                })
            });
            let order = order.collect::<Result<Vec<_>, TestCaseError>>()?;
            prop_assert!(order.is_sorted(), "{:?}", order);
        }
    }
}
