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
mod aside;
mod cluster;
mod conditions;
mod context;
mod explain;
mod health;
mod listing;
mod mask;
pub mod node_sync;
mod paging;
mod requests;
mod resource;
mod resources;
mod shape;
pub mod status;
#[cfg(test)]
mod tests;
mod watch;

pub use api::Api;
pub use cluster::{Cluster, Clusters, CreateCluster};
pub use health::Health;
pub use requests::{
    BoundedBody, Connection, CountedBody, Crowd, Idleness, Metrics, RequestService, Requests,
};
pub use resources::{API_NAMES, routes};
