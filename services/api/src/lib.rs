//! What users and nodes call: gRPC services over the allocator, and the one place where a status code is chosen.
//!
//! Handlers check the shape of a request, hand an operation to the allocator, or answer a read from memory. They know
//! no SQL and decide nothing.
//!
//! ```text
//! request --proto::convert--> Operation --Allocator::submit--> Outcome --proto::convert--> response
//!                      '--> violations --status--> tonic::Status with google.rpc details <-- Refusal
//! ```
//! Start with [`Api`]; [`status`] maps every refusal to its code.

mod api;
mod cluster;
mod clusters;
mod conditions;
mod context;
mod endpoints;
mod events;
mod explain;
mod health;
mod listing;
mod mask;
mod namespaces;
pub mod node_sync;
mod nodes;
mod paging;
mod requests;
mod service_cidrs;
mod services;
mod shape;
pub mod status;
#[cfg(test)]
mod tests;
mod watch;
mod workloads;

pub use api::Api;
pub use cluster::{Cluster, Clusters, CreateCluster};
pub use health::Health;
pub use requests::{CountedBody, Metrics, Requests, Watched};
