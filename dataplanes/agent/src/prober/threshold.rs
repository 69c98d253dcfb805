//! When a workload's readiness turns.

use super::outcome::Outcome;

/// Counts results in a row. Starts not serving; below a threshold the old state stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thresholds {
    serving: bool,
    /// Results in a row that speak against the present state.
    against: u32,
}

impl Thresholds {
    /// Whether the workload serves after this outcome.
    pub(super) fn count(&mut self, outcome: &Outcome, success: u32, failure: u32) -> bool {
        let passed = match outcome {
            Outcome::Pass => true,
            Outcome::Fail(_) => false,
            Outcome::Unknown(_) => return self.serving,
        };
        if passed == self.serving {
            self.against = 0;
            return self.serving;
        }
        self.against += 1;
        let threshold = if passed { success } else { failure };
        if self.against >= threshold {
            *self = Self {
                serving: passed,
                against: 0,
            };
        }
        self.serving
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `+` passes, `-` fails, `?` is the prober's own failure; upper case in the result is serving.
    fn run(success: u32, failure: u32, outcomes: &str) -> String {
        let mut thresholds = Thresholds::default();
        let state = |outcome| {
            let outcome = match outcome {
                '+' => Outcome::Pass,
                '-' => Outcome::Fail("refused".to_owned()),
                _ => Outcome::Unknown("no descriptors left".to_owned()),
            };
            if thresholds.count(&outcome, success, failure) {
                'S'
            } else {
                'n'
            }
        };
        outcomes.chars().map(state).collect()
    }

    #[test]
    fn readiness_turns_at_its_thresholds() {
        for (name, success, failure, outcomes, states) in [
            ("starts not serving", 1, 3, "---", "nnn"),
            ("one pass is enough by default", 1, 3, "+", "S"),
            ("failures below the threshold", 1, 3, "+--+--", "SSSSSS"),
            ("failures in a row", 1, 3, "+---", "SSSn"),
            ("back at the first pass", 1, 3, "+---+", "SSSnS"),
            ("passes in a row", 3, 1, "++-+++", "nnnnnS"),
            ("its own failures do not count", 2, 2, "+?+-?-", "nnSSSn"),
            ("nor do they break a row", 1, 3, "+--?-", "SSSSn"),
        ] {
            assert_eq!(run(success, failure, outcomes), states, "{name}");
        }
    }
}
