//! From a frontend to what carries it: elements, and virtual servers. Pure, and the only place that decides them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;
use portolan_dataplane::{Frontend, FrontendKey, Pool};
use portolan_model::view::{Reach, WhenEmpty};
use portolan_netlink::ipvs::{ServerId, VirtualServer, flags};
use portolan_netlink::nftables::{Element, Family, octets};
use portolan_nft::key::{self, number};
use portolan_nft::userdata as common;

use crate::entry::{self, Entry};
use crate::mark::{Kind, MarkBit, ServerMarks};
use crate::program::SetName;
use crate::scheduler::{Scheduler, Schedulers};
use crate::userdata::{self, Member};

/// By this flag, which no scheduler reads, our virtual servers are known among others' (decision 36).
pub(crate) const OURS: u32 = flags::SCHEDULER_3;

/// The greatest weight that IPVS takes.
const MOST_WEIGHT: u32 = 65_535;

/// Endpoints at one address of one frontend: an element keeps 256 bytes for us.
const MOST_MEMBERS: usize = 10;

/// A virtual server with its real ones: address and weight.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) server: VirtualServer,
    pub(crate) reals: BTreeMap<SocketAddr, u32>,
}

/// What of this node decides about elements.
#[derive(Debug)]
pub(crate) struct Renderer {
    pub(crate) bit: MarkBit,
    /// The node's addresses: they decide who may reach guarded frontends from the node itself.
    pub(crate) own: Vec<IpAddr>,
}

impl Renderer {
    /// Elements that no other frontend has, in order; one that is served by anybody has a mark of its own.
    pub(crate) fn render(
        &self,
        key: FrontendKey,
        frontend: &Frontend,
        mark: Option<u32>,
    ) -> Vec<Entry> {
        let bit = self.bit;
        let mut rendered = Vec::new();
        let mark = mark.unwrap_or_else(|| bit.mask());
        let plain = match frontend.affinity_seconds {
            0 => mark,
            _ => bit.mask(),
        };
        let mut class = plain | empty(&frontend.pool, bit) | bit.kind(kind(frontend));
        if let Some(pool) = &frontend.inside {
            class |= bit.split();
            let to = mark | bit.inside() | empty(pool, bit);
            rendered.push(of(SetName::Inside, key, to, Vec::new()));
        }
        if !frontend.source_ranges.is_empty() {
            class |= bit.guarded();
            rendered.extend(allowed(key, &frontend.source_ranges, &self.own));
        }
        let facts = common::of_frontend(frontend);
        rendered.push(of(SetName::Frontends, key, class, facts));
        rendered.extend(members(frontend).into_iter().map(|(address, members)| {
            let element = Element {
                key: entry::backend(key, address),
                userdata: userdata::of_members(&members),
                ..Element::default()
            };
            Entry {
                family: Family::from(key.address),
                set: SetName::Backends,
                element,
            }
        }));
        rendered.sort_unstable();
        rendered
    }
}

/// The virtual servers of a frontend with these marks: none for a pool without backends.
pub(crate) fn groups(
    key: FrontendKey,
    frontend: &Frontend,
    marks: ServerMarks,
    schedulers: &Schedulers,
) -> Vec<Group> {
    let scheduler = schedulers.of(&frontend.service);
    let [at, plain, inside] = ids(key, marks);
    let seconds = frontend.affinity_seconds;
    let (plain, by_hash) = match seconds {
        0 => (server(plain, scheduler, 0, 0), scheduler),
        // By a mark nothing is remembered, so sources inside are told apart by their addresses alone.
        _ => (
            server(at, scheduler, flags::PERSISTENT, seconds),
            Scheduler::Mh,
        ),
    };
    let mut groups = vec![group(plain, &frontend.pool)];
    if let Some(pool) = &frontend.inside {
        groups.push(group(server(inside, by_hash, 0, 0), pool));
    }
    groups.retain(|group| !group.reals.is_empty());
    groups
}

/// The virtual servers that a frontend with these marks may have: at its address, by its mark, by that for sources inside.
pub(crate) fn ids(key: FrontendKey, marks: ServerMarks) -> [ServerId; 3] {
    let family = Family::from(key.address);
    [
        ServerId::At(number(key.protocol), key.socket_addr()),
        ServerId::Marked(family, marks.plain),
        ServerId::Marked(family, marks.inside),
    ]
}

fn server(id: ServerId, scheduler: Scheduler, set: u32, timeout: u32) -> VirtualServer {
    let passes_over = if scheduler.hashes() {
        flags::SCHEDULER_1
    } else {
        0
    };
    VirtualServer {
        id,
        scheduler: scheduler.as_str().to_owned(),
        flags: OURS | set | passes_over,
        timeout,
    }
}

fn group(server: VirtualServer, pool: &Pool) -> Group {
    let mut reals = BTreeMap::new();
    for backend in &pool.backends {
        let weight: &mut u32 = reals.entry(backend.socket_addr()).or_default();
        *weight = weight.saturating_add(backend.weight).min(MOST_WEIGHT);
    }
    Group { server, reals }
}

