//! YAML as a tree in which every node knows where it stands: as kubectl reads it, which goes by libyaml and YAML 1.1.
//!
//! ```text
//! text --split--> parts --libyaml's events--> build --> nodes
//! ```
//! Built from the parser's events rather than by a loader: a loader recurses, so that nesting alone could exhaust the
//! stack, and knows no places.

mod build;
mod malformed;
mod node;
mod parse;
mod scalar;
mod split;

pub(crate) use malformed::Malformed;
pub(crate) use node::{Entry, Node, Position, Value};
pub(crate) use parse::{MAX_BYTES, Parsed, parse, parse_each};

#[cfg(test)]
mod tests;
