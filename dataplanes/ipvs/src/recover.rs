//! From elements back to frontends: what a restarted plugin finds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, NodeState};
use portolan_nft::key::read_frontend;
use portolan_nft::{bare, source_range};

use crate::entry::{Entry, read_backend};
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
                if let Some((key, order, range)) = source_range(entry) {
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
