//! From elements back to frontends: what a restarted plugin finds.

use portolan_dataplane::{Backend, FrontendKey, NodeState};
use portolan_nft::Recovery;
use portolan_nft::key::{read_address, read_frontend};

use crate::class::INSIDE;
use crate::entry::{Entry, read_scratch};
use crate::program::SetName;
use crate::userdata;

/// The frontends that elements carry.
pub(crate) fn recover(entries: &[Entry]) -> NodeState {
    let mut recovery = Recovery::of(entries);
    for entry in entries.iter().filter(|e| e.set == SetName::Backends) {
        if let Some((key, inside, backend)) = backend(entry) {
            recovery.add(key, inside, backend);
        }
    }
    recovery.finish()
}

/// Whose backend an element has, whether it is for sources inside, and the backend.
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
