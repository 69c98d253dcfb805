//! From a frontend to the elements that carry it: pure, and the only place that decides them.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use portolan_dataplane::{Backend, Frontend, FrontendKey, Pool};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_netlink::nftables::{Element, Family, octets};
use portolan_nft::key::frontend as frontend_key;
use portolan_nft::userdata::{of_frontend, of_range};

use crate::class::{AFFINE, DROP, GUARDED, INSIDE, Kind, REFUSE, SPLIT, identity, pick, timeout};
use crate::entry::Entry;
use crate::program::SetName;
use crate::slots::{hash, slots};
use crate::userdata;

/// The elements that no other frontend has, in order; those that it shares are no business of its own. `own` are the node's addresses. The pools must
/// have passed [`check`].
pub(crate) fn render(key: FrontendKey, frontend: &Frontend, own: &[IpAddr]) -> Vec<Entry> {
    let mut rendering = Rendering {
        key: frontend_key(key),
        family: Family::from(key.address),
        seconds: frontend.affinity_seconds,
        entries: Vec::new(),
    };
    let mut class = rendering.pool(&frontend.pool, 0) | kind(frontend) as u32;
    if let Some(inside) = &frontend.inside {
        class |= SPLIT;
        let inside = rendering.pool(inside, INSIDE);
        rendering.class(SetName::Inside, inside, Vec::new());
    }
    if !frontend.source_ranges.is_empty() {
        class |= GUARDED;
        rendering.allow(key.address, &frontend.source_ranges, own);
    }
    rendering.class(SetName::Frontends, class, of_frontend(frontend));
    rendering.entries.sort_unstable();
    rendering.entries
}

/// Why a frontend can't be carried at all: the object, or a limit of ours.
pub(crate) fn check(key: FrontendKey, frontend: &Frontend) -> Result<(), Unfit> {
    for pool in frontend.pools() {
        let stranger = pool
            .backends
            .iter()
            .find(|b| b.address.is_ipv4() != key.address.is_ipv4());
        if let Some(stranger) = stranger {
            return Err(Unfit::Family(stranger.socket_addr()));
        }
        if pool.backends.len() > MOST_BACKENDS {
            return Err(Unfit::TooMany(pool.backends.len()));
        }
    }
    Ok(())
}

/// Backends of a pool: each needs a slot.
const MOST_BACKENDS: usize = 65_536;

/// What [`check`] found.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(
        "the backend {0} is of another family than the frontend; give the Service an endpoint of its own family"
    )]
    Family(SocketAddr),
    #[error(
        "{0} backends are more than the 65536 that one frontend can have here; split the Service"
    )]
    TooMany(usize),
}

/// Whose source address is replaced.
pub(crate) fn kind(frontend: &Frontend) -> Kind {
    match (frontend.reach, &frontend.inside) {
        (Reach::Internal, _) => Kind::NotWorkloads,
        (Reach::External, None) => Kind::Always,
        (Reach::External, Some(_)) => Kind::Node,
    }
}

struct Rendering {
    key: Vec<u8>,
    family: Family,
    seconds: u32,
    entries: Vec<Entry>,
}

impl Rendering {
    fn push(&mut self, set: SetName, element: Element) {
        let family = self.family;
        self.entries.push(Entry {
            family,
            set,
            element,
        });
    }

    fn class(&mut self, set: SetName, class: u32, userdata: Vec<u8>) {
        let element = Element {
            key: self.key.clone(),
            value: Some(class.to_ne_bytes().to_vec()),
            userdata,
            ..Element::default()
        };
        self.push(set, element);
    }

    /// The elements of a pool whose slots and identities have `bit` set; its part of the class.
    fn pool(&mut self, pool: &Pool, bit: u32) -> u32 {
        let slots = slots(&pool.backends).unwrap_or_default();
        if slots.is_empty() {
            return match pool.when_empty {
                WhenEmpty::Reject => REFUSE,
                WhenEmpty::Drop => DROP,
            };
        }
        let count = u32::try_from(slots.len()).expect("at most 65536");
        if self.seconds == 0 {
            for (slot, index) in (0..count).zip(slots) {
                self.backend(slot | bit, &pool.backends[index]);
            }
            return pick(count);
        }
        let identities = identities(&pool.backends);
        let timeout = timeout(self.seconds);
        for (identity, backend) in identities.iter().zip(&pool.backends) {
            let whole = timeout | bit | identity;
            self.identity(identity | bit, whole);
            self.backend(whole, backend);
        }
        for (slot, index) in (0..count).zip(slots) {
            self.identity(slot | bit, timeout | bit | identities[index]);
        }
        pick(count) | AFFINE
    }

    fn with_scratch(&self, scratch: u32) -> Vec<u8> {
        [&self.key[..], &scratch.to_ne_bytes()].concat()
    }

    fn backend(&mut self, scratch: u32, backend: &Backend) {
        let [high, low] = backend.port.to_be_bytes();
        let mut value = octets(backend.address);
        value.extend_from_slice(&[high, low, 0, 0]);
        let element = Element {
            key: self.with_scratch(scratch),
            value: Some(value),
            userdata: userdata::of_backend(backend),
            ..Element::default()
        };
        self.push(SetName::Backends, element);
    }

    fn identity(&mut self, scratch: u32, whole: u32) {
        let element = Element {
            key: self.with_scratch(scratch),
            value: Some(whole.to_ne_bytes().to_vec()),
            ..Element::default()
        };
        self.push(SetName::Identities, element);
    }

    /// Ranges that are within others are left out: the kernel takes no overlaps. A node whose own address may use the
    /// frontend reaches it from the frontend's address, too: Linux gives a packet to a local address that source.
    fn allow(&mut self, address: IpAddr, ranges: &[IpNet], own: &[IpAddr]) {
        let of_family: Vec<_> = ranges
            .iter()
            .filter(|range| Family::from(range.addr()) == self.family)
            .collect();
        let outer = |range: &&IpNet| {
            !of_family
                .iter()
                .any(|other| other != range && other.contains(*range))
        };
        let mut seen = BTreeSet::new();
        for (index, range) in of_family.iter().copied().enumerate() {
            if outer(&range) && seen.insert(range.trunc()) {
                let order = u16::try_from(index).unwrap_or(u16::MAX);
                self.range(range.network(), range.broadcast(), of_range(order));
            }
        }
        let contains = |address: &IpAddr| ranges.iter().any(|range| range.contains(address));
        if own.iter().any(contains) && !contains(&address) {
            self.range(address, address, Vec::new());
        }
    }

    fn range(&mut self, first: IpAddr, last: IpAddr, userdata: Vec<u8>) {
        let end = |address| [self.key.clone(), octets(address)].concat();
        let element = Element {
            key: end(first),
            key_end: Some(end(last)),
            userdata,
            ..Element::default()
        };
        self.push(SetName::Allowed, element);
    }
}

/// One for each backend. Should two share 24 bits of hash, the later one takes the next.
fn identities(backends: &[Backend]) -> Vec<u32> {
    let mut taken = BTreeSet::new();
    let identity = |backend: &Backend| {
        let first = hash(backend.endpoint);
        let tries = (0..).map(|n: u64| identity(first.wrapping_add(n << 40)));
        let free = tries.into_iter().find(|identity| taken.insert(*identity));
        free.expect("65536 of 2^24 at most are taken")
    };
    backends.iter().map(identity).collect()
}
