//! Tells nodes what they should carry: every change is projected, encoded and framed once, and the same bytes go to
//! all streams of a cluster.
//!
//! It decides nothing and writes nothing but what nodes reported. It knows no RPC library either: a stream is an
//! [`http_body::Body`], and what arrives from nodes comes in as plain values.
//!
//! ```text
//! Cache --commits--> Follower: project, encode --Frame--> ring --cursor--> StreamBody --> node
//!                                  '--> snapshot (snapshots) ------------------^   ^
//!                                       Welcome, HealthAck, Drain -- StreamHandle
//! node --> Ack, Heartbeat --> Sessions --> acknowledged (quarantine), runtime (status, other replicas)
//! ```
//! Start with [`Distributor`], then [`StreamBody`] for what a node sees, and [`Sessions`] for what is known of nodes.

mod body;
mod distributor;
mod follower;
mod frame;
mod line;
mod metrics;
mod node_reports;
mod projection;
mod projector;
mod ring;
mod sessions;
mod snapshot;
#[cfg(test)]
mod tests;
mod wire;

pub use body::StreamBody;
pub use distributor::{Distributor, Held, Mode, Start};
pub use follower::Follower;
pub use line::{Ending, StreamHandle, stream};
pub use metrics::Metrics;
pub use node_reports::share_node_reports;
pub use sessions::{Acknowledgement, NodeHello, NotAdmitted, SessionGuard, SessionId, Sessions};
pub use wire::HEARTBEAT;
