//! The operations of one transaction, decided one after the other.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::{Change, Claimed, Event, Object, Refusal, State, Timestamp, Uid};
use portolan_store::{AuditEntry, Commit, Write};

use crate::allocator::Pending;
use crate::{Inputs, Operation, Outcome, SubmitError, decide};

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
        let mut working = state.clone();
        let (mut changes, mut records) = (Vec::new(), Vec::new());
        let (mut audit, mut events) = (Vec::new(), Vec::new());
        let mut traceparent = String::new();
        let (mut committed, mut picked) = (0, BTreeSet::new());
        let answers = pending.iter().map(|waiting| {
            let operation = &waiting.operation;
            let decision = decide(
                &working,
                operation,
                Inputs {
                    revision,
                    now,
                    seed: rand::random(),
                },
            )?;
            if !operation.context.validate_only && !decision.changes.is_empty() {
                committed += 1;
                if traceparent.is_empty() {
                    traceparent.clone_from(&operation.context.traceparent);
                }
                audit.push(audit_entry(operation, &decision.outcome));
                working = decision.state;
                changes.extend(decision.changes);
                records.extend(decision.records);
                events.extend(decision.events);
                picked.extend(decision.picked);
            }
            Ok(decision.outcome)
        });
        let answers = answers.collect();
        let only = |waiting: &Pending| waiting.operation.context.validate_only;
        let commit = commit(&mut working, changes, now, traceparent);
        let write = commit.map(|commit| Write {
            commit,
            records,
            audit,
        });
        Self {
            state: working,
            write,
            answers,
            dry_runs: pending.iter().map(only).collect(),
            events,
            picked,
            committed,
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
