//! `nf_tables`: tables, chains, rules, sets and their elements.

mod batch;
mod element;
mod expression;
mod interval;
mod list;
mod load;
mod object;

pub use batch::{Batch, Step};
pub use element::{Data, Element};
pub use expression::{Comparison, Expression, Keep, Update, register};
pub use interval::{intervals, octets};
pub use list::{Listed, elements, generation, program};
pub use load::{Load, Meta};
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

impl From<std::net::IpAddr> for Family {
    fn from(address: std::net::IpAddr) -> Self {
        if address.is_ipv4() {
            Self::V4
        } else {
            Self::V6
        }
    }
}

impl Family {
    /// The word by which `nft` calls it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V4 => "ip",
            Self::V6 => "ip6",
        }
    }
}
