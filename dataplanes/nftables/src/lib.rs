//! A dataplane in the kernel: a fixed nftables program whose data are the Services.
//!
//! It knows no policies and keeps no clock; what to carry comes as a plan. Its tables are `ip portolan` and `ip6 portolan`,
//! and nothing else is touched. The number of chains, rules, sets and maps does not depend on the Services.
//!
//! ```text
//!  Plan --apply--> FrontendChange --Mirror::difference--> elements to delete and add --Kernel::carry--> transactions
//!                                      | render: frontend -> elements                         |
//!  NodeState <--observe-- Mirror <-----'             recover: elements -> frontends <---------'  (after a restart, in an audit)
//! ```
//! Start with `program/chains.rs`, which is what packets meet; then `render.rs`, the only place that decides elements; then
//! [`NftablesDataplane`]. README.md says how to look inside by hand.

mod audit;
mod class;
mod commit;
mod counters;
mod dataplane;
mod entry;
mod kernel;
mod mirror;
mod pace;
mod program;
mod recover;
mod render;
mod seal;
mod slots;
mod stale;
#[cfg(test)]
mod tracer;
mod userdata;

pub use dataplane::{NftablesDataplane, Options};
pub use portolan_netlink::nftables::Family;
pub use program::{TABLE, text};
