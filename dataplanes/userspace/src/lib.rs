//! A dataplane of plain sockets. It needs no privileges and no kernel features, and relays TCP and UDP at layer 4. As root it
//! may have one listener for all TCP frontends (`tproxy.rs`).
//!
//! It does not keep the client's address (backends may be told of it by the PROXY protocol), does not look into what it relays, and keeps nothing beyond its process:
//! after a restart the agent programs everything again.
//!
//! ```text
//!  Plan --apply--> one Carried a frontend --- Route: pools, swapped without a lock
//!                        |                           ^ pick
//!                        '-- Open: the socket -- accept --> relay <--> backend        (TCP)
//!                            (closed while               '-> session <--> backend     (UDP)
//!                             there is no backend)
//! ```
//! Start with [`UserspaceDataplane`]; README.md has the limits and how to look inside by hand.

mod addresses;
mod affinity;
mod bind;
mod carried;
mod counters;
mod dataplane;
mod descriptors;
mod engine;
mod local_ranges;
mod node_ports;
mod pool;
mod proxy_protocol;
mod route;
mod session_room;
mod shares;
mod sys;
mod tcp;
mod tproxy;
mod udp;
mod workers;

pub use dataplane::{Options, UserspaceDataplane};
pub use node_ports::also_on_loopback;
pub use proxy_protocol::{NotAService, ProxyProtocol};
