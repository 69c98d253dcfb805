//! What lists and watches ask for: which resources ([`Filter`], a subset of AIP-160), and in which order ([`Order`],
//! AIP-132). Both name the columns that a [`Resource`] has.

mod columns;
mod filter;
mod kept;
mod order;
mod parse;
mod resources;
#[cfg(test)]
mod tests;

pub use columns::{Column, Kept, Resource, Value};
pub use filter::Filter;
pub use order::{Order, Position};
