//! What a dataplane can do. What it can't is rejected with a reason, never skipped.

use std::collections::BTreeSet;

use portolan_model::{Family, Protocol};

/// Declared by a dataplane; [`crate::plan()`] lists what needs more as unsupported.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent abilities, each named where it is read"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Capabilities {
    /// Kind of the dataplane, for example `userspace`.
    pub kind: &'static str,
    /// Families of frontends.
    pub families: BTreeSet<Family>,
    /// Transports.
    pub protocols: BTreeSet<Protocol>,
    /// Can keep a client on its backend.
    pub affinity: bool,
    /// Can refuse clients by address.
    pub source_ranges: bool,
    /// Can be silent towards traffic without a backend; without it such traffic is rejected.
    pub drop: bool,
    /// Can tell sources inside from sources outside; without it `inside` pools go unused.
    pub inside: bool,
    /// Backends see the client's own address, except where it has to be replaced so that answers find back. Without it
    /// they see the node's.
    pub preserves_source: bool,
    /// Virtual addresses are guarded as a whole: traffic to their other ports, and neighbours that ask for them, never
    /// reach the node's own programs. Without it a program that listens at every address answers there.
    pub guard: bool,
    /// What is programmed outlives the process, connections included; the next process adopts it.
    pub persistent: bool,
}

impl Capabilities {
    /// Those of a dataplane of this kind that lacks nothing.
    pub fn everything(kind: &'static str) -> Self {
        Self {
            kind,
            families: [Family::V4, Family::V6].into(),
            protocols: [Protocol::Tcp, Protocol::Udp, Protocol::Sctp].into(),
            affinity: true,
            source_ranges: true,
            drop: true,
            inside: true,
            preserves_source: true,
            guard: true,
            persistent: true,
        }
    }
}
