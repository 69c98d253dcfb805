//! What is known of one node.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use portolan_model::limits::REJECTIONS;
use portolan_model::view::ViewKey;
use portolan_model::{Name, NodeReport, NodeSpec, Rejection, Revision, Timestamp, Uid};

use super::{Acknowledgement, NodeHello, Progress};
use crate::stream::StreamHandle;

/// A stream at another replica that was not heard of for this long is gone, together with its replica.
const SILENCE: Duration = Duration::from_secs(30);

/// What is known of one node.
pub(super) struct Record {
    node: Name,
    session: u64,
    /// Sessions up to this one belong to a history that is gone.
    fenced: u64,
    attempted: Revision,
    durable: Revision,
    rejected: BTreeMap<ViewKey, Rejection>,
    /// The lowest revision since which something is rejected that is not listed.
    lost: Option<Revision>,
    last_contact: Timestamp,
    /// The row came from here, not from another replica.
    is_ours: bool,
    is_connected: bool,
    is_changed: bool,
    here: Option<OpenStream>,
    /// Streams here that have not ended yet, replaced ones included.
    streams: usize,
}

/// The stream of the session, if it is open here.
struct OpenStream {
    stream: StreamHandle,
    described: NodeSpec,
    since: Instant,
    /// What the stream began with; latencies are counted from here on.
    measured: Revision,
    /// What the node repeats in heartbeats is of this history.
    is_confirmed: bool,
}

impl Record {
    pub(super) fn new(node: Name) -> Self {
        Self {
            node,
            session: 0,
            fenced: 0,
            attempted: Revision::ZERO,
            durable: Revision::ZERO,
            rejected: BTreeMap::new(),
            lost: None,
            last_contact: Timestamp::default(),
            is_ours: false,
            is_connected: false,
            is_changed: false,
            here: None,
            streams: 0,
        }
    }

    pub(super) fn node(&self) -> &Name {
        &self.node
    }

    pub(super) fn streams(&self) -> usize {
        self.streams
    }

    pub(super) fn described(&self) -> Option<&NodeSpec> {
        self.here.as_ref().map(|here| &here.described)
    }

    /// The session whose stream is open here.
    pub(super) fn open_session(&self) -> Option<u64> {
        let here = self.here.as_ref()?;
        (!here.stream.has_ended()).then_some(self.session)
    }

    /// Whether this is the session that speaks for the node.
    pub(super) fn is_current(&self, session: u64) -> bool {
        self.here.is_some() && self.session == session
    }

    /// A new session; what earlier ones acknowledged counts no more, since the node may have lost it. Returns the
    /// stream that it replaces.
    pub(super) fn enter(
        &mut self,
        hello: NodeHello,
        stream: StreamHandle,
        now: Timestamp,
    ) -> Option<StreamHandle> {
        let here = OpenStream {
            stream,
            described: hello.described,
            since: Instant::now(),
            measured: Revision::ZERO,
            is_confirmed: false,
        };
        self.clear();
        self.session = hello.session;
        self.is_ours = true;
        self.is_connected = true;
        self.streams += 1;
        self.contact(now);
        self.here.replace(here).map(|older| older.stream)
    }

    pub(super) fn leave(&mut self, session: u64) {
        self.streams = self.streams.saturating_sub(1);
        if self.is_current(session) {
            self.here = None;
            self.is_connected = false;
            self.is_changed = true;
        }
    }

    pub(super) fn begin(&mut self, held: Revision, resumes: bool) {
        if let Some(here) = &mut self.here {
            here.measured = held;
            here.is_confirmed = resumes;
        }
    }

