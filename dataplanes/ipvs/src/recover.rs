//! From elements back to frontends: what a restarted plugin finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, NodeState, Pool};
use portolan_model::view::WhenEmpty;
use portolan_netlink::nftables::Family;

use crate::entry::{Entry, read_address, read_backend, read_frontend};
use crate::program::SetName;
use crate::userdata;

/// Frontends, and the marks of those that IPVS has virtual servers for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) state: NodeState,
    pub(crate) served: BTreeMap<FrontendKey, u32>,
}

/// What elements carry. What makes no sense is left out: rendering what is recovered, and comparing, tells.
pub(crate) fn recover(entries: &[Entry]) -> Recovered {
    let mut state: BTreeMap<FrontendKey, Frontend> = BTreeMap::new();
    let mut served = BTreeMap::new();
    for entry in entries.iter().filter(|e| e.set == SetName::Frontends) {
        if let Some((key, frontend)) = bare(entry) {
            state.insert(key, frontend);
        }
    }
    let mut ranges: BTreeMap<FrontendKey, BTreeMap<u16, IpNet>> = BTreeMap::new();
    for entry in entries {
        match entry.set {
            SetName::Backends => add_backends(entry, &mut state),
            SetName::Allowed => {
                if let Some((key, order, range)) = range(entry) {
                    ranges.entry(key).or_default().insert(order, range);
                }
            }
            SetName::Served => {
                if let Some((key, [])) = read_frontend(entry.family, &entry.element.key)
                    && let Some(mark) = userdata::read_mark(&entry.element.userdata)
                {
                    served.insert(key, mark);
                }
            }
            _ => {}
        }
    }
    for (key, frontend) in &mut state {
        for pool in frontend.pools_mut() {
            pool.backends.sort_unstable();
        }
        let ranges = ranges.remove(key).unwrap_or_default();
        frontend.source_ranges = ranges.into_values().collect();
    }
    let shared = state.into_iter();
    Recovered {
        state: shared
            .map(|(key, frontend)| (key, Arc::new(frontend)))
            .collect(),
        served,
    }
}

/// Without backends and ranges.
fn bare(entry: &Entry) -> Option<(FrontendKey, Frontend)> {
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

fn add_backends(entry: &Entry, state: &mut BTreeMap<FrontendKey, Frontend>) {
    let Some((key, address)) = read_backend(entry.family, &entry.element.key) else {
        return;
    };
    let Some(frontend) = state.get_mut(&key) else {
        return;
    };
    for member in userdata::read_members(&entry.element.userdata) {
        let pool = if member.inside {
            frontend.inside.as_deref_mut()
        } else {
            Some(&mut frontend.pool)
        };
        if let Some(pool) = pool {
            pool.backends
                .push(Backend::new(member.endpoint, address, member.weight));
        }
    }
}

/// Whose, which of its ranges, and the range.
fn range(entry: &Entry) -> Option<(FrontendKey, u16, IpNet)> {
    let order = userdata::read_range(&entry.element.userdata)?;
    let (key, first) = read_frontend(entry.family, &entry.element.key)?;
    let (_, last) = read_frontend(entry.family, entry.element.key_end.as_ref()?)?;
    let bits = |bytes: &[u8]| {
        let mut bytes = bytes.iter();
        bytes
            .by_ref()
            .fold(0_u128, |all, b| all << 8 | u128::from(*b))
    };
    let unlike = 128 - (bits(first) ^ bits(last)).leading_zeros();
    let most = if entry.family == Family::V4 { 32 } else { 128 };
    let prefix = u8::try_from(most - unlike.min(most)).ok()?;
    let (address, _) = read_address(entry.family, first)?;
    Some((key, order, IpNet::new(address, prefix).ok()?))
}
