//! A node that believes nothing: after every step it compares what it holds with what it should.

use std::collections::BTreeMap;

use bytes::{Buf, Bytes};
use http_body_util::BodyExt;
use portolan_model::Revision;
use portolan_model::view::ViewKey;
use portolan_proto::convert::view::key;
use portolan_proto::node::v1::sync_response::Message as Kind;
use portolan_proto::node::v1::{Batch, SyncResponse};
use prost::Message;

use super::history::{History, bodies, state_digest};
use super::{DEADLINE, ResumePoint};
use crate::StreamBody;

/// What a node has, and how it came to it.
#[derive(Default)]
pub(super) struct Node {
    pub(super) revision: Revision,
    objects: BTreeMap<ViewKey, Bytes>,
    /// What of a snapshot has come.
    snapshot: Option<BTreeMap<ViewKey, Bytes>>,
    waiting: Vec<Batch>,
    /// Whether a frame has shown it anything that it had already.
    pub(super) bookmarks: u64,
    pub(super) snapshots: u64,
    /// Frames whose oldest commit the server did not know any more.
    pub(super) leaps: u64,
    pub(super) resync: Option<i32>,
    pub(super) drained: bool,
    pub(super) ended: Option<String>,
    /// Everything it received.
    pub(super) bytes: Vec<u8>,
}

impl Node {
    /// One that holds a state already.
    pub(super) fn at(history: &History, held: ResumePoint) -> Self {
        let objects = bodies(history.state(held.revision));
        Self {
            revision: held.revision,
            objects,
            ..Self::default()
        }
    }

    /// Reads until it holds a revision.
    pub(super) async fn follow(
        &mut self,
        body: &mut StreamBody,
        history: &History,
        until: Revision,
    ) {
        let reading = async {
            while self.revision < until {
                let is_open = self.read(body, history).await;
                assert!(is_open, "ended at {}: {:?}", self.revision, self.ended);
            }
        };
        // Bookmarks come for ever, so that each of them being in time is not enough.
        let read = tokio::time::timeout(DEADLINE, reading).await;
        assert!(read.is_ok(), "{until} does not come");
        assert_eq!(self.revision, until);
    }

    /// Reads until the stream ends.
    pub(super) async fn finish(&mut self, body: &mut StreamBody, history: &History) {
        while self.read(body, history).await {}
    }

    /// Reads one piece; `false` at the end.
    pub(super) async fn read(&mut self, body: &mut StreamBody, history: &History) -> bool {
        let frame = tokio::time::timeout(DEADLINE, body.frame())
            .await
            .expect("there is always something to read");
        let Some(Ok(frame)) = frame else { return false };
        match frame.into_data() {
            Ok(bytes) => self.receive(&bytes, history),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap();
                self.ended = Some(trailers[http::header::WARNING].to_str().unwrap().to_owned());
            }
        }
        true
    }

    pub(super) fn receive(&mut self, mut bytes: &[u8], history: &History) {
        self.bytes.extend_from_slice(bytes);
        while bytes.has_remaining() {
            assert_eq!(bytes.get_u8(), 0, "nothing is compressed");
            let length = usize::try_from(bytes.get_u32()).unwrap();
            let message = SyncResponse::decode(bytes.copy_to_bytes(length)).unwrap();
            self.take(message.message.unwrap(), history);
        }
    }

    fn take(&mut self, message: Kind, history: &History) {
        match message {
            Kind::Welcome(_) | Kind::HealthAck(_) => {}
            Kind::SnapshotBegin(_) => self.snapshot = Some(BTreeMap::new()),
            Kind::Batch(batch) => self.batch(batch, history),
            Kind::SnapshotEnd(end) => {
                self.objects = self.snapshot.take().expect("an end has a beginning");
                self.revision = Revision(end.revision);
                self.snapshots += 1;
                self.check(&end.digest, history);
            }
            Kind::Bookmark(bookmark) => {
                assert_eq!(Revision(bookmark.revision), self.revision);
                assert!(
                    self.waiting.is_empty() && self.snapshot.is_none(),
                    "a state is whole"
                );
                self.bookmarks += 1;
                self.check(&bookmark.digest, history);
            }
            Kind::Resync(resync) => self.resync = Some(resync.reason),
            Kind::Drain(_) => self.drained = true,
        }
    }

    fn batch(&mut self, batch: Batch, history: &History) {
        if let Some(snapshot) = &mut self.snapshot {
            assert_eq!(batch.from_revision, 0);
            snapshot.extend(
                batch
                    .objects
                    .into_iter()
                    .map(|o| (key(o.kind, &o.uid).unwrap(), o.body)),
            );
            return;
        }
        let more = batch.more;
        self.waiting.push(batch);
        if more {
            return;
        }
        let batches = std::mem::take(&mut self.waiting);
        let (from, to) = (
            Revision(batches[0].from_revision),
            Revision(batches[0].to_revision),
        );
        let oldest = batches[0].commits[0].revision;
        assert!(
            from.0 < oldest && oldest <= to.0,
            "{from} to {to}: {oldest}"
        );
        self.leaps += u64::from(oldest != from.next().0);
        if to <= self.revision {
            return;
        }
        assert!(
            from <= self.revision,
            "a gap: holding {}, but {from} to {to} came",
            self.revision
        );
        for batch in batches {
            assert_eq!((batch.from_revision, batch.to_revision), (from.0, to.0));
            self.objects.extend(
                batch
                    .objects
                    .into_iter()
                    .map(|o| (key(o.kind, &o.uid).unwrap(), o.body)),
            );
            for gone in batch.removed {
                self.objects.remove(&key(gone.kind, &gone.uid).unwrap());
            }
        }
        self.revision = to;
        let digest = state_digest(history.state(to));
        self.check(digest.as_bytes(), history);
    }

    /// What it holds is what it should, and the server's digest says the same.
    fn check(&self, digest: &[u8], history: &History) {
        let state = history.state(self.revision);
        assert!(
            self.objects == bodies(state),
            "what is held at {} is not the state",
            self.revision
        );
        assert_eq!(digest, state_digest(state).as_bytes());
    }
}
