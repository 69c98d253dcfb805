//! Elements that frontends share, and how many frontends need each: an element goes with the last of them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portolan_dataplane::{Frontend, FrontendKey};
use portolan_model::view::Reach;
use portolan_netlink::nftables::{Element, Family, octets};

use crate::{Entry, ServiceSets};

/// How many frontends need an element. There are three of them a Service, so families lie apart: in one map every address
/// would take as much as the longest.
#[derive(Debug)]
pub(crate) struct Uses<S> {
    v4: BTreeMap<(S, Ipv4Addr), u32>,
    v6: BTreeMap<(S, Ipv6Addr), u32>,
}

impl<S> Default for Uses<S> {
    fn default() -> Self {
        Self {
            v4: BTreeMap::new(),
            v6: BTreeMap::new(),
        }
    }
}

/// How often elements are needed more, or less.
pub(crate) struct MoreUses<S>(BTreeMap<(S, IpAddr), i64>);

impl<S: ServiceSets> MoreUses<S> {
    pub(crate) fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Counts what a frontend needs, so many times.
    pub(crate) fn count(&mut self, key: FrontendKey, frontend: &Frontend, times: i64) {
        for shared in needed(key, frontend) {
            *self.0.entry(shared).or_default() += times;
        }
    }
}

impl<S: ServiceSets> Uses<S> {
    /// Every element that is needed.
    pub(crate) fn elements(&self) -> impl Iterator<Item = Entry<S>> {
        let v4 = self.v4.keys().map(|(set, at)| shared(*set, (*at).into()));
        let v6 = self.v6.keys().map(|(set, at)| shared(*set, (*at).into()));
        v4.chain(v6)
    }

    /// The elements that come (`true`) and go by these uses.
    pub(crate) fn difference(&self, more: &MoreUses<S>) -> impl Iterator<Item = (Entry<S>, bool)> {
        more.0.iter().filter_map(|((set, address), more)| {
            let held = i64::from(self.count(*set, *address));
            let (before, after) = (held > 0, held + more > 0);
            (before != after).then(|| (shared(*set, *address), after))
        })
    }

    /// They are needed so much more.
    pub(crate) fn add(&mut self, more: &MoreUses<S>) {
        for ((set, address), more) in &more.0 {
            let held = i64::from(self.count(*set, *address));
            let left = u32::try_from(held + more).unwrap_or(0);
            match address {
                IpAddr::V4(v4) => put(&mut self.v4, (*set, *v4), left),
                IpAddr::V6(v6) => put(&mut self.v6, (*set, *v6), left),
            }
        }
    }

    fn count(&self, set: S, address: IpAddr) -> u32 {
        let held = match address {
            IpAddr::V4(v4) => self.v4.get(&(set, v4)),
            IpAddr::V6(v6) => self.v6.get(&(set, v6)),
        };
        held.copied().unwrap_or(0)
    }
}

fn put<K: Ord>(map: &mut BTreeMap<K, u32>, key: K, count: u32) {
    if count > 0 {
        map.insert(key, count);
    } else {
        map.remove(&key);
    }
}

/// The elements of `hairpin` and `cluster_ips` that a frontend needs, each once.
fn needed<S: ServiceSets>(key: FrontendKey, frontend: &Frontend) -> BTreeSet<(S, IpAddr)> {
    let backends = frontend.pools().flat_map(|pool| &pool.backends);
    let hairpins = backends.map(|backend| (S::HAIRPIN, backend.address));
    let is_internal = frontend.reach == Reach::Internal;
    let own = is_internal.then_some((S::CLUSTER_IPS, key.address));
    hairpins.chain(own).collect()
}

fn shared<S: ServiceSets>(set: S, address: IpAddr) -> Entry<S> {
    let mut key = octets(address);
    if set == S::HAIRPIN {
        key.extend_from_within(..);
    }
    Entry {
        family: Family::from(address),
        set,
        element: Element {
            key,
            ..Element::default()
        },
    }
}
