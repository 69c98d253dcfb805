//! For tests: dataplanes without a mechanism, and the conformance kit for those that have one.

mod fake;
mod faulty;

pub use fake::FakeDataplane;
pub use faulty::FaultyDataplane;
