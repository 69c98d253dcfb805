//! The kit that every dataplane runs: the contract and the numbered cases in the packet lab, which needs root and a kernel
//! with IPVS: tests/vm/run.

use portolan_ipvs::{IpvsDataplane, Options};

portolan_lab::conformance!(
    || IpvsDataplane::new(Options::default()).expect("root may program IPVS")
);
