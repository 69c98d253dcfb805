//! What is known of the nodes of a cluster: who is there, what each has applied, what it could not apply.

mod acknowledgement;
mod entry;
mod record;
mod withheld;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portolan_model::{
    Clock, Name, NodeReport, NodeReports, NodeSpec, Rejection, Revision, State, Uid,
};
use tokio::time::Instant;

use crate::start::{Mode, Start};
use crate::stream::{Ending, StreamHandle};
pub use acknowledgement::Acknowledgement;
pub(crate) use acknowledgement::Progress;
pub use entry::{NodeHello, NotAdmitted, SessionId};
use record::Record;
use withheld::Withheld;

/// How old what is told of all nodes may be.
const FRESH: Duration = Duration::from_millis(50);
/// With many nodes and rejections it may be older: at most this share of the time goes into it.
const SHARE: u32 = 20;
/// Streams of one node that may be open while a newer one takes over.
const MAX_STREAMS: usize = 2;

/// The nodes of one cluster, here and at other replicas. A node has one stream, that of its highest session.
pub struct Sessions {
    clock: Arc<dyn Clock>,
    inner: Mutex<Inner>,
    withheld: Withheld,
    /// What was last told of all nodes, and until when that is fresh.
    reports: Mutex<Option<(Instant, Arc<NodeReports>)>>,
}

#[derive(Default)]
struct Inner {
    records: HashMap<Uid, Record>,
    /// Deleted nodes whose rows in the store have to go.
    forgotten: BTreeSet<Name>,
}

/// Keeps a node's session open; dropping it ends the session.
pub struct SessionGuard {
    sessions: Arc<Sessions>,
    session: SessionId,
}

impl SessionGuard {
    /// Which session of which node.
    pub fn session(&self) -> SessionId {
        self.session
    }
}

impl Drop for SessionGuard {
    fn drop(&mut self) {
        let mut inner = self.sessions.lock();
        if let Some(record) = inner.records.get_mut(&self.session.uid) {
            record.leave(self.session.number);
        }
    }
}

