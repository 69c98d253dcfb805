//! The whole system, as its users run it: real processes, real sockets, real databases, real namespaces.
//!
//! Everything that a test starts ends with it, after a failure too. Nothing sleeps for a guess of time: [`eventually`]
//! waits for a condition with a generous deadline.
//!
//! ```text
//! Namespace (optional) > Server (portolan serve) > Plugin (portolan-userspace) > Backend (portolan demo-backend)
//! ```
//! Start with [`Server`].

pub mod api;
mod backend;
mod binaries;
mod fleet;
mod http;
mod namespace;
mod node;
mod plugin;
mod process;
mod python;
mod server;
mod traffic;
mod user;
mod wait;
mod writer;

pub use backend::Backend;
pub use binaries::{binary, repository, tool};
pub use fleet::{Fleet, workload};
pub use http::{get, metric};
pub use namespace::Namespace;
pub use node::{Node, PROJECTION_VERSION};
pub use plugin::Plugin;
pub use process::{Output, Process, run};
pub use python::PythonPlugin;
pub use server::{Server, Store};
pub use traffic::{Load, Tally};
pub use user::{Dev, Ports, User};
pub use wait::{eventually, free_port, holds};
pub use writer::{Writer, Written};
