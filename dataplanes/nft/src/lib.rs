//! Tables of nftables whose elements are Services: what the dataplanes that use nftables share.
//!
//! It knows how a frontend becomes a key, how programs and sets are declared, what elements carry so that a restarted plugin
//! knows what it finds, which elements frontends share, and how all that gets into tables and back out of them: in one
//! transaction or bounded ones, by halves where the kernel refuses, and with the number by which others' transactions are told.
//! It does not know which sets there are, what the rules do with them, or which elements a frontend has of its own. A dataplane
//! brings those: its sets as a [`SetName`], its chains as a [`Program`], its elements as [`Entry`]s.
//!
//! ```text
//!  a plan --Part, Bisection--> changes --Standing--> Difference --Tables, Transactions--> the kernel
//!                                                                      Recovery <-- Entry <--'     (after a restart)
//! ```
//! Start with [`Entry`], then [`Difference`], which is all that is ever written, then [`Tables`].

mod difference;
mod entry;
pub mod expressions;
mod flows;
pub mod key;
mod parts;
mod program;
mod ranges;
mod recover;
pub mod refusal;
mod set_name;
mod shape;
mod standing;
mod tables;
mod transactions;
pub mod userdata;
mod uses;

pub use difference::{BATCH, Difference, compare};
pub use entry::Entry;
pub use flows::forget;
pub use parts::{Bisection, Part};
pub use program::{Chain, Program, Rule, Verdicts, chain, hooked, rule};
pub use ranges::{Ranges, change_of_ranges, ranges};
pub use recover::Recovery;
pub use set_name::{ServiceSets, SetName};
pub use shape::{Datatype, Leads, Shape};
pub use standing::{FrontendChange, Standing, Turn};
pub use tables::{FAMILIES, Found, Tables};
pub use transactions::Transactions;
