//! The committed state in memory, and the newest part of the log.

mod tail;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portolan_model::{Name, Revision, State, StoreId, Timestamp, limits};
use tokio::sync::watch;

use crate::{Commit, Loaded, Write};
use tail::{Measured, Tail};

/// How much of the log is kept in memory, in changes: watchers that are not further behind go on without a new list, and
/// nodes that connect again without a snapshot.
pub const TAIL_CHANGES: usize = limits::TAIL_CHANGES.value;

/// A cluster's committed state as this process knows it: read by everybody, written by whoever learns of a commit
/// first, the committer or the follower.
pub struct Cache {
    cluster: Name,
    store_id: StoreId,
    state: ArcSwap<State>,
    tail: Mutex<Tail>,
    head: watch::Sender<Position>,
    seen: Mutex<Instant>,
}

/// Where a cache is. A new epoch means that revisions may have changed their meaning: the store was restored, or lost
/// its newest commits, and the state was loaded anew. What came from an older epoch must be given up.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Counts reloads of this process.
    pub epoch: u64,
    /// The newest revision.
    pub revision: Revision,
}

/// The log in memory begins after the revision asked for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("changes are kept from revision {oldest} on")]
pub struct Compacted {
    /// The oldest revision that can be continued from.
    pub oldest: Revision,
}

/// A state, and what led to it.
pub struct Since {
    /// Where the cache is.
    pub position: Position,
    /// The state there.
    pub state: Arc<State>,
    /// The commits since the revision asked for, oldest first: those that the log in memory still has.
    pub commits: Vec<Arc<Commit>>,
}

impl Cache {
    /// Of a freshly loaded cluster.
    pub fn new(cluster: Name, store_id: StoreId, loaded: Loaded) -> Arc<Self> {
        let position = Position {
            epoch: 0,
            revision: loaded.revision,
        };
        let (state, tail) = split(loaded);
        Arc::new(Self {
            cluster,
            store_id,
            state: ArcSwap::from_pointee(state),
            tail: Mutex::new(tail),
            head: watch::Sender::new(position),
            seen: Mutex::new(Instant::now()),
        })
    }

    /// The cluster.
    pub fn cluster(&self) -> &Name {
        &self.cluster
    }

    /// The history it belongs to.
    pub fn store_id(&self) -> StoreId {
        self.store_id
    }

    /// The newest state. Cheap; keep it for as long as one answer takes.
    pub fn state(&self) -> Arc<State> {
        self.state.load_full()
    }

    /// Tells of every new position.
    pub fn subscribe(&self) -> watch::Receiver<Position> {
        self.head.subscribe()
    }

    /// Where the cache is.
    pub fn position(&self) -> Position {
        *self.head.borrow()
    }

    /// Waits until the cache has a revision. Endless if it never comes: bound it with a deadline.
    pub async fn wait_for(&self, revision: Revision) {
        let mut head = self.subscribe();
        // The sender lives in `self`, so waiting can't fail.
        let _ = head
            .wait_for(|position| position.revision >= revision)
            .await;
    }

    /// Commits after a revision, oldest first. One beyond the head has none.
    pub fn commits_after(&self, revision: Revision) -> Result<Vec<Arc<Commit>>, Compacted> {
        self.since(revision).all(revision)
    }

    /// The newest state, and the commits after a revision that led to it.
    pub fn since(&self, revision: Revision) -> Since {
        // Together: a commit between two looks would be in one of them only.
        let tail = self.lock_tail();
        Since {
            position: self.position(),
            state: self.state(),
            commits: tail.after(revision),
        }
    }

    /// The state of a revision, made from the newest one by taking back the commits since. Costs what changed since. One
    /// beyond the head is the newest. Lists show one revision by it (decision 27).
    pub fn state_as_of(&self, revision: Revision) -> Result<Arc<State>, Compacted> {
        let since = self.since(revision);
        let state = since.state.clone();
        let since = since.all(revision)?;
        if since.is_empty() {
            return Ok(state);
        }
        let mut past = (*state).clone();
        let newest_first = since.iter().rev().flat_map(|c| c.changes.iter().rev());
        past.rewind(revision, newest_first);
        Ok(Arc::new(past))
    }

