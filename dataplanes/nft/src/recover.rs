//! From elements back to frontends, as far as all dataplanes write them alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, NodeState, Pool};
use portolan_model::view::WhenEmpty;
use portolan_netlink::nftables::Family;

use crate::key::{read_address, read_frontend};
use crate::{Entry, ServiceSets, userdata};

/// The frontends that elements carry, as a restarted plugin finds them. What makes no sense is left out: rendering what is
/// recovered, and comparing, tells.
#[derive(Debug)]
pub struct Recovery {
    frontends: BTreeMap<FrontendKey, Frontend>,
}

impl Recovery {
    /// Reads frontends with their source ranges; backends are added one by one, as each dataplane has them elsewhere.
    pub fn of<S: ServiceSets>(entries: &[Entry<S>]) -> Self {
        let of_set = |set| entries.iter().filter(move |entry| entry.set == set);
        let mut frontends: BTreeMap<_, _> = of_set(S::FRONTENDS).filter_map(bare).collect();
        let mut ranges: BTreeMap<FrontendKey, BTreeMap<u16, IpNet>> = BTreeMap::new();
        for (key, order, range) in of_set(S::ALLOWED).filter_map(source_range) {
            ranges.entry(key).or_default().insert(order, range);
        }
        for (key, ranges) in ranges {
            if let Some(frontend) = frontends.get_mut(&key) {
                frontend.source_ranges = ranges.into_values().collect();
            }
        }
        Self { frontends }
    }

    /// Adds a backend, to the pool for sources inside or to the other; how often it is found does not matter.
    pub fn add(&mut self, key: FrontendKey, inside: bool, backend: Backend) {
        let Some(frontend) = self.frontends.get_mut(&key) else {
            return;
        };
        let pool = if inside {
            frontend.inside.as_deref_mut()
        } else {
            Some(&mut frontend.pool)
        };
        if let Some(pool) = pool {
            pool.backends.push(backend);
        }
    }

    /// What was recovered.
    pub fn finish(self) -> NodeState {
        let whole = self.frontends.into_iter().map(|(key, mut frontend)| {
            for pool in frontend.pools_mut() {
                pool.backends.sort_unstable();
                pool.backends.dedup();
            }
            (key, Arc::new(frontend))
        });
        whole.collect()
    }
}

/// The frontend of an element of `frontends`, without backends and source ranges.
fn bare<S>(entry: &Entry<S>) -> Option<(FrontendKey, Frontend)> {
    let (key, []) = read_frontend(entry.family, &entry.element.key)? else {
        return None;
    };
    let facts = userdata::read_frontend(&entry.element.userdata)?;
    let pool = |when_empty: WhenEmpty| Pool {
        backends: Vec::new(),
        when_empty,
    };
    let frontend = Frontend {
        service: facts.service,
        reach: facts.reach,
        pool: pool(facts.when_empty),
        inside: facts.inside.map(|when| Box::new(pool(when))),
        affinity_seconds: facts.affinity_seconds,
        source_ranges: Vec::new(),
    };
    Some((key, frontend))
}

/// Whose source range an element of `allowed` is, which of them, and the range.
fn source_range<S>(entry: &Entry<S>) -> Option<(FrontendKey, u16, IpNet)> {
    let order = userdata::read_range(&entry.element.userdata)?;
    let (key, first) = read_frontend(entry.family, &entry.element.key)?;
    let (_, last) = read_frontend(entry.family, entry.element.key_end.as_ref()?)?;
    let bits = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u128, |all, byte| all << 8 | u128::from(*byte))
    };
    let unlike = 128 - (bits(first) ^ bits(last)).leading_zeros();
    let most = if entry.family == Family::V4 { 32 } else { 128 };
    let prefix = u8::try_from(most - unlike.min(most)).ok()?;
    let (address, _) = read_address(entry.family, first)?;
    Some((key, order, IpNet::new(address, prefix).ok()?))
}
