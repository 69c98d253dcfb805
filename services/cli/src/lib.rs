//! What operators use every day: `apply`, `get`, `explain` and the other commands that talk to a server.
//!
//! It reads, asks and prints; what is decided is decided by the server. It knows the wire and nothing else of Portolan: no
//! store, no allocator, no dataplane.
//!
//! ```text
//!  apply:    files --manifest--> requests --client--> server --> one line each
//!  get:      server --client--> Object --output--> table | YAML | JSON
//!  failures: Status --failure--> lines in the words and places of the manifest
//! ```
//!
//! All kinds stand in one table, `kinds.rs`, and what a kind has of its own in a file of `kinds/`: a new kind is a row and
//! such a file. A specification names each of its fields once, with its shape (`shape.rs`), to be read and written.
//!
//! Start reading at [`Command`].

mod client;
mod commands;
mod failure;
mod kind;
mod kinds;
mod manifest;
mod object;
mod output;
mod selector;
mod shape;
mod show;
mod target;
mod words;

pub use commands::{Command, run};
pub use failure::Failure;
