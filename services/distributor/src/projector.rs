//! From commits to frames.

use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::time::Instant;

use portolan_model::view::ViewKind;
use portolan_model::{Revision, State, Uid};
use portolan_store::{Cache, Commit, Position};

use crate::frame::Frame;
use crate::projection::{Delta, Projection};
use crate::ring::Ring;
use crate::wire;

/// Views that a frame of several commits may project beyond what its last state takes, so that each state in between
/// gets a digest that a node can go on from: a few ms.
const STEP_BUDGET: usize = 8192;
/// Views that may be projected to fill the ring at start: about a second.
const START_BUDGET: usize = 500_000;

/// Follows a cluster's state, and makes a frame of each step.
pub(crate) struct Projector {
    state: State,
    projection: Projection,
}

/// Commits that don't lead from the state that is held to the one that they claim: it has to be loaded again.
#[derive(Debug, thiserror::Error)]
#[error("the commits after revision {after} do not fit the state before them")]
pub(crate) struct LogMismatch {
    after: Revision,
}

/// A step, and what happened on the way.
pub(crate) struct Step {
    pub(crate) frame: Frame,
    /// Nodes that are gone.
    pub(crate) removed_nodes: Vec<Uid>,
}

impl Projector {
    /// At the newest state of a cache, with a ring that reaches back as far as the cache's log: it undoes the log, and
    /// then projects it forward again, so that nodes can go on where they were before this process started. `None` if
    /// the cache was loaded anew meanwhile.
    pub(crate) fn rebuild(cache: &Cache, position: Position) -> Option<(Self, Ring)> {
        let head = cache.state();
        let mut commits = tail(cache);
        if cache.position().epoch != position.epoch {
            return None;
        }
        commits.retain(|commit| commit.revision <= head.revision());
        let commits = &commits[depth(&head, &commits)..];
        let mut projector = Self::at(before(&head, commits));
        let mut ring = Ring::new((projector.revision(), projector.projection.digest()));
        for commit in commits {
            let step = projector.advance(std::slice::from_ref(commit), None, None);
            let Ok(step) = step else {
                // Whatever is wrong with the log, the state itself is right.
                tracing::error!(
                    "the log does not fit the state; nodes can't go on where they were"
                );
                let projector = Self::at((*head).clone());
                let ring = Ring::new((projector.revision(), projector.projection.digest()));
                return Some((projector, ring));
            };
            ring.push(step.frame);
        }
        Some((projector, ring))
    }

    fn at(state: State) -> Self {
        let projection = Projection::of(&state);
        Self { state, projection }
    }

    pub(crate) fn revision(&self) -> Revision {
        self.projection.revision()
    }

    pub(crate) fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Moves on by some commits, at least one, to one frame. Each commit is projected on its own while the budget
    /// lasts, the rest together. `newest` saves work if it is the state that they lead to.
    pub(crate) fn advance(
        &mut self,
        commits: &[Arc<Commit>],
        newest: Option<&State>,
        learned: Option<Instant>,
    ) -> Result<Step, LogMismatch> {
        let from = self.revision();
        let mut delta = Delta::new();
        let mut digests = Vec::new();
        let mut budget = STEP_BUDGET;
        let mut begin = 0;
        for (i, commit) in commits.iter().enumerate() {
            let is_last = i + 1 == commits.len();
            self.apply(commit, newest.filter(|_| is_last))?;
            if budget == 0 && !is_last {
                continue;
            }
            let changes = commits[begin..=i].iter().flat_map(|c| &c.changes);
            let views = self.projection.advance(&self.state, changes, &mut delta);
            budget = budget.saturating_sub(views.max(1));
            digests.push((commit.revision, self.projection.digest()));
            begin = i + 1;
        }
        let to = self.revision();
        let frame = Frame {
            digests,
            bytes: wire::frame(from, to, &delta, commits),
            learned,
        };
        Ok(Step {
            frame,
            removed_nodes: removed_nodes(&delta),
        })
    }

    /// Applies a commit, or takes over the state it leads to.
    fn apply(&mut self, commit: &Commit, newest: Option<&State>) -> Result<(), LogMismatch> {
        let mismatch = LogMismatch {
            after: self.state.revision(),
        };
        if commit.revision != self.state.revision().next() {
            return Err(mismatch);
        }
        let fits =
            |state: &State| (state.revision(), state.digest()) == (commit.revision, commit.digest);
        match newest.filter(|state| fits(state)) {
            Some(state) => self.state = state.clone(),
            None => self.state.apply_all(commit.revision, &commit.changes),
        }
        if fits(&self.state) {
            Ok(())
        } else {
            Err(mismatch)
        }
    }
}

/// All commits that a cache has.
fn tail(cache: &Cache) -> Vec<Arc<Commit>> {
    let mut from = Revision::ZERO;
    // The tail may lose its oldest commit between two looks, but not for ever.
    loop {
        match cache.commits_after(from) {
            Ok(commits) => return commits,
            Err(compacted) => from = compacted.oldest,
        }
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

/// The state before some commits that lead to `head`.
fn before(head: &State, commits: &[Arc<Commit>]) -> State {
    let mut state = head.clone();
    for commit in commits.iter().rev() {
        for change in commit.changes.iter().rev() {
            state.apply(&change.inverse());
        }
    }
    if let Some(oldest) = commits.first() {
        state.set_revision(Revision(oldest.revision.0 - 1));
    }
    state
}

fn removed_nodes(delta: &Delta) -> Vec<Uid> {
    let removed = delta
        .iter()
        .filter(|(key, body)| key.kind == ViewKind::Node && body.is_none());
    removed.map(|(key, _)| key.uid).collect()
}
