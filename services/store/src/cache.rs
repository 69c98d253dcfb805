//! The committed state in memory, and the newest part of the log.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use portolan_model::{Change, Name, Revision, State, StoreId, Timestamp, limits};
use tokio::sync::watch;

use crate::{Commit, Loaded};

/// How much of the log is kept in memory, in changes: nodes and watchers that are not further behind go on without a
/// snapshot.
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

#[derive(Default)]
struct Tail {
    /// Each with the room that it takes.
    commits: VecDeque<(Arc<Commit>, usize)>,
    changes: usize,
    octets: usize,
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
        self.lock_tail().after(revision, self.position().revision)
    }

    /// The state of a revision, made from the newest one by taking back the commits since. Costs what changed since. One
    /// beyond the head is the newest. Lists show one revision by it (decision 27).
    pub fn state_as_of(&self, revision: Revision) -> Result<Arc<State>, Compacted> {
        let (state, since) = {
            // Together: a commit between the two would be in one of them only.
            let tail = self.lock_tail();
            let state = self.state();
            (state, tail.after(revision, self.position().revision)?)
        };
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
        let reaches = match tail.commits.front() {
            Some((oldest, _)) => oldest.committed_at <= at || oldest.revision.0 == 1,
            None => self.head.borrow().revision == Revision::ZERO,
        };
        let all = tail.commits.iter().map(|(commit, _)| commit);
        let later = all.filter(|commit| commit.committed_at > at);
        reaches.then(|| later.cloned().collect())
    }

    /// Takes over commits that were read from the store. Known ones are skipped; `false` if there is a gap, or if what
    /// they lead to has another digest than the store says: then the cache must be loaded again.
    #[must_use]
    pub fn publish(&self, commits: impl IntoIterator<Item = Commit>) -> bool {
        let mut tail = self.lock_tail();
        let mut state: State = (*self.state()).clone();
        let mut fresh = Vec::new();
        for commit in commits {
            if commit.revision <= state.revision() {
                continue;
            }
            if commit.revision != state.revision().next() {
                return false;
            }
            state.apply_all(commit.revision, &commit.changes);
            if state.digest() != commit.digest {
                return false;
            }
            fresh.push(Arc::new(commit));
        }
        self.advance(&mut tail, state, fresh);
        true
    }

    /// Takes over an own commit together with the state it was decided on to lead to.
    pub fn publish_own(&self, commit: Arc<Commit>, state: State) {
        let mut tail = self.lock_tail();
        // The follower may have read it first.
        if commit.revision > self.state.load().revision() {
            self.advance(&mut tail, state, vec![commit]);
        }
    }

    /// Starts again from what the store has now, in a new epoch.
    pub fn reset(&self, loaded: Loaded) {
        let mut tail = self.lock_tail();
        let revision = loaded.revision;
        let (state, fresh) = split(loaded);
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

    fn advance(&self, tail: &mut Tail, state: State, fresh: Vec<Arc<Commit>>) {
        let revision = state.revision();
        self.touch();
        if fresh.is_empty() {
            return;
        }
        tail.extend(fresh);
        self.state.store(Arc::new(state));
        self.head.send_modify(|head| head.revision = revision);
    }

    fn lock_tail(&self) -> std::sync::MutexGuard<'_, Tail> {
        self.tail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tail {
    /// Commits after a revision, oldest first; the newest there is is `head`.
    fn after(&self, revision: Revision, head: Revision) -> Result<Vec<Arc<Commit>>, Compacted> {
        if revision >= head {
            return Ok(Vec::new());
        }
        let first = self
            .commits
            .front()
            .map_or_else(|| head.next(), |(commit, _)| commit.revision);
        if revision.next() < first {
            return Err(Compacted {
                oldest: Revision(first.0 - 1),
            });
        }
        let skip = usize::try_from(revision.next().0 - first.0).unwrap_or(usize::MAX);
        let rest = self.commits.iter().skip(skip);
        Ok(rest.map(|(commit, _)| commit.clone()).collect())
    }

    /// Appends, and lets the oldest go. The newest commit stays whatever its size.
    fn extend(&mut self, commits: impl IntoIterator<Item = Arc<Commit>>) {
        for commit in commits {
            let octets = commit.changes.iter().map(room).sum();
            self.changes += commit.changes.len();
            self.octets += octets;
            self.commits.push_back((commit, octets));
            while self.is_full() && self.commits.len() > 1 {
                let Some((oldest, octets)) = self.commits.pop_front() else {
                    return;
                };
                self.changes -= oldest.changes.len();
                self.octets -= octets;
            }
        }
    }

    fn is_full(&self) -> bool {
        self.changes > TAIL_CHANGES || self.octets > limits::TAIL.value
    }
}

/// What a change keeps in memory: the value before it is that of an earlier change, or goes with this one.
fn room(change: &Change) -> usize {
    change.object().octets()
}

fn split(loaded: Loaded) -> (State, Tail) {
    let mut tail = Tail::default();
    tail.extend(loaded.tail.into_iter().map(Arc::new));
    (State::from_objects(loaded.revision, loaded.objects), tail)
}
