//! The packet lab: nodes, workloads and clients as network namespaces joined by virtual cables, with a dataplane on
//! every node; and the cases of the conformance checklist that need packets.
//!
//! Everything is made from Rust and lives in this process: namespaces have no names, so several labs with the same
//! addresses stand side by side, and nothing is left behind however a test ends. It needs root. What the control plane
//! would send is made by its own projection from Services and endpoints, so a case tells what a user would see.
//!
//! ```text
//! Service, Member --views--> Plugin (on its node's thread; any Dataplane is one: desired, plan, apply)
//!                               |
//! Ask (from a machine of the Network) ------ packets --------'----> echo servers --> Outcome
//! ```
//! A plugin runs the whole kit by one line in `tests/conformance.rs`:
//! ```text
//! portolan_lab::conformance!(MyDataplane::new);
//! ```
//! What is no Rust or no library takes the place of a dataplane as a [`Plugin`] of its own.
//! Start with [`Lab`]; [`cases`] is the list, [`checklist`] says which case stands for which number.

pub mod cases;
mod check;
pub mod checklist;
pub mod client;
pub mod echo;
mod lab;
mod link;
mod load;
mod namespace;
mod network;
mod outcome;
mod plugin;
mod service;
mod stray;

pub use check::TRIES;
pub use client::{Ask, Conversation, Datagrams};
pub use echo::{ECHO, HTTP};
pub use lab::{LOAD_BALANCER_RANGES, Lab, Make, Predecessor, SERVICE_CIDRS, Settings, nets};
pub use load::Load;
pub use namespace::{Namespace, on_a_machine_of_its_own};
pub use network::{CLIENT_ADDRESSES, Host, Network, Topology, WORKLOAD_RANGES};
pub use outcome::{Answer, Outcome};
pub use plugin::{Carried, Plugin};
#[doc(hidden)]
pub use portolan_dataplane;
pub use portolan_model::Family;
pub use service::{Member, PORT, PROTOCOLS, Service, Target, ready, terminating, unready};
