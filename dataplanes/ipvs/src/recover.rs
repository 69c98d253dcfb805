//! From elements back to frontends: what a restarted plugin finds.

use std::collections::BTreeMap;

use portolan_dataplane::{Backend, FrontendKey, NodeState};
use portolan_nft::Recovery;
use portolan_nft::key::read_frontend;

use crate::entry::{Entry, read_backend};
use crate::program::SetName;
use crate::userdata;

/// Frontends, and the marks of those that IPVS has virtual servers for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Recovered {
    pub(crate) state: NodeState,
    pub(crate) served: BTreeMap<FrontendKey, u32>,
}

/// What elements carry.
pub(crate) fn recover(entries: &[Entry]) -> Recovered {
    let mut recovery = Recovery::of(entries);
    let mut served = BTreeMap::new();
    for entry in entries {
        match entry.set {
            SetName::Backends => add_backends(entry, &mut recovery),
            SetName::Served => served.extend(mark(entry)),
            _ => {}
        }
    }
    Recovered {
        state: recovery.finish(),
        served,
    }
}

fn add_backends(entry: &Entry, recovery: &mut Recovery) {
    let Some((key, address)) = read_backend(entry.family, &entry.element.key) else {
        return;
    };
    for member in userdata::read_members(&entry.element.userdata) {
        let backend = Backend::new(member.endpoint, address, member.weight);
        recovery.add(key, member.inside, backend);
    }
}

/// The frontend of an element of `served`, and its mark.
fn mark(entry: &Entry) -> Option<(FrontendKey, u32)> {
    let (key, []) = read_frontend(entry.family, &entry.element.key)? else {
        return None;
    };
    Some((key, userdata::read_mark(&entry.element.userdata)?))
}
