//! From elements back to frontends: what a restarted plugin finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, NodeState};
use portolan_nft::key::{read_address, read_frontend};
use portolan_nft::{bare, source_range};

use crate::class::INSIDE;
use crate::entry::{Entry, read_scratch};
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
                if let Some((key, order, range)) = source_range(entry) {
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
