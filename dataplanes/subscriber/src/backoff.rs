//! When to call the server again.

use std::time::Duration;

/// Upper bound of the first wait.
const FIRST: Duration = Duration::from_millis(100);
/// Upper bound of every wait. Small, since a node without a stream works with old endpoints; full jitter spreads a
/// fleet over it.
const LONGEST: Duration = Duration::from_secs(5);
/// A stream that lived this long has earned a fresh start.
const STABLE: Duration = Duration::from_mins(1);

/// Full jitter: each wait is anywhere between nothing and a bound that doubles.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait, after a stream that lived for `lived`; `random` is in 0..1.
    pub(crate) fn next(&mut self, lived: Duration, random: f64) -> Duration {
        if lived >= STABLE {
            self.failures = 0;
        }
        let bound = FIRST.saturating_mul(2_u32.saturating_pow(self.failures));
        self.failures = self.failures.saturating_add(1);
        bound.min(LONGEST).mul_f64(random.clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_start_over_after_a_stable_stream() {
        let mut backoff = Backoff::default();
        let mut next = |lived| backoff.next(Duration::from_secs(lived), 1.0).as_millis();
        let bounds: Vec<_> = (0..8).map(|_| next(1)).collect();
        assert_eq!(bounds, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
        assert_eq!(next(60), 100);
        assert_eq!(next(59), 200);
    }

    #[test]
    fn the_whole_wait_is_random() {
        assert_eq!(Backoff::default().next(Duration::ZERO, 0.0), Duration::ZERO);
        assert_eq!(
            Backoff::default().next(Duration::ZERO, 0.5),
            Duration::from_millis(50)
        );
    }
}
