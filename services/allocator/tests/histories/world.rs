//! A cluster in a box, whose every step is checked.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use portolan_allocator::{Decision, Inputs, Operation, decide};
use portolan_model::{Change, Refusal, State, Timestamp};

use super::draw::{Draw, STEP};
use super::operations::operation;
use super::{claims, dry_run, exhaustion, states};

/// A second, which most of what is waited for takes at least.
const SECOND: i64 = 1_000_000;

/// The state so far, and how it came to be.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) state: State,
    log: Vec<Change>,
    steps: u64,
    now: Timestamp,
    /// How many operations changed something, were refused, and did nothing.
    pub(crate) tally: [usize; 3],
}

/// Decides a history step by step and checks everything after each of them; what fails names the operation.
pub(crate) fn play(bytes: &[u8]) -> World {
    let mut world = World::default();
    for step in bytes.chunks(STEP) {
        world.step(&mut Draw::new(step));
    }
    world.check_log();
    world
}

impl World {
    fn step(&mut self, draw: &mut Draw<'_>) {
        self.steps += 1;
        let pause = draw.one(&[0, 1, 12, 700]);
        self.now.0 += 1 + pause * SECOND;
        let operation = operation(draw, &self.state);
        let step = catch_unwind(AssertUnwindSafe(|| self.decide(&operation)));
        if let Err(panic) = step {
            eprintln!("step {}: {:#?}", self.steps, operation.action);
            resume_unwind(panic);
        }
    }

    fn decide(&mut self, operation: &Operation) {
        let inputs = Inputs {
            revision: self.state.revision().next(),
            now: self.now,
            seed: u128::from(self.steps).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835),
        };
        let before = self.state.digest();
        let decided = decide(&self.state, operation, inputs);
        assert_eq!(self.state.digest(), before, "deciding changes nothing");
        dry_run::check(&self.state, operation, inputs, &decided);
        match decided {
            Ok(decision) => self.take(operation, inputs, decision),
            Err(refusal) => {
                self.tally[1] += 1;
                self.refused(operation, &refusal);
            }
        }
    }

    fn refused(&self, operation: &Operation, refusal: &Refusal) {
        assert!(!refusal.to_string().is_empty());
        exhaustion::check(&self.state, &operation.action, refusal);
    }

    fn take(&mut self, operation: &Operation, inputs: Inputs, decision: Decision) {
        let Decision {
            state: led_to,
            changes,
            records,
            outcome,
            ..
        } = decision;
        if changes.is_empty() {
            self.tally[2] += 1;
            assert!(outcome.revision <= self.state.revision());
            return;
        }
        self.tally[0] += 1;
        assert_eq!(outcome.revision, inputs.revision);
        let mut after = self.state.clone();
        let mut written = Vec::new();
        for change in &changes {
            states::check_before(&after, change);
            claims::check_change(&after, &operation.action, change);
            written.push(after.apply(change));
        }
        assert_eq!(written, records, "the changes as they are written");
        states::assert_same(&after, &led_to, "the changes lead to the state");
        let mut undone = after.clone();
        for change in changes.iter().rev() {
            undone.apply(&change.inverse());
        }
        states::assert_same(&undone, &self.state, "changes can be undone");
        after.set_revision(inputs.revision);
        claims::check(&after);
        states::check(&self.state, &after, inputs.revision);
        dry_run::check_repeated(&after, operation, inputs, &outcome);
        self.log.extend(changes);
        self.state = after;
    }

    /// I4: replaying everything from nothing leads here.
    fn check_log(&self) {
        let mut replayed = State::default();
        replayed.apply_all(self.state.revision(), &self.log);
        states::assert_same(&replayed, &self.state, "a replay leads to the state");
        let loaded = State::from_objects(self.state.revision(), self.state.objects());
        states::assert_same(&loaded, &self.state, "objects alone lead to the state");
        states::assert_same_answers(&loaded, &self.state);
    }
}
