//! The kit that every dataplane runs: the contract and the numbered cases in the packet lab, which needs root.

use portolan_nftables::{NftablesDataplane, Options};

portolan_lab::conformance!(
    || NftablesDataplane::new(Options::default()).expect("root may program nftables")
);
