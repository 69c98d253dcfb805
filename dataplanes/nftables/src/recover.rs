//! From elements back to frontends: what a restarted plugin finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, NodeState, Pool};
use portolan_model::view::WhenEmpty;
use portolan_netlink::nftables::Family;

use crate::class::INSIDE;
use crate::entry::{Entry, read_address, read_frontend, read_scratch};
use crate::program::SetName;
use crate::userdata;

/// The frontends that elements carry. What makes no sense is left out: rendering what is recovered, and comparing, tells.
pub(crate) fn recover(entries: &[Entry]) -> NodeState {
    let mut state: BTreeMap<FrontendKey, Frontend> = BTreeMap::new();
    for entry in entries
        .iter()
        .filter(|entry| entry.set == SetName::Frontends)
    {
        if let Some((key, frontend)) = bare(entry) {
            state.insert(key, frontend);
        }
    }
    let mut ranges: BTreeMap<FrontendKey, BTreeMap<u16, IpNet>> = BTreeMap::new();
    for entry in entries {
        match entry.set {
            SetName::Backends => {
                if let Some((key, inside, backend)) = backend(entry)
                    && let Some(frontend) = state.get_mut(&key)
                {
                    let pool = if inside {
                        frontend.inside.as_deref_mut()
                    } else {
                        Some(&mut frontend.pool)
                    };
                    if let Some(pool) = pool {
                        pool.backends.push(backend);
                    }
                }
            }
            SetName::Allowed => {
                if let Some((key, order, range)) = range(entry) {
                    ranges.entry(key).or_default().insert(order, range);
                }
            }
            _ => {}
        }
    }
    for (key, frontend) in &mut state {
        for pool in frontend.pools_mut() {
            pool.backends.sort_unstable();
            pool.backends.dedup();
        }
        let ranges = ranges.remove(key).unwrap_or_default();
        frontend.source_ranges = ranges.into_values().collect();
    }
    let shared = state.into_iter();
    shared
        .map(|(key, frontend)| (key, Arc::new(frontend)))
        .collect()
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

/// Whose, whether for sources inside, and the backend.
fn backend(entry: &Entry) -> Option<(FrontendKey, bool, Backend)> {
    let (key, rest) = read_frontend(entry.family, &entry.element.key)?;
    let scratch = read_scratch(rest)?;
    let (endpoint, weight) = userdata::read_backend(&entry.element.userdata)?;
    let (address, port) = read_address(entry.family, entry.element.value.as_ref()?)?;
    let [high, low, 0, 0] = port else {
        return None;
    };
    let backend = Backend {
        endpoint,
        address,
        port: u16::from_be_bytes([*high, *low]),
        weight,
    };
    Some((key, scratch & INSIDE != 0, backend))
}

/// Whose, which of its ranges, and the range.
fn range(entry: &Entry) -> Option<(FrontendKey, u16, IpNet)> {
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
