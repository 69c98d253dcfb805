//! Tables of nftables whose elements are Services: what dataplanes that use nftables have in common.
//!
//! It knows how a frontend becomes a key, how sets are declared, what elements carry so that a restarted plugin knows what it
//! finds, and how elements get into tables and back out of them. Which sets there are, what the rules do with them and which elements a
//! frontend has is the business of each dataplane; it brings its sets as a [`SetName`] and the rest as a [`Program`].
//!
//! Start with [`Entry`], then [`Difference`], which is all that is ever written, then [`tables`] and [`Transactions`].

mod difference;
mod entry;
pub mod key;
mod program;
mod ranges;
mod recover;
mod set_name;
mod shape;
pub mod tables;
mod transactions;
pub mod userdata;

pub use difference::{BATCH, Difference, compare};
pub use entry::Entry;
pub use program::{Program, Verdicts, rule};
pub use ranges::{Ranges, ranges};
pub use recover::{bare, source_range};
pub use set_name::{RangeSets, SetName};
pub use shape::{Datatype, Leads, Shape};
pub use transactions::Transactions;
