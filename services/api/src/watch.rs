//! Watches: ordered, unique, resumable from every revision that they tell, with bookmarks. A watcher pulls from the log in
//! memory; nothing is queued for it but what it is reading.

pub(crate) mod polled;
mod scope;
pub(crate) mod services;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::BoxStream;
use portolan_model::query::Kept;
use portolan_model::{Revision, Scoped, State};
use portolan_store::{Cache, Position};
use tokio::sync::watch;
use tokio::time::Instant;
use tonic::Status;

use crate::api::Stopping;
use crate::aside::aside;
use crate::cluster::Cluster;
use crate::status;
pub(crate) use scope::{Scope, WatchEvent};

/// The longest time without a revision: watchers learn how far they are, and can resume from there, even if all that
/// happens is none of their concern.
pub(crate) const BOOKMARK: Duration = Duration::from_secs(30);

/// What watch RPCs answer with.
pub(crate) type WatchStream<T> = BoxStream<'static, Result<T, Status>>;

struct Watcher<T: 'static> {
    cache: Arc<Cache>,
    head: watch::Receiver<Position>,
    stopping: Stopping,
    /// The client was told how far it is, and nothing more will come.
    stopped: bool,
    scope: Arc<Scope<T>>,
    /// What of the initial state is still to be told.
    initial: Option<Initial>,
    /// The state at the cursor, for filters that look at more than the resource itself.
    past: Option<State>,
    /// Everything up to here was delivered, or is ready to be.
    cursor: Position,
    ready: VecDeque<WatchEvent<T>>,
    /// When the client last learned a revision.
    told: Instant,
}

/// An initial state that is told part by part, since nobody may have the memory for all of it at once.
struct Initial {
    state: Arc<State>,
    after: Option<Scoped>,
}

/// Events of one kind, within a scope, after a revision; with `from` 0 the state of now comes first.
pub(crate) async fn watch<T: Kept + Send + Sync>(
    access: &Cluster,
    stopping: Stopping,
    scope: Arc<Scope<T>>,
    from: u64,
) -> Result<impl Stream<Item = Result<WatchEvent<T>, Status>> + Send + use<T>, Status> {
    let cache = access.allocator.cache().clone();
    let head = cache.subscribe();
    let epoch = cache.position().epoch;
    let (state, revision) = if from == 0 {
        let state = cache.state();
        let revision = state.revision();
        (state, revision)
    } else {
        (continued(access, &scope, from).await?, Revision(from))
    };
    let watcher = Watcher {
        head,
        stopping,
        stopped: false,
        past: scope.is_derived().then(|| (*state).clone()),
        scope,
        initial: (from == 0).then_some(Initial { state, after: None }),
        cursor: Position { epoch, revision },
        ready: VecDeque::new(),
        told: Instant::now(),
        cache,
    };
    Ok(futures_util::stream::unfold(
        Some(watcher),
        async |watcher| {
            let mut watcher = watcher?;
            match watcher.next().await {
                Ok(event) => Some((Ok(event), Some(watcher))),
                Err(status) => Some((Err(status), None)),
            }
        },
    ))
}

/// The state that a watch goes on from. It may be ahead of this replica, but not of the store.
async fn continued<T: Kept>(
    access: &Cluster,
    scope: &Scope<T>,
    from: u64,
) -> Result<Arc<State>, Status> {
    let cache = access.allocator.cache();
    let head = cache.position().revision.0;
    let state = access.state_at(from).await;
    let state = state.map_err(|_| status::future_revision(from, head))?;
    let past = if scope.is_derived() {
        cache.state_as_of(Revision(from))
    } else {
        cache.commits_after(Revision(from)).map(|_| state)
    };
    past.map_err(status::from_compacted)
}

/// What a watcher waited for.
enum Woken {
    Moved,
    Gone,
    Due,
}

impl<T: Kept> Watcher<T> {
    async fn next(&mut self) -> Result<WatchEvent<T>, Status> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                if event.revision > Revision::ZERO {
                    self.told = Instant::now();
                }
                return Ok(event);
            }
            if let Some(initial) = self.initial.take() {
                self.look(initial).await;
                continue;
            }
            if self.stopped {
                return Err(status::shutting_down());
            }
            if self.told.elapsed() >= BOOKMARK {
                self.bookmark();
                continue;
            }
            match self.wait().await {
                Woken::Moved => self.pull()?,
                Woken::Due => self.bookmark(),
                Woken::Gone => {
                    self.stopped = true;
                    self.bookmark();
                }
            }
        }
    }

    /// The next part of the initial state, looked for aside: what fits may be rare.
    async fn look(&mut self, initial: Initial) {
        let scope = self.scope.clone();
        let (events, rest) = aside(move || {
            let Initial { state, after } = initial;
            let (events, after) = scope.initial(&state, after.as_ref());
            let rest = after.map(|after| Initial {
                state,
                after: Some(after),
            });
            (events, rest)
        })
        .await;
        self.ready.extend(events);
        self.initial = rest;
    }

    async fn wait(&mut self) -> Woken {
        let cursor = self.cursor;
        let moved = |p: &Position| p.epoch != cursor.epoch || p.revision > cursor.revision;
        tokio::select! {
            // What is committed is delivered before the end is told.
            biased;
            moved = self.head.wait_for(moved) => match moved {
                Ok(_) => Woken::Moved,
                Err(_) => Woken::Gone,
            },
            // A sender that is gone means the same.
            _ = self.stopping.wait_for(|stopping| *stopping) => Woken::Gone,
            () = tokio::time::sleep_until(self.told + BOOKMARK) => Woken::Due,
        }
    }

    fn bookmark(&mut self) {
        let event = WatchEvent::bookmark(self.cursor.revision);
        self.ready.push_back(event);
    }

    fn pull(&mut self) -> Result<(), Status> {
        if self.cache.position().epoch != self.cursor.epoch {
            if self.cache.state().cluster().is_none() {
                return Err(status::cluster_deleted(self.cache.cluster()));
            }
            return Err(status::store_replaced());
        }
        let commits = self.cache.commits_after(self.cursor.revision);
        let commits = commits.map_err(|_| status::watch_too_slow())?;
        for commit in commits {
            let events = match &mut self.past {
                None => self.scope.events(&commit, None),
                Some(past) => {
                    let before = past.clone();
                    past.advance(commit.revision, &commit.changes);
                    self.scope.events(&commit, Some((&before, past)))
                }
            };
            self.ready.extend(events);
            self.cursor.revision = commit.revision;
        }
        Ok(())
    }
}
