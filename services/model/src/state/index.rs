//! Ways into the state other than by key. Mostly ordered sets of tuples: a range of one is the answer to a question.

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync as Map, RedBlackTreeSetSync as Set};

use crate::alloc::Occupancy;
use crate::{Labels, Name, Scoped, Selector, Uid, Usage};

/// A label as selectors compare it: `key=value`.
pub(crate) type Pair = Arc<str>;

/// The entries of every object, each made by its noun.
#[derive(Clone, Default)]
pub(crate) struct Index {
    /// (namespace, first pair of the selector, Service): whom a workload's labels may concern.
    pub(crate) selectors: Set<(Name, Pair, Name)>,
    /// (namespace, label, workload): whom a selector may match.
    pub(crate) labels: Set<(Name, Pair, Name)>,
    /// (Service, endpoint)
    pub(crate) service_endpoints: Set<(Uid, Name)>,
    /// (workload, endpoint)
    pub(crate) workload_endpoints: Set<(Uid, Name)>,
    /// (node, workload)
    pub(crate) node_workloads: Set<(Name, Scoped)>,
    /// Services by uid.
    pub(crate) services: Map<Uid, Scoped>,
    /// Workloads by uid.
    pub(crate) workloads: Map<Uid, Scoped>,
    /// Nodes by uid.
    pub(crate) nodes: Map<Uid, Name>,
    /// Addresses that are not free, for picking.
    pub(crate) occupied_addresses: Occupancy,
    /// Ports that are not free, for picking.
    pub(crate) occupied_ports: Occupancy,
    /// Addresses that were released, but are not free.
    pub(crate) quarantined_addresses: Set<IpAddr>,
    /// Ports that were released, but are not free.
    pub(crate) quarantined_ports: Set<u16>,
    /// (expiry in microseconds, request)
    pub(crate) expiries: Set<(i64, uuid::Uuid)>,
    /// What namespaces hold; without those that hold nothing.
    pub(crate) usage: Map<Name, Usage>,
}

/// An object that is found by more than its key.
pub(crate) trait Indexed {
    /// Adds its entries, or removes them: both walk the same ones.
    fn index(&self, _index: &mut Index, _edit: Edit) {}
}

/// What is done with an entry.
#[derive(Copy, Clone)]
pub(crate) enum Edit {
    Add,
    Remove,
}

impl Edit {
    /// An entry of a set.
    pub(crate) fn entry<T: Ord>(self, set: &mut Set<T>, entry: T) {
        match self {
            Self::Add => set.insert_mut(entry),
            Self::Remove => drop(set.remove_mut(&entry)),
        }
    }

    /// The key of an identity.
    pub(crate) fn identity<K>(self, uids: &mut Map<Uid, K>, uid: Uid, key: K) {
        match self {
            Self::Add => uids.insert_mut(uid, key),
            Self::Remove => drop(uids.remove_mut(&uid)),
        }
    }

    /// One of the things that a namespace holds.
    pub(crate) fn count(
        self,
        usage: &mut Map<Name, Usage>,
        namespace: &Name,
        part: fn(&mut Usage) -> &mut u32,
    ) {
        let mut now = usage.get(namespace).copied().unwrap_or_default();
        let count = part(&mut now);
        *count = match self {
            Self::Add => *count + 1,
            Self::Remove => count.saturating_sub(1),
        };
        if now == Usage::default() {
            usage.remove_mut(namespace);
        } else if let Some(held) = usage.get_mut(namespace) {
            *held = now;
        } else {
            usage.insert_mut(namespace.clone(), now);
        }
    }
}

impl Index {
    /// Services of a namespace whose selector starts with one of these labels.
    pub(super) fn services_by_labels(&self, namespace: &Name, labels: &Labels) -> Vec<Name> {
        pairs(labels)
            .flat_map(|pair| {
                of_pair(&self.selectors, namespace, &pair)
                    .cloned()
                    .collect::<Vec<_>>()
            })
            .collect()
    }

    /// Workloads of a namespace that have the selector's first label.
    pub(super) fn workloads_by_selector(&self, namespace: &Name, selector: &Selector) -> Vec<Name> {
        pairs(selector.iter())
            .next()
            .map(|pair| of_pair(&self.labels, namespace, &pair).cloned().collect())
            .unwrap_or_default()
    }

    pub(super) fn endpoints_of_service(&self, service: Uid) -> impl Iterator<Item = &Name> {
        of_uid(&self.service_endpoints, service)
    }

    pub(super) fn endpoints_of_workload(&self, workload: Uid) -> impl Iterator<Item = &Name> {
        of_uid(&self.workload_endpoints, workload)
    }

    pub(super) fn workloads_on(&self, node: &Name) -> impl Iterator<Item = &Scoped> {
        self.node_workloads
            .range((Bound::Included((node.clone(), least())), Bound::Unbounded))
            .take_while(move |key| key.0 == *node)
            .map(|key| &key.1)
    }

    pub(super) fn usage(&self, namespace: &Name) -> Usage {
        self.usage.get(namespace).copied().unwrap_or_default()
    }

    pub(super) fn expired(&self, now: i64) -> impl Iterator<Item = uuid::Uuid> {
        self.expiries
            .iter()
            .take_while(move |key| key.0 <= now)
            .map(|key| key.1)
    }
}

/// The labels as pairs, in order.
pub(crate) fn pairs<'a>(
    labels: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> impl Iterator<Item = Pair> {
    let labels = labels.into_iter();
    labels.map(|(key, value)| format!("{key}={value}").into())
}

/// Sorts before every name.
fn nothing() -> Name {
    Name::trusted("")
}

fn least() -> Scoped {
    Scoped::new(nothing(), nothing())
}

fn of_pair<'a>(
    set: &'a Set<(Name, Pair, Name)>,
    namespace: &Name,
    pair: &Pair,
) -> impl Iterator<Item = &'a Name> {
    let (namespace, pair) = (namespace.clone(), pair.clone());
    set.range((
        Bound::Included((namespace.clone(), pair.clone(), nothing())),
        Bound::Unbounded,
    ))
    .take_while(move |key| key.0 == namespace && key.1 == pair)
    .map(|key| &key.2)
}

fn of_uid(set: &Set<(Uid, Name)>, uid: Uid) -> impl Iterator<Item = &Name> {
    set.range((Bound::Included((uid, nothing())), Bound::Unbounded))
        .take_while(move |key| key.0 == uid)
        .map(|key| &key.1)
}
