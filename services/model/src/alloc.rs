//! Which address and which port is picked: exact sets of what is taken, bands, and the scan for a gap.

mod band;
mod occupancy;
mod range;

pub use band::{address_band, port_band};
pub use occupancy::Occupancy;
pub use range::{Pick, ServiceRange, pick_port, top_level};
