//! Elements that frontends have in common, and how many need each: it goes with the last of them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use portolan_dataplane::{Frontend, FrontendKey};

use crate::program::SetName;
use crate::render::uses;

/// How many frontends need an element. There are three of them a Service, so families lie apart: in one map every address
/// would take as much as the longest.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    v4: BTreeMap<(SetName, Ipv4Addr), u32>,
    v6: BTreeMap<(SetName, Ipv6Addr), u32>,
}

/// How often shared elements are used more, or less.
#[derive(Default)]
pub(crate) struct Uses(BTreeMap<(SetName, IpAddr), i64>);

impl Uses {
    /// Those of a frontend, so many times.
    pub(crate) fn count(&mut self, key: FrontendKey, frontend: &Frontend, more: i64) {
        for shared in uses(key, frontend) {
            *self.0.entry(shared).or_default() += more;
        }
    }
}

impl Shared {
    /// Every one that is needed.
    pub(crate) fn elements(&self) -> impl Iterator<Item = (SetName, IpAddr)> {
        let v4 = self
            .v4
            .keys()
            .map(|(set, address)| (*set, (*address).into()));
        let v6 = self
            .v6
            .keys()
            .map(|(set, address)| (*set, (*address).into()));
        v4.chain(v6)
    }

    /// What comes (`true`) and goes by these uses.
    pub(crate) fn difference(&self, uses: &Uses) -> Vec<(SetName, IpAddr, bool)> {
        let turns = uses.0.iter().filter_map(|((set, address), more)| {
            let held = i64::from(self.needed(*set, *address));
            let (before, after) = (held > 0, held + more > 0);
            (before != after).then_some((*set, *address, after))
        });
        turns.collect()
    }

    /// They are used so much more.
    pub(crate) fn add(&mut self, uses: &Uses) {
        for ((set, address), more) in &uses.0 {
            let held = i64::from(self.needed(*set, *address));
            let left = u32::try_from(held + more).unwrap_or(0);
            match address {
                IpAddr::V4(v4) => put(&mut self.v4, (*set, *v4), left),
                IpAddr::V6(v6) => put(&mut self.v6, (*set, *v6), left),
            }
        }
    }

    fn needed(&self, set: SetName, address: IpAddr) -> u32 {
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