    /// Commits after a time, oldest first; `None` if the log in memory does not reach back to it.
    pub fn commits_since(&self, at: Timestamp) -> Option<Vec<Arc<Commit>>> {
        let tail = self.lock_tail();
        let reaches = match tail.oldest() {
            Some(oldest) => oldest.committed_at <= at || oldest.revision.0 == 1,
            None => self.head.borrow().revision == Revision::ZERO,
        };
        let later = tail.iter().filter(|commit| commit.committed_at > at);
        reaches.then(|| later.cloned().collect())
    }

    /// Takes over commits that were read from the store. Known ones are skipped; `false` if there is a gap, or if what
    /// they lead to has another digest than the store says: then the cache must be loaded again.
    #[must_use]
    pub fn publish(&self, commits: impl IntoIterator<Item = Commit>) -> bool {
        let commits: Vec<_> = commits.into_iter().map(Arc::new).collect();
        loop {
            let base = self.since(self.position().revision);
            let Some((state, fresh)) = next(&base.state, &commits) else {
                return false;
            };
            let mut tail = self.lock_tail();
            // Whoever else learned of them meanwhile has put them in.
            if self.position() == base.position {
                self.advance(&mut tail, state, fresh);
                return true;
            }
        }
    }

    /// Takes over an own write together with the state it was decided on to lead to.
    pub fn publish_own(&self, write: &Write, state: State) {
        let fresh = Measured::of(write);
        let mut tail = self.lock_tail();
        // The follower may have read it first.
        if fresh.commit.revision > self.state.load().revision() {
            self.advance(&mut tail, state, vec![fresh]);
        }
    }

    /// Starts again from what the store has now, in a new epoch.
    pub fn reset(&self, loaded: Loaded) {
        let revision = loaded.revision;
        let (state, fresh) = split(loaded);
        let mut tail = self.lock_tail();
        *tail = fresh;
        self.state.store(Arc::new(state));
        self.head.send_modify(|head| {
            *head = Position {
                epoch: head.epoch + 1,
                revision,
            }
        });
    }

    /// Notes that the store answered.
    pub fn touch(&self) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    /// How long ago the store last answered.
    pub fn staleness(&self) -> Duration {
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .elapsed()
    }

    fn advance(&self, tail: &mut Tail, state: State, fresh: Vec<Measured>) {
        let revision = state.revision();
        self.touch();
        if fresh.is_empty() {
            return;
        }
        tail.extend(fresh);
        self.state.store(Arc::new(state));
        self.head.send_modify(|head| head.revision = revision);
    }

    fn lock_tail(&self) -> MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Since {
    /// The commits, if none is missing after the revision that was asked for.
    fn all(self, revision: Revision) -> Result<Vec<Arc<Commit>>, Compacted> {
        let head = self.position.revision;
        let first = self.commits.first();
        let oldest = first.map_or(head, |first| Revision(first.revision.0 - 1));
        if oldest > revision {
            return Err(Compacted { oldest });
        }
        Ok(self.commits)
    }
}

/// What commits lead to from a state, without those that it has already; `None` if they don't.
fn next(state: &State, commits: &[Arc<Commit>]) -> Option<(State, Vec<Measured>)> {
    let mut state = state.clone();
    let mut fresh = Vec::new();
    for commit in commits {
        if commit.revision <= state.revision() {
            continue;
        }
        if commit.revision != state.revision().next() {
            return None;
        }
        let records = commit.changes.iter().map(|change| state.apply(change));
        let octets = records.map(|record| record.octets()).sum();
        state.set_revision(commit.revision);
        if state.digest() != commit.digest {
            return None;
        }
        fresh.push(Measured::new(commit.clone(), octets));
    }
    Some((state, fresh))
}

fn split(loaded: Loaded) -> (State, Tail) {
    let tail = Tail::of(loaded.tail);
    (State::from_objects(loaded.revision, loaded.objects), tail)
}
