//! Random histories: whatever is asked, in whatever order, the promises hold.
//!
//! Bytes make up a history: a random source, a shrinking test or a fuzzer gives them, and the same ones give the same
//! history. After each step everything is checked that must hold of a state, of a change and of an answer.
//!
//! ```text
//! bytes --Draw--> operation(state) --decide--> claims, exhaustion, dry_run, states
//! ```

mod claims;
mod copied;
mod draw;
mod dry_run;
mod exhaustion;
mod fuzz;
mod operations;
mod specs;
mod states;
mod stores;
mod world;

use std::fmt;

use proptest::collection::vec;
use proptest::prelude::*;

/// Histories of up to so many steps.
const STEPS: usize = 60;

/// Its bytes are shown as hexadecimal digits, a step a line: `xxd -r -p` turns them into a file for `__fuzz__`.
struct History(Vec<u8>);

impl fmt::Debug for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chunks(draw::STEP).try_for_each(|step| {
            writeln!(f)?;
            step.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
        })
    }
}

fn history() -> impl Strategy<Value = History> {
    let step = vec(any::<u8>(), draw::STEP);
    vec(step, 1..STEPS).prop_map(|steps| History(steps.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_promise_holds_after_every_step(history in history()) {
        world::play(&history.0);
    }
}
