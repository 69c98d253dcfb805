//! What lists and watches ask for: which resources ([`Filter`], a subset of AIP-160), and in which order ([`Order`],
//! AIP-132). Both name the columns of what is [`Listed`].

mod cluster;
mod columns;
mod endpoint;
mod event;
mod expression;
mod filter;
mod namespace;
mod node;
mod order;
mod parse;
mod scanner;
mod service;
mod service_cidr;
#[cfg(test)]
mod tests;
mod workload;

pub use columns::{Column, Kept, Listed, Value};
pub use filter::Filter;
pub use order::{Order, Position};
