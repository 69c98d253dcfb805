//! The operations of one transaction, decided one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{Change, Claimed, Event, Object, Record, Refusal, State, Timestamp, Uid};
use portolan_store::{AuditEntry, Commit, Write};

use crate::allocator::Pending;
use crate::{Decision, Inputs, Operation, Outcome, SubmitError, decide};

/// Decided, and ready to be written.
pub(super) struct Batch {
    state: State,
    write: Option<Write>,
    answers: Vec<Result<Outcome, SubmitError>>,
    /// Which of them only looked.
    dry_runs: Vec<bool>,
    events: Vec<Event>,
    picked: BTreeSet<Claimed>,
    committed: u64,
}

impl Batch {
    /// Decides every operation against what those before it lead to. A refusal answers alone: it neither stops nor
    /// changes the others.
    pub(super) fn decide(state: &State, pending: &[Pending], now: Timestamp) -> Self {
        let revision = state.revision().next();
        let mut done = Done {
            state: state.clone(),
            ..Done::default()
        };
        let answers = pending.iter().map(|Pending { operation, .. }| {
            let inputs = Inputs {
                revision,
                now,
                seed: rand::random(),
            };
            let decision = decide(&done.state, operation, inputs)?;
            Ok(done.take(operation, decision))
        });
        let answers = answers.collect();
        let only = |waiting: &Pending| waiting.operation.context.validate_only;
        let commit = commit(&mut done.state, done.changes, now, done.traceparent);
        let write = commit.map(|commit| Write {
            commit,
            records: done.records,
            audit: done.audit,
        });
        Self {
            state: done.state,
            write,
            answers,
            dry_runs: pending.iter().map(only).collect(),
            events: done.events,
            picked: done.picked,
            committed: done.committed,
        }
    }

    /// What is to be written; `None` if nothing changes.
    pub(super) fn write(&self) -> Option<&Write> {
        self.write.as_ref()
    }

    /// The state that the write leads to.
    pub(super) fn state(&self) -> &State {
        &self.state
    }

    /// Operations that change something.
    pub(super) fn committed(&self) -> u64 {
        self.committed
    }

    /// Operations that were refused.
    pub(super) fn refused(&self) -> u64 {
        self.answers.iter().filter(|answer| answer.is_err()).count() as u64
    }

    /// Refusals of operations that would have changed something.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &Refusal> {
        let answers = self.answers.iter().zip(&self.dry_runs);
        answers.filter_map(|(answer, dry_run)| match answer {
            Err(SubmitError::Refused(refusal)) if !dry_run => Some(refusal),
            _ => None,
        })
    }

    /// What was newly claimed, and whether it was picked rather than asked for.
    pub(super) fn claimed(&self) -> impl Iterator<Item = (Claimed, bool)> {
        let changes = self.write.iter().flat_map(|write| &write.commit.changes);
        changes
            .filter_map(newly_claimed)
            .map(|claimed| (claimed, self.picked.contains(&claimed)))
    }

    /// Tells every caller, and hands out the events.
    pub(super) fn answer(self, pending: Vec<Pending>) -> Vec<Event> {
        for (waiting, answer) in pending.into_iter().zip(self.answers) {
            // The caller may have gone; the answer is then nobody's.
            let _ = waiting.reply.send(answer);
        }
        self.events
    }
}

/// What the operations so far lead to.
#[derive(Default)]
struct Done {
    state: State,
    changes: Vec<Change>,
    records: Vec<Record>,
    audit: Vec<AuditEntry>,
    events: Vec<Event>,
    picked: BTreeSet<Claimed>,
    committed: u64,
    /// Of the first operation that has one.
    traceparent: String,
}

impl Done {
    /// Adds what an operation changes, unless it only looks.
    fn take(&mut self, operation: &Operation, decision: Decision) -> Outcome {
        if operation.context.validate_only || decision.changes.is_empty() {
            return decision.outcome;
        }
        self.committed += 1;
        if self.traceparent.is_empty() {
            self.traceparent.clone_from(&operation.context.traceparent);
        }
        self.audit.push(audit_entry(operation, &decision.outcome));
        self.state = decision.state;
        self.changes.extend(decision.changes);
        self.records.extend(decision.records);
        self.events.extend(decision.events);
        self.picked.extend(decision.picked);
        decision.outcome
    }
}

/// What a change claims that its owner did not hold before.
fn newly_claimed(change: &Change) -> Option<Claimed> {
    let holder = |object: Option<&Object>| {
        let claim = object?.claim().filter(|claim| claim.state.is_held())?;
        Some((claim.claimed, claim.owner.uid))
    };
    let after = holder(change.after.as_ref())?;
    (holder(change.before.as_ref()) != Some(after)).then_some(after.0)
}

fn commit(
    state: &mut State,
    changes: Vec<Change>,
    now: Timestamp,
    traceparent: String,
) -> Option<Arc<Commit>> {
    if changes.is_empty() {
        return None;
    }
    let revision = state.revision().next();
    state.set_revision(revision);
    let token = Uid::from_random(rand::random());
    Some(Arc::new(Commit {
        revision,
        token,
        committed_at: now,
        traceparent,
        digest: state.digest(),
        changes,
    }))
}

fn audit_entry(operation: &Operation, outcome: &Outcome) -> AuditEntry {
    AuditEntry {
        principal: operation.context.principal.clone(),
        method: operation.context.method.to_owned(),
        resource: outcome
            .objects
            .first()
            .map(Object::resource)
            .unwrap_or_default(),
        request_id: operation.context.request_id,
    }
}
