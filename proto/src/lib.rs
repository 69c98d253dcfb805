//! The wire: what users call (`portolan.v1`), what nodes stream (`portolan.node.v1`), and the one place where wire
//! meets domain ([`convert`]).
//!
//! The .proto files are the product's face: each message, field and RPC is explained there. Nothing in here decides;
//! conversions check shapes and collect what is wrong, rules are in `portolan-model`.

/// Under what names the API is known: the domain of every error, the first part of every resource's type.
pub const DOMAIN: &str = "portolan.dev";

pub mod convert;
pub mod trace;

/// The file descriptors of everything below, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The API.
#[expect(
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    unused_qualifications,
    reason = "generated code"
)]
pub mod v1 {
    tonic::include_proto!("portolan.v1");
}

/// The node stream.
pub mod node {
    /// Version 1.
    #[expect(
        clippy::all,
        clippy::pedantic,
        clippy::allow_attributes,
        unused_qualifications,
        reason = "generated code"
    )]
    pub mod v1 {
        tonic::include_proto!("portolan.node.v1");
    }
}
