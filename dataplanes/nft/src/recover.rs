//! From elements back to frontends, as far as all dataplanes write them alike.

use ipnet::IpNet;
use portolan_dataplane::{Frontend, FrontendKey, Pool};
use portolan_model::view::WhenEmpty;
use portolan_netlink::nftables::Family;

use crate::key::{read_address, read_frontend};
use crate::{Entry, userdata};

/// The frontend of an element of `frontends`, without backends and source ranges.
pub fn bare<S>(entry: &Entry<S>) -> Option<(FrontendKey, Frontend)> {
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

/// Of an element of `allowed`: whose, which of its source ranges, and the range.
pub fn source_range<S>(entry: &Entry<S>) -> Option<(FrontendKey, u16, IpNet)> {
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
