//! What lists and watches ask for: which resources ([`Filter`], a subset of AIP-160), and in which order ([`Order`],
//! AIP-132). Both name the columns of what is [`Listed`].

pub(crate) mod columns;
mod expression;
mod filter;
mod order;
mod parse;
mod scanner;
#[cfg(test)]
mod tests;

pub use columns::{Column, Kept, Listed, Value};
pub use filter::Filter;
pub use order::{Order, Position};
