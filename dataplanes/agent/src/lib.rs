//! The loop that all plugins share: follows the node stream, keeps a dataplane in step with it, probes the node's own
//! workloads and says what became of both.
//!
//! Knows no mechanism and no policy: what a node should carry comes from `portolan-dataplane`, what it is told from
//! `portolan-subscriber`. Reconciling runs on every change, on a timer from the whole desired state, and again with
//! growing pauses for what failed. Nothing is removed because the server is away.
//!
//! ```text
//!              Subscriber --Update--> Reconciler --Plan--> Dataplane
//!                 ^   ^                   |  '-- retry, audit
//!       Applied --'   |                   v
//!                     '--ReadinessTable-- Prober --HTTP, TCP, gRPC--> workloads of this node
//! ```
//! A plugin's main is [`AgentArgs`], a dataplane and [`run`]. Start reading with [`Agent`].

mod address;
mod agent;
mod args;
mod capabilities;
mod config;
mod error;
mod http;
mod metrics;
mod node_ports;
mod prober;
mod reconciler;
mod rejected;
mod retry;
mod status;
mod trace;

pub use address::primary as primary_addresses;
pub use agent::{Agent, run};
pub use args::AgentArgs;
pub use config::AgentConfig;
pub use error::{AgentError, ArgsError};
pub use node_ports::NodePortAddress;
pub use portolan_process::{Telemetry, TelemetryError, terminated};
pub use portolan_subscriber::Description;
pub use status::AgentStatus;
