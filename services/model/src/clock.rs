//! Who tells the time.

use crate::Timestamp;

/// Tells the time of day, for everything that people read and for bounds of seconds and more. The order of what is committed
/// never depends on it. Given to whoever needs it, so that a test or a simulation decides what time it is.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}
