//! Watches: ordered, unique, whole revisions, resumable, with bookmarks. A watcher pulls from the log in memory; nothing
//! is queued for it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use futures_util::stream::BoxStream;
use portolan_model::{Kind, Name, Object, Revision, State};
use portolan_proto::v1::WatchEventType;
use portolan_store::{Cache, Commit, Position};
use tokio::sync::watch;
use tonic::Status;

use crate::access::ClusterAccess;
use crate::status;

/// The longest silence: idle watchers learn how far they are, and can resume from there.
const BOOKMARK: Duration = Duration::from_secs(30);

/// What watch RPCs answer with.
pub(crate) type WatchStream<T> = BoxStream<'static, Result<T, Status>>;

/// One event, before it is put into its message.
pub(crate) struct WatchEvent {
    pub(crate) event_type: WatchEventType,
    /// None for BOOKMARK and SYNCED.
    pub(crate) object: Option<Object>,
    pub(crate) revision: Revision,
}

struct Watcher {
    cache: Arc<Cache>,
    head: watch::Receiver<Position>,
    kind: Kind,
    namespace: Option<Name>,
    /// Everything up to here was delivered.
    cursor: Position,
    ready: VecDeque<WatchEvent>,
}

/// Events of one kind, of one namespace or of all, after a revision; with `from` 0 the state of now comes first.
pub(crate) async fn watch(
    access: &ClusterAccess,
    kind: Kind,
    namespace: Option<Name>,
    from: u64,
) -> Result<impl Stream<Item = Result<WatchEvent, Status>> + Send + use<>, Status> {
    let cache = access.allocator.cache().clone();
    let head = cache.subscribe();
    let mut ready = VecDeque::new();
    let epoch = cache.position().epoch;
    let state = if from == 0 {
        cache.state()
    } else {
        waited(access, from).await?
    };
    let revision = if from == 0 {
        ready.extend(initial(&state, kind, namespace.as_ref()));
        ready.push_back(WatchEvent {
            event_type: WatchEventType::Synced,
            object: None,
            revision: state.revision(),
        });
        state.revision()
    } else {
        cache
            .commits_after(Revision(from))
            .map_err(status::from_compacted)?;
        Revision(from)
    };
    let cursor = Position { epoch, revision };
    let watcher = Watcher {
        cache,
        head,
        kind,
        namespace,
        cursor,
        ready,
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

/// A watcher may be ahead of this replica, but not of the store.
async fn waited(access: &ClusterAccess, from: u64) -> Result<Arc<State>, Status> {
    let head = access.allocator.cache().position().revision.0;
    access
        .state_at(from)
        .await
        .map_err(|_| status::future_revision(from, head))
}

fn initial(state: &State, kind: Kind, namespace: Option<&Name>) -> Vec<WatchEvent> {
    let revision = state.revision();
    let event = |object| WatchEvent {
        event_type: WatchEventType::Added,
        object: Some(object),
        revision,
    };
    match kind {
        Kind::Service => state
            .services_after(namespace, None)
            .map(|o| event(o.clone().into()))
            .collect(),
        Kind::Workload => state
            .workloads_after(namespace, None)
            .map(|o| event(o.clone().into()))
            .collect(),
        Kind::Endpoint => state
            .endpoints_after(namespace, None)
            .map(|o| event(o.clone().into()))
            .collect(),
        Kind::ServiceCidr => state
            .service_cidrs()
            .map(|o| event(o.clone().into()))
            .collect(),
        Kind::Namespace => state
            .namespaces()
            .map(|o| event(o.clone().into()))
            .collect(),
        Kind::Node => state.nodes().map(|o| event(o.clone().into())).collect(),
        _ => Vec::new(),
    }
}

impl Watcher {
    async fn next(&mut self) -> Result<WatchEvent, Status> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Ok(event);
            }
            let cursor = self.cursor;
            let moved = self
                .head
                .wait_for(|p| p.epoch != cursor.epoch || p.revision > cursor.revision);
            // The borrow of the position ends here.
            let moved = tokio::time::timeout(BOOKMARK, moved)
                .await
                .map(|moved| moved.map(drop));
            match moved {
                Ok(Ok(())) => self.pull()?,
                Ok(Err(_)) => {
                    return Err(status::unavailable(
                        "SHUTTING_DOWN",
                        "the server is shutting down".to_owned(),
                    ));
                }
                Err(_) => return Ok(self.bookmark()),
            }
        }
    }

    fn bookmark(&self) -> WatchEvent {
        WatchEvent {
            event_type: WatchEventType::Bookmark,
            object: None,
            revision: self.cursor.revision,
        }
    }

    fn pull(&mut self) -> Result<(), Status> {
        if self.cache.position().epoch != self.cursor.epoch {
            if self.cache.state().cluster().is_none() {
                return Err(status::cluster_deleted(self.cache.cluster()));
            }
            return Err(status::watch_interrupted(
                "STORE_RELOADED",
                "the store was restored; list again, and watch from there",
            ));
        }
        let commits = self
            .cache
            .commits_after(self.cursor.revision)
            .map_err(|_| {
                status::watch_interrupted(
                    "WATCH_TOO_SLOW",
                    "the watch was read too slowly; resume from the last revision it delivered",
                )
            })?;
        for commit in commits {
            self.ready
                .extend(events(&commit, self.kind, self.namespace.as_ref()));
            self.cursor.revision = commit.revision;
        }
        Ok(())
    }
}

/// The net effect of a commit on each object, in order of their keys.
fn events(commit: &Commit, kind: Kind, namespace: Option<&Name>) -> Vec<WatchEvent> {
    let mut net: BTreeMap<String, (Option<&Object>, Option<&Object>)> = BTreeMap::new();
    for change in commit
        .changes
        .iter()
        .filter(|c| c.kind() == kind && is_in(c.object(), namespace))
    {
        let entry = net
            .entry(change.object().path())
            .or_insert((change.before.as_ref(), None));
        entry.1 = change.after.as_ref();
    }
    let event = |(before, after): (Option<&Object>, Option<&Object>)| {
        let (event_type, object) = match (before, after) {
            (None, Some(after)) => (WatchEventType::Added, after),
            (Some(_), Some(after)) => (WatchEventType::Modified, after),
            (Some(before), None) => (WatchEventType::Deleted, before),
            (None, None) => return None,
        };
        Some(WatchEvent {
            event_type,
            object: Some(object.clone()),
            revision: commit.revision,
        })
    };
    net.into_values().filter_map(event).collect()
}

fn is_in(object: &Object, namespace: Option<&Name>) -> bool {
    let Some(namespace) = namespace else {
        return true;
    };
    match object {
        Object::Service(o) => o.namespace == *namespace,
        Object::Workload(o) => o.namespace == *namespace,
        Object::Endpoint(o) => o.namespace == *namespace,
        _ => true,
    }
}