impl Sessions {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            inner: Mutex::default(),
            withheld: Withheld::default(),
            reports: Mutex::default(),
        }
    }

    /// Lets a node in. Its older stream, if there is one, ends.
    pub fn enter(
        self: &Arc<Self>,
        hello: NodeHello,
        stream: StreamHandle,
    ) -> Result<SessionGuard, NotAdmitted> {
        let session = SessionId {
            uid: hello.uid,
            number: hello.session,
        };
        let older = {
            let mut inner = self.lock();
            inner.forgotten.remove(&hello.node);
            let record = inner
                .records
                .entry(hello.uid)
                .or_insert_with(|| Record::new(hello.node.clone()));
            if record.streams() >= MAX_STREAMS {
                return Err(NotAdmitted::TooMany);
            }
            match record.open_session() {
                Some(open) if open >= hello.session => {
                    return Err(NotAdmitted::Superseded { open });
                }
                _ => record.enter(hello, stream, self.clock.now()),
            }
        };
        if let Some(older) = older {
            older.end(Ending::Replaced);
        }
        Ok(SessionGuard {
            sessions: self.clone(),
            session,
        })
    }

    pub(crate) fn begin(&self, session: SessionId, start: &Start) {
        let resumes = start.mode() == Mode::Resume;
        self.with(session, |record| record.begin(start.held.0, resumes));
    }

    pub(crate) fn acknowledge(
        &self,
        session: SessionId,
        report: Acknowledgement,
    ) -> Option<Progress> {
        self.hear(session, |record| record.acknowledge(report))
    }

    /// A sign of life that repeats what was applied.
    pub fn heartbeat(&self, session: SessionId, attempted: Revision, durable: Revision) {
        self.hear(session, |record| record.heartbeat(attempted, durable));
    }

    /// A sign of life.
    pub fn contact(&self, session: SessionId) {
        self.hear(session, |_| ());
    }

    /// Up to where nodes have applied everything for good. One that rejects something counts up to just before it.
    pub fn acknowledged(&self) -> HashMap<Uid, Revision> {
        let inner = self.lock();
        let records = inner.records.iter();
        records
            .map(|(uid, record)| (*uid, record.settled()))
            .collect()
    }

    /// What all nodes reported, through whatever replica.
    pub fn node_reports(&self) -> Vec<NodeReport> {
        let (inner, now) = (self.lock(), self.clock.now());
        let records = inner.records.iter();
        let rows = records.map(|(uid, record)| record.row(*uid, now));
        let mut rows: Vec<_> = rows.collect();
        self.withheld.add_to(&mut rows);
        rows
    }

    /// Takes note of what no node is sent.
    pub(crate) fn withhold<'a>(&self, rejections: impl Iterator<Item = &'a Rejection>) {
        self.withheld.replace(rejections);
    }

    /// The same, for many readers: indexed, shared, and a moment old at most.
    pub fn reports(&self) -> Arc<NodeReports> {
        let mut shared = self.reports.lock().unwrap_or_else(PoisonError::into_inner);
        let began = Instant::now();
        if let Some((_, reports)) = shared.as_ref().filter(|(until, _)| began < *until) {
            return reports.clone();
        }
        let reports = Arc::new(NodeReports::new(self.node_reports()));
        let fresh = FRESH.max(began.elapsed() * SHARE);
        *shared = Some((began + fresh, reports.clone()));
        reports
    }

    /// How a node described itself when its stream here began; `None` if it has none here. It may differ from what is
    /// registered, which counts.
    pub fn described(&self, uid: Uid) -> Option<NodeSpec> {
        self.lock().records.get(&uid)?.described().cloned()
    }

    /// Rows that changed here since they were last taken.
    pub(crate) fn take_changed(&self) -> Vec<NodeReport> {
        let (mut inner, now) = (self.lock(), self.clock.now());
        let records = inner.records.iter_mut();
        let changed =
            records.filter_map(|(uid, record)| record.take_changed().then_some((uid, record)));
        changed.map(|(uid, record)| record.row(*uid, now)).collect()
    }

    /// Has rows taken again that could not be kept.
    pub(crate) fn put_back(&self, rows: &[NodeReport]) {
        let mut inner = self.lock();
        for row in rows {
            if let Some(record) = inner.records.get_mut(&row.uid) {
                record.mark();
            }
        }
    }

    /// Takes over what other replicas know of the nodes of a state.
    pub fn learn(&self, state: &State, rows: Vec<NodeReport>) {
        let now = self.clock.now();
        let mut replaced = Vec::new();
        let mut inner = self.lock();
        for row in rows {
            if state
                .node(&row.node)
                .is_none_or(|node| node.meta.uid != row.uid)
            {
                continue;
            }
            let record = inner
                .records
                .entry(row.uid)
                .or_insert_with(|| Record::new(row.node.clone()));
            replaced.extend(record.merge(row, now));
        }
        drop(inner);
        for stream in replaced {
            stream.end(Ending::Replaced);
        }
    }

    /// A node was deleted: its stream ends.
    pub fn forget(&self, uid: Uid) {
        let removed = {
            let mut inner = self.lock();
            let removed = inner.records.remove(&uid);
            inner
                .forgotten
                .extend(removed.as_ref().map(|record| record.node().clone()));
            removed
        };
        if let Some(stream) = removed.and_then(Record::into_stream) {
            stream.end(Ending::Unregistered);
        }
    }

    /// Forgets all nodes that a state does not have.
    pub(crate) fn retain(&self, state: &State) {
        let present: BTreeSet<Uid> = state.nodes().map(|node| node.meta.uid).collect();
        let known: Vec<Uid> = self.lock().records.keys().copied().collect();
        for uid in known.into_iter().filter(|uid| !present.contains(uid)) {
            self.forget(uid);
        }
    }

    /// What was acknowledged belongs to a history that is gone.
    pub(crate) fn reset(&self) {
        self.lock().records.values_mut().for_each(Record::reset);
    }

    /// Deleted nodes whose rows have to go, and are not there again.
    pub(crate) fn forgotten(&self) -> Vec<Name> {
        self.lock().forgotten.iter().cloned().collect()
    }

    /// The row of a deleted node is gone.
    pub(crate) fn was_forgotten(&self, node: &Name) {
        self.lock().forgotten.remove(node);
    }

    /// Every message is a sign of life.
    fn hear<T>(&self, session: SessionId, body: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let now = self.clock.now();
        self.with(session, |record| {
            record.contact(now);
            body(record)
        })
    }

    fn with<T>(&self, session: SessionId, body: impl FnOnce(&mut Record) -> T) -> Option<T> {
        let mut inner = self.lock();
        let record = inner.records.get_mut(&session.uid)?;
        record.is_current(session.number).then(|| body(record))
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
