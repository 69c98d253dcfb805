//! The contract of a dataplane: what a node should carry, the difference to what it carries, and the mechanism that
//! closes it.
//!
//! Pure but for the trait: no clock, no network, no kernel. A plugin contains no logic about Services; it gets a
//! [`Plan`] and carries it out. Policies were applied by the server; what is left to choose on a node is in
//! [`Views::desired`].
//!
//! ```text
//! views from the stream --Views::apply--> Touched --Desired::refresh--> NodeState (desired), changed keys
//!                                                                          |
//!               Dataplane::observe --> NodeState (observed) --plan_keys()--'--> Plan --> Dataplane::apply
//! ```
//! Start with [`Dataplane`]. README.md says how to write one, `examples/haproxy` is one, and the conformance kit (feature
//! `testing`) holds it against its promises.

mod capabilities;
mod dataplane;
mod desired;
#[cfg(test)]
mod fixtures;
mod full;
mod plan;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod views;

pub use capabilities::Capabilities;
pub use dataplane::{
    Applied, Dataplane, DataplaneError, Environment, Health, Rejected, RejectionCode, remove_all,
};
pub use desired::Desired;
pub use plan::{Plan, carried, plan, plan_keys};
pub use state::{Backend, Frontend, FrontendKey, NodeState, Pool, ServiceRef, without_local};
pub use views::{Touched, Views};
