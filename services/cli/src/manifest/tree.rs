//! YAML as a tree in which every node knows where it stands.
//!
//! Built from the parser's events rather than by its own loader: the loader recurses, so that nesting alone could
//! exhaust the stack. Depth, size and what aliases may multiply are bounded here, once and for all that follows.

mod node;
mod parse;
mod scalar;

pub(crate) use node::{Entry, Node, Position, Value};
pub(crate) use parse::{MAX_BYTES, parse};

#[cfg(test)]
mod tests;