fn members(frontend: &Frontend) -> BTreeMap<SocketAddr, Vec<Member>> {
    let mut members: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for (inside, pool) in pools(frontend) {
        for backend in &pool.backends {
            let at = members.entry(backend.socket_addr()).or_default();
            at.push(Member::new(backend, inside));
        }
    }
    members
}

fn pools(frontend: &Frontend) -> impl Iterator<Item = (bool, &Pool)> {
    let inside = frontend
        .inside
        .as_deref()
        .into_iter()
        .map(|pool| (true, pool));
    std::iter::once((false, &frontend.pool)).chain(inside)
}

/// Whether anybody serves it.
pub(crate) fn is_served(frontend: &Frontend) -> bool {
    pools(frontend).any(|(_, pool)| !pool.backends.is_empty())
}

/// The element of `served`.
pub(crate) fn served(key: FrontendKey, mark: u32) -> Entry {
    Entry {
        family: Family::from(key.address),
        set: SetName::Served,
        element: Element {
            key: key::frontend(key),
            userdata: userdata::of_mark(mark),
            ..Element::default()
        },
    }
}

/// Why a frontend can't be carried at all.
pub(crate) fn check(key: FrontendKey, frontend: &Frontend) -> Result<(), Unfit> {
    for (_, pool) in pools(frontend) {
        let mut strangers = pool.backends.iter();
        let stranger = strangers.find(|b| b.address.is_ipv4() != key.address.is_ipv4());
        if let Some(stranger) = stranger {
            return Err(Unfit::Family(stranger.socket_addr()));
        }
    }
    let crowded = members(frontend)
        .into_iter()
        .find(|(_, members)| members.len() > MOST_MEMBERS);
    crowded.map_or(Ok(()), |(address, _)| Err(Unfit::Crowded(address)))
}

/// What [`check`] found.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(
        "the backend {0} is of another family than the frontend; give the Service an endpoint of its own family"
    )]
    Family(SocketAddr),
    #[error(
        "more than {MOST_MEMBERS} endpoints listen at {0}; IPVS knows one real server an address, give it one endpoint with the sum of their weights"
    )]
    Crowded(SocketAddr),
}

/// What the class of a pool without backends says.
fn empty(pool: &Pool, bit: MarkBit) -> u32 {
    match (pool.backends.is_empty(), pool.when_empty) {
        (false, _) => 0,
        (true, WhenEmpty::Reject) => bit.refuse(),
        (true, WhenEmpty::Drop) => bit.drop(),
    }
}

/// Whose source address is replaced.
pub(crate) fn kind(frontend: &Frontend) -> Kind {
    match (frontend.reach, &frontend.inside) {
        (Reach::Internal, _) => Kind::NotWorkloads,
        (Reach::External, None) => Kind::Always,
        (Reach::External, Some(_)) => Kind::Node,
    }
}

fn of(set: SetName, key: FrontendKey, value: u32, userdata: Vec<u8>) -> Entry {
    Entry {
        family: Family::from(key.address),
        set,
        element: Element {
            key: key::frontend(key),
            value: Some(value.to_ne_bytes().to_vec()),
            userdata,
            ..Element::default()
        },
    }
}

/// Ranges that are within others are left out: the kernel takes no overlaps. A node that is within the ranges by one of its
/// `own` addresses reaches the frontend from the frontend's address, too: Linux gives a packet to a local address that source.
fn allowed(key: FrontendKey, ranges: &[IpNet], own: &[IpAddr]) -> Vec<Entry> {
    let family = Family::from(key.address);
    let of_family: Vec<_> = ranges
        .iter()
        .filter(|r| Family::from(r.addr()) == family)
        .collect();
    let is_outer = |range: &IpNet| {
        let mut others = of_family.iter().filter(|other| **other != range);
        !others.any(|other| other.contains(range))
    };
    let mut seen = BTreeSet::new();
    let outer = of_family.iter().copied().enumerate();
    let outer = outer.filter(|(_, range)| is_outer(range) && seen.insert(range.trunc()));
    let end = |address| [key::frontend(key), octets(address)].concat();
    let entry = |first, last, userdata| Entry {
        family,
        set: SetName::Allowed,
        element: Element {
            key: end(first),
            key_end: Some(end(last)),
            userdata,
            ..Element::default()
        },
    };
    let entries = outer.map(|(index, range)| {
        let order = common::of_range(u16::try_from(index).unwrap_or(u16::MAX));
        entry(range.network(), range.broadcast(), order)
    });
    let contains = |address: &IpAddr| ranges.iter().any(|range| range.contains(address));
    let itself = own.iter().any(contains) && !contains(&key.address);
    let itself = itself.then(|| entry(key.address, key.address, Vec::new()));
    entries.chain(itself).collect()
}