    pub(super) fn acknowledge(&mut self, report: Acknowledgement) -> Progress {
        let mut rejected = Vec::new();
        for rejection in report.rejected {
            let is_known = self
                .rejected
                .get(&rejection.object)
                .is_some_and(|known| known.code == rejection.code);
            if !is_known {
                rejected.push(rejection.clone());
            }
            self.rejected.insert(rejection.object, rejection);
        }
        for key in report.cleared {
            self.rejected.remove(&key);
        }
        self.lose(report.lost);
        while self.rejected.len() > REJECTIONS.value {
            let dropped = self
                .rejected
                .pop_last()
                .map(|(_, rejection)| rejection.since);
            self.lose(dropped);
        }
        let Some(here) = &mut self.here else {
            return Progress {
                before: Revision::ZERO,
                attempted: Revision::ZERO,
                since: Instant::now(),
                rejected,
            };
        };
        here.is_confirmed = true;
        let (before, since) = (here.measured, here.since);
        self.advance(report.attempted, report.durable);
        if let Some(here) = &mut self.here {
            here.measured = here.measured.max(self.attempted);
        }
        Progress {
            before,
            attempted: self.attempted,
            since,
            rejected,
        }
    }

    pub(super) fn heartbeat(&mut self, attempted: Revision, durable: Revision) {
        // Before its first Ack, a node that was sent a snapshot may speak of what it held before.
        if self.here.as_ref().is_some_and(|here| here.is_confirmed) {
            self.advance(attempted, durable);
        }
    }

    /// Nobody can have applied what was not sent.
    fn advance(&mut self, attempted: Revision, durable: Revision) {
        let Some(here) = self.here.as_ref().filter(|_| self.session > self.fenced) else {
            return;
        };
        self.attempted = self.attempted.max(attempted.min(here.stream.sent()));
        self.durable = durable.min(self.attempted);
    }

    pub(super) fn contact(&mut self, now: Timestamp) {
        self.last_contact = now;
        self.is_changed = true;
    }

    pub(super) fn reset(&mut self) {
        self.clear();
        self.fenced = self.session;
        self.is_changed = self.is_ours;
    }

    fn clear(&mut self) {
        self.attempted = Revision::ZERO;
        self.durable = Revision::ZERO;
        self.rejected.clear();
        self.lost = None;
    }

    fn lose(&mut self, since: Option<Revision>) {
        self.lost = self.lost.into_iter().chain(since).min();
    }

    /// Up to where everything is applied for good.
    pub(super) fn settled(&self) -> Revision {
        let rejected = self.rejected.values().map(|rejection| rejection.since);
        let lowest = rejected.chain(self.lost).min();
        lowest.map_or(self.durable, |since| {
            self.durable.min(Revision(since.0.saturating_sub(1)))
        })
    }

    pub(super) fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed) && self.is_ours
    }

    pub(super) fn mark(&mut self) {
        self.is_changed = true;
    }

    pub(super) fn row(&self, uid: Uid, now: Timestamp) -> NodeReport {
        // What is rejected but not listed must hold back other replicas as well.
        let bound = self
            .lost
            .map_or(u64::MAX, |since| since.0.saturating_sub(1));
        NodeReport {
            node: self.node.clone(),
            uid,
            session: self.session,
            connected: self.is_connected
                && (self.here.is_some() || is_recent(self.last_contact, now)),
            attempted: self.attempted,
            durable: self.durable.min(Revision(bound)),
            rejected: self.rejected.values().cloned().collect(),
            last_contact: self.last_contact,
        }
    }

    /// Takes over another replica's row if it knows better. Returns the stream here that it supersedes.
    pub(super) fn merge(&mut self, row: NodeReport, now: Timestamp) -> Option<StreamHandle> {
        let is_older = row.session < self.session || (row.session == self.session && self.is_ours);
        if is_older || row.session <= self.fenced {
            return None;
        }
        let is_open = row.connected && is_recent(row.last_contact, now);
        if self.here.is_some() && !is_open {
            // The node's clock went back: the row is of its past, although its number is higher.
            return None;
        }
        self.session = row.session;
        self.attempted = row.attempted;
        self.durable = row.durable;
        self.rejected = row.rejected.into_iter().map(|r| (r.object, r)).collect();
        self.lost = None;
        self.last_contact = row.last_contact;
        self.is_ours = false;
        self.is_connected = row.connected;
        self.here.take().map(|here| here.stream)
    }

    pub(super) fn into_stream(self) -> Option<StreamHandle> {
        self.here.map(|here| here.stream)
    }
}

fn is_recent(contact: Timestamp, now: Timestamp) -> bool {
    u128::from(now.micros_since(contact)) < SILENCE.as_micros()
}
