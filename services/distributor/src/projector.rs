//! From commits to frames.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::view::ViewKind;
use portolan_model::{Digest, Revision, State, Uid};
use portolan_store::{Cache, Commit, Since, TAIL_CHANGES};
use tokio::time::Instant;

use crate::frame::Frame;
use crate::projection::{Delta, Projection};
use crate::ring::Ring;
use crate::wire;

/// Views that a frame of several commits may project beyond what its last state takes, so that each state in between
/// gets a digest that a node can go on from: a few ms.
const STEP_BUDGET: usize = 8192;
/// Changes of a leap that are projected at once, so that what this takes in memory is small beside what comes of it.
const LEAP_PART: usize = 4096;
/// Views that may be projected to fill the ring at start: about a second.
const START_BUDGET: usize = 500_000;

/// Follows a cluster's state, and makes a frame of each step. Clones share structure.
#[derive(Clone)]
pub(crate) struct Projector {
    state: State,
    projection: Projection,
}

/// A step, and what happened on the way.
pub(crate) struct Step {
    pub(crate) frame: Frame,
    /// Nodes that are gone.
    pub(crate) removed_nodes: Vec<Uid>,
}

/// What a step goes through.
#[derive(Default)]
struct Way {
    delta: Delta,
    /// Of the states that were projected on their own.
    digests: Vec<(Revision, Digest)>,
}

impl Projector {
    /// At the newest state of a cache, which is in this epoch, with a ring that reaches back as far as the cache's log: it
    /// undoes the log, and then projects it forward again, so that nodes can go on where they were before this process
    /// started.
    pub(crate) fn rebuild(cache: &Cache) -> (Self, Ring, u64) {
        let Since {
            position,
            state: head,
            commits,
        } = cache.since(Revision::ZERO);
        let mut commits = &commits[depth(&head, &commits)..];
        let begin = before(&head, commits).unwrap_or_else(|| {
            // Whatever is wrong with the log, the state itself is right.
            tracing::error!("the log does not fit the state; nodes can't go on where they were");
            commits = &[];
            (*head).clone()
        });
        let mut projector = Self {
            projection: Projection::of(&begin),
            state: begin,
        };
        let mut ring = Ring::new((projector.revision(), projector.projection.digest()));
        for commit in commits {
            let step = projector.advance(&head, std::slice::from_ref(commit), None);
            ring.push(step.frame);
        }
        (projector, ring, position.epoch)
    }

    pub(crate) fn revision(&self) -> Revision {
        self.projection.revision()
    }

    pub(crate) fn projection(&self) -> &Projection {
        &self.projection
    }

    /// How much these commits change; as much as ever fits into the log in memory if they don't tell all of it.
    pub(crate) fn changes(&self, commits: &[Arc<Commit>]) -> usize {
        if self.is_followed_by(commits) {
            commits.iter().map(|commit| commit.changes.len()).sum()
        } else {
            TAIL_CHANGES
        }
    }

    fn is_followed_by(&self, commits: &[Arc<Commit>]) -> bool {
        let next = self.revision().next();
        commits.first().is_some_and(|first| first.revision == next)
    }

    /// Moves on by some commits, at least one, to one frame. `newest` is the state that they lead to, or one further on. If
    /// the first of them is not the next one, the way is not known: then what differs in `newest` is one change.
    pub(crate) fn advance(
        &mut self,
        newest: &State,
        commits: &[Arc<Commit>],
        learned: Option<Instant>,
    ) -> Step {
        let from = self.revision();
        let Way { delta, digests } = if self.is_followed_by(commits) {
            self.walk(newest, commits)
        } else {
            self.leap(newest)
        };
        Step {
            removed_nodes: removed_nodes(&delta),
            frame: Frame {
                digests,
                bytes: wire::frame(from, self.revision(), &delta, commits),
                learned,
            },
        }
    }

    /// Each commit is projected on its own while the budget lasts, the rest together.
    fn walk(&mut self, newest: &State, commits: &[Arc<Commit>]) -> Way {
        let mut way = Way::default();
        let mut budget = STEP_BUDGET;
        let mut begin = 0;
        for (i, commit) in commits.iter().enumerate() {
            if commit.revision == newest.revision() {
                // The same, and it shares its structure with everybody else's.
                self.state = newest.clone();
            } else {
                self.state.advance(commit.revision, &commit.changes);
            }
            if budget == 0 && i + 1 < commits.len() {
                continue;
            }
            let changes = commits[begin..=i].iter().flat_map(|c| &c.changes);
            let views = self
                .projection
                .advance(&self.state, changes, &mut way.delta);
            budget = budget.saturating_sub(views.max(1));
            way.digests
                .push((commit.revision, self.projection.digest()));
            begin = i + 1;
        }
        way
    }

    /// However much happened since, each object is looked at once. Only the state at the end gets a digest.
    fn leap(&mut self, newest: &State) -> Way {
        let changes = newest.changes_since(&self.state);
        self.state = newest.clone();
        let mut way = Way::default();
        for part in changes.chunks(LEAP_PART) {
            self.projection
                .advance(&self.state, part.iter(), &mut way.delta);
        }
        way.digests
            .push((newest.revision(), self.projection.digest()));
        way
    }
}

/// Index of the first commit to start from: as many of the newest as the budget allows.
fn depth(head: &State, commits: &[Arc<Commit>]) -> usize {
    let mut left = START_BUDGET;
    let mut index = commits.len();
    while let Some(commit) = index.checked_sub(1).and_then(|i| commits.get(i)) {
        let views = views_of(head, commit);
        if views > left {
            break;
        }
        left -= views;
        index -= 1;
    }
    index
}

/// About how many views a commit touches: a change of an endpoint concerns all of its Service.
fn views_of(head: &State, commit: &Commit) -> usize {
    let services: BTreeSet<Uid> = commit
        .changes
        .iter()
        .filter_map(|change| change.object().service_uid())
        .collect();
    let views = services.into_iter().map(|uid| {
        let service = head.service_by_uid(uid);
        service.map_or(1, |service| 1 + head.endpoints_of(service).count())
    });
    commit.changes.len() + views.sum::<usize>()
}

/// The state before some commits that lead to `head`; `None` if they don't.
fn before(head: &State, commits: &[Arc<Commit>]) -> Option<State> {
    let mut state = head.clone();
    for commit in commits.iter().rev() {
        if (state.revision(), state.digest()) != (commit.revision, commit.digest) {
            return None;
        }
        for change in commit.changes.iter().rev() {
            state.apply(&change.inverse());
        }
        state.set_revision(Revision(commit.revision.0 - 1));
    }
    Some(state)
}

fn removed_nodes(delta: &Delta) -> Vec<Uid> {
    let removed = delta
        .iter()
        .filter(|(key, body)| key.kind == ViewKind::Node && body.is_none());
    removed.map(|(key, _)| key.uid).collect()
}
