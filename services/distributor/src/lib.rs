//! Tells nodes what they should carry: every change is projected, encoded and framed once, and the same bytes go to
//! all streams of a cluster.
//!
//! It decides nothing and writes nothing but what nodes reported. It knows no RPC library either: a stream is an
//! [`http_body::Body`], and what arrives from nodes comes in as plain values.
//!
//! ```text
//! Cache --commits--> Follower: project, encode --Frame--> ring --Cursor--> StreamBody --> node
//!                                  '--> Snapshot -------------------^          ^
//!                                       Welcome, HealthAck, Drain -- StreamHandle
//! node --> Ack, Heartbeat --> Sessions --> acknowledged (quarantine), node reports (status, other replicas)
//! ```
//! Start with [`Distributor`], then [`StreamBody`] for what a node sees, and [`Sessions`] for what is known of nodes.

mod body;
mod cursor;
mod distributor;
mod follower;
mod frame;
mod metrics;
mod node_reports;
mod projection;
mod projector;
mod ring;
mod sessions;
mod snapshot;
mod start;
mod stream;
#[cfg(test)]
mod tests;
mod wire;

pub use body::{StreamBody, stream};
pub use distributor::Distributor;
pub use follower::Follower;
pub use metrics::Metrics;
pub use node_reports::share_node_reports;
pub use sessions::{Acknowledgement, NodeHello, NotAdmitted, SessionGuard, SessionId, Sessions};
pub use start::{Mode, ResumePoint, Start};
pub use stream::{Drain, Ending, StreamHandle};
pub use wire::HEARTBEAT;
