//! When to try again what failed.

use std::time::{Duration, Instant};

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(30);

/// Pauses that double while something fails.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    pause: Option<Duration>,
    at: Option<Instant>,
}

impl Retry {
    /// When the next attempt is due; none while nothing fails.
    pub(crate) fn at(&self) -> Option<Instant> {
        self.at
    }

    /// Something was carried out, and this is whether anything failed. A pause that runs already is kept.
    pub(crate) fn note(&mut self, failing: bool, now: Instant) {
        if !failing {
            *self = Self::default();
        } else if self.at.is_none() {
            let pause = self.pause.map_or(FIRST, |pause| (pause * 2).min(LONGEST));
            self.pause = Some(pause);
            self.at = Some(now + pause);
        }
    }

    /// The attempt that was due is being made.
    pub(crate) fn begin(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_while_something_fails_and_start_over_after_success() {
        let now = Instant::now();
        let mut retry = Retry::default();
        let mut fail = |failing| {
            retry.begin();
            retry.note(failing, now);
            retry.at().map(|at| (at - now).as_secs())
        };
        let pauses: Vec<_> = (0..7).map(|_| fail(true)).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30].map(Some));
        assert_eq!(fail(false), None);
        assert_eq!(fail(true), Some(1));
    }

    #[test]
    fn another_failure_does_not_postpone_the_attempt() {
        let now = Instant::now();
        let mut retry = Retry::default();
        retry.note(true, now);
        let at = retry.at();
        retry.note(true, now + Duration::from_millis(500));
        assert_eq!(retry.at(), at);
    }
}
