//! Ways into the state other than by name. Mostly ordered sets of tuples: a range of one is the answer to a question.

use std::net::IpAddr;
use std::ops::Bound;
use std::sync::Arc;

use rpds::{RedBlackTreeMapSync as Map, RedBlackTreeSetSync as Set};

use crate::{Labels, Name, Object, Origin, Scoped, Selector, ServiceType, Uid, Usage};

/// A label as selectors compare it: `key=value`.
type Pair = Arc<str>;

#[derive(Clone, Default)]
pub(super) struct Index {
    /// (namespace, first pair of the selector, Service): whom a workload's labels may concern.
    selectors: Set<(Name, Pair, Name)>,
    /// (namespace, label, workload): whom a selector may match.
    labels: Set<(Name, Pair, Name)>,
    /// (Service, endpoint)
    service_endpoints: Set<(Uid, Name)>,
    /// (workload, endpoint)
    workload_endpoints: Set<(Uid, Name)>,
    /// (node, workload)
    node_workloads: Set<(Name, Scoped)>,
    /// Services by uid.
    service_uids: Map<Uid, Scoped>,
    /// Workloads by uid.
    workload_uids: Map<Uid, Scoped>,
    /// Addresses that were released, but are not free.
    quarantined_addresses: Set<IpAddr>,
    /// Ports that were released, but are not free.
    quarantined_ports: Set<u16>,
    /// (expiry in microseconds, request)
    expiries: Set<(i64, uuid::Uuid)>,
    /// What namespaces hold; without those that hold nothing.
    usage: Map<Name, Usage>,
}

impl Index {
    pub(super) fn insert(&mut self, object: &Object) {
        self.touch(object, &mut Add);
    }

    pub(super) fn remove(&mut self, object: &Object) {
        self.touch(object, &mut Remove);
    }

    fn touch(&mut self, object: &Object, edit: &mut impl Edit) {
        match object {
            Object::Service(o) => {
                edit.identify(&mut self.service_uids, o.meta.uid, o.key());
                edit.count(&mut self.usage, &o.namespace, |usage| &mut usage.services);
                if o.spec.kind == ServiceType::LoadBalancer {
                    edit.count(&mut self.usage, &o.namespace, |usage| {
                        &mut usage.load_balancers
                    });
                }
                if o.spec.has_selector()
                    && let Some(pair) = pairs(o.spec.selector.iter()).next()
                {
                    edit.edit(
                        &mut self.selectors,
                        (o.namespace.clone(), pair, o.meta.name.clone()),
                    );
                }
            }
            Object::Workload(o) => {
                edit.identify(&mut self.workload_uids, o.meta.uid, o.key());
                for pair in pairs(&o.meta.labels) {
                    edit.edit(
                        &mut self.labels,
                        (o.namespace.clone(), pair, o.meta.name.clone()),
                    );
                }
                if let Some(node) = &o.spec.node {
                    edit.edit(&mut self.node_workloads, (node.clone(), o.key()));
                }
            }
            Object::Endpoint(o) => {
                edit.edit(&mut self.service_endpoints, (o.service_uid, o.name.clone()));
                edit.count(&mut self.usage, &o.namespace, |usage| &mut usage.endpoints);
                if let Origin::Workload { uid, .. } = o.origin {
                    edit.edit(&mut self.workload_endpoints, (uid, o.name.clone()));
                }
            }
            Object::IpClaim(o) if !o.state.is_held() => {
                edit.edit(&mut self.quarantined_addresses, o.address);
            }
            Object::PortClaim(o) if !o.state.is_held() => {
                edit.edit(&mut self.quarantined_ports, o.port);
            }
            Object::PortClaim(o) => {
                edit.count(&mut self.usage, &o.owner.namespace, |usage| {
                    &mut usage.node_ports
                });
            }
            Object::Request(o) => edit.edit(&mut self.expiries, (o.expires_at.0, o.id)),
            _ => {}
        }
    }

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

    pub(super) fn service(&self, uid: Uid) -> Option<&Scoped> {
        self.service_uids.get(&uid)
    }

    pub(super) fn workload(&self, uid: Uid) -> Option<&Scoped> {
        self.workload_uids.get(&uid)
    }

    pub(super) fn workloads_on(&self, node: &Name) -> impl Iterator<Item = &Scoped> {
        self.node_workloads
            .range((Bound::Included((node.clone(), least())), Bound::Unbounded))
            .take_while(move |key| key.0 == *node)
            .map(|key| &key.1)
    }

    pub(super) fn quarantined_addresses(&self) -> impl Iterator<Item = &IpAddr> {
        self.quarantined_addresses.iter()
    }

    pub(super) fn quarantined_ports(&self) -> impl Iterator<Item = &u16> {
        self.quarantined_ports.iter()
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

/// Adding and removing walk the same keys.
trait Edit {
    fn edit<T: Ord>(&mut self, set: &mut Set<T>, key: T);

    fn identify(&mut self, uids: &mut Map<Uid, Scoped>, uid: Uid, key: Scoped);

    fn count(&mut self, usage: &mut Map<Name, Usage>, of: &Name, part: Part);
}

/// One of the things that are counted.
type Part = fn(&mut Usage) -> &mut u32;

struct Add;
struct Remove;

impl Edit for Add {
    fn edit<T: Ord>(&mut self, set: &mut Set<T>, key: T) {
        set.insert_mut(key);
    }

    fn identify(&mut self, uids: &mut Map<Uid, Scoped>, uid: Uid, key: Scoped) {
        uids.insert_mut(uid, key);
    }

    fn count(&mut self, usage: &mut Map<Name, Usage>, of: &Name, part: Part) {
        if let Some(now) = usage.get_mut(of) {
            *part(now) += 1;
            return;
        }
        let mut first = Usage::default();
        *part(&mut first) += 1;
        usage.insert_mut(of.clone(), first);
    }
}

impl Edit for Remove {
    fn edit<T: Ord>(&mut self, set: &mut Set<T>, key: T) {
        set.remove_mut(&key);
    }

    fn identify(&mut self, uids: &mut Map<Uid, Scoped>, uid: Uid, _: Scoped) {
        uids.remove_mut(&uid);
    }

    fn count(&mut self, usage: &mut Map<Name, Usage>, of: &Name, part: Part) {
        let mut now = usage.get(of).copied().unwrap_or_default();
        let count = part(&mut now);
        *count = count.saturating_sub(1);
        if now == Usage::default() {
            usage.remove_mut(of);
        } else {
            usage.insert_mut(of.clone(), now);
        }
    }
}

fn pairs<'a>(
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
