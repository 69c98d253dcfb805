//! Talks to the kernel's netfilter and IPVS over netlink: attributes in and out, batches that happen whole or not at all,
//! dumps, and the kernel's own words when it refuses.
//!
//! It knows nothing of Services. It starts no process and links no C library. The socket belongs to the network namespace
//! of the thread that opened it, wherever it is used later.
//!
//! ```text
//!  nftables::Batch --bytes--> Socket::commit ---.            .--> () once the transaction is committed
//!  conntrack::Filter, ------> Socket::request --+-- kernel --+--> Refused{what, errno, message}: the object and why
//!    ipvs::VirtualServer                        |            |
//!  Dump --------------------> Socket::dump -----'            '--> one callback an object
//! ```
//! `tlv` is the codec, `message` the header around it, `abi` the kernel's numbers. A family of the kernel is a module:
//! `nftables`, `conntrack`, and by way of generic netlink `ipvs`; the socket does not care. Start with [`Socket`], then
//! [`nftables::Batch`] or [`ipvs::Ipvs`].

mod abi;
pub mod conntrack;
mod error;
mod generic;
pub mod ipvs;
pub mod message;
pub mod nftables;

mod socket;
mod sys;
pub mod tlv;

pub use error::{NetlinkError, Refused};
pub use socket::Socket;
