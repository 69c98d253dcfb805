//! What every resource carries.

use portolan_model::Timestamp;

/// A point in time on the wire.
pub fn timestamp(at: Timestamp) -> prost_types::Timestamp {
    let seconds = at.0.div_euclid(1_000_000);
    let nanos = i32::try_from(at.0.rem_euclid(1_000_000) * 1000).unwrap_or(0);
    prost_types::Timestamp { seconds, nanos }
}

/// A generation on the wire.
pub(super) fn generation(generation: u64) -> i64 {
    i64::try_from(generation).unwrap_or(i64::MAX)
}
