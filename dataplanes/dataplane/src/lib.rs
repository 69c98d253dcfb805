//! The contract of a dataplane: what a node should carry, the difference to what it carries, and the mechanism that
//! closes it.
//!
//! Pure but for the trait: no clock, no network, no kernel. A plugin contains no logic about Services; it gets a
//! [`Plan`] and carries it out. Policies were applied by the server; what is left to choose on a node is in
//! [`Views::desired`].
//!
//! ```text
//! views from the stream --Views::apply--> touched Services --Views::desired--> NodeState (desired)
//!                                                                   |
//!            Dataplane::observe --> NodeState (observed) --plan()---'--> Plan --> Dataplane::apply
//! ```
//! Start with [`Dataplane`]; to write one, run the conformance kit (feature `testing`) on it.

mod capabilities;
mod dataplane;
mod plan;
mod state;
#[cfg(feature = "testing")]
pub mod testing;
mod views;

pub use capabilities::Capabilities;
pub use dataplane::{Applied, Dataplane, DataplaneError, Health, Rejected, RejectionCode};
pub use plan::{Plan, plan};
pub use state::{Backend, Frontend, FrontendKey, NodeState, Pool, ServiceRef};
pub use views::{Touched, Views};
