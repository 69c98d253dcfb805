//! A dataplane in the kernel: IPVS balances, nftables decides who reaches it and whose source is replaced behind it.
//!
//! It knows no policies; what to carry comes as a plan. Its objects are virtual servers with a flag of their own, the tables
//! `ip portolan-ipvs` and `ip6 portolan-ipvs`, and a rule with a route that bring marked packets to this machine; no address
//! becomes the node's own. The number of chains, sets, rules and routes does not depend on the Services.
//!
//! ```text
//!  Plan --apply--> MarkedChange --Mirror::difference--> elements --Tables::carry--> transactions   (first)
//!                     '----- render::groups ----> virtual servers --Servers::put--> requests      (then)
//!  NodeState <--observe-- Mirror <-- recover: elements -> frontends <-- Tables, Servers::adopt     (after a restart)
//! ```
//! Start with `program/chains.rs`, which is what packets meet; then `render.rs`, the only place that decides elements and
//! virtual servers; then [`IpvsDataplane`]. README.md says how to look inside by hand.

mod adoption;
mod audit;
mod commit;
mod counters;
mod dataplane;
mod entry;
mod host;
mod mark;
mod marks;
mod mirror;
mod options;
mod program;
mod recover;
mod render;
mod scheduler;
mod serve;
mod servers;
mod stale;
mod userdata;

pub use dataplane::IpvsDataplane;
pub use mark::MarkBit;
pub use options::Options;
pub use program::TABLE;
pub use scheduler::{Exception, Scheduler, Schedulers};
