//! `nf_tables`: tables, chains, rules, sets and their elements.

mod batch;
mod element;
mod expression;
mod list;
mod object;

pub use batch::{Batch, Step};
pub use element::{Data, Element};
pub use expression::{Comparison, Expression, Keep, Load, Meta, Update, register};
pub use list::{Listed, elements, generation, program};
pub use object::{Chain, Hook, Rule, Set, Table, Values, Verdict, comment};

/// Family of a table: its number in the kernel (`NFPROTO_*`).
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Family {
    /// IPv4.
    V4 = 2,
    /// IPv6.
    V6 = 10,
}

impl Family {
    /// As `nft` writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }
}
