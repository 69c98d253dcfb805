//! What a server holds, and the frames it makes of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use portolan_model::view::{View, ViewKey};
use portolan_model::{Digest, StoreId, Uid};
use portolan_proto::convert::view;
use portolan_proto::node::v1 as wire;
use wire::sync_response::Message as Frame;
use wire::welcome::Mode;

/// The state of a store, as nodes see it.
#[derive(Clone, Debug)]
pub struct ServerState {
    /// Which store it is.
    pub store_id: StoreId,
    /// Head of its log.
    pub revision: u64,
    objects: BTreeMap<(i32, Uid), Bytes>,
}

impl ServerState {
    /// An empty store.
    pub fn new(store: u128) -> Self {
        Self {
            store_id: StoreId::from_random(store),
            revision: 1,
            objects: BTreeMap::new(),
        }
    }

    /// Writes a view; its change as a frame.
    pub fn put(&mut self, uid: Uid, value: &View) -> Frame {
        self.put_body(value.kind() as i32, uid, view::encode(value))
    }

    /// Writes any body of any kind; its change as a frame.
    pub fn put_body(&mut self, kind: i32, uid: Uid, body: impl Into<Bytes>) -> Frame {
        let body = body.into();
        self.objects.insert((kind, uid), body.clone());
        let mut batch = self.next();
        batch.objects.push(object(kind, uid, body));
        Frame::Batch(batch)
    }

    /// Removes a view; its change as a frame.
    pub fn remove(&mut self, key: ViewKey) -> Frame {
        self.objects.remove(&(key.kind as i32, key.uid));
        let mut batch = self.next();
        batch.removed.push(view::object_ref(key));
        Frame::Batch(batch)
    }

    /// Becomes exactly these views; the change in one Batch.
    pub fn become_exactly(&mut self, views: &[(ViewKey, View)]) -> wire::Batch {
        let numbered = |(key, value): &(ViewKey, View)| {
            let body = view::encode(value);
            ((key.kind as i32, key.uid), body)
        };
        let objects: BTreeMap<_, _> = views.iter().map(numbered).collect();
        let mut batch = self.next();
        let news = objects
            .iter()
            .filter(|(key, body)| self.objects.get(*key) != Some(*body));
        batch
            .objects
            .extend(news.map(|((kind, uid), body)| object(*kind, *uid, body.clone())));
        let gone = self
            .objects
            .keys()
            .filter(|key| !objects.contains_key(*key));
        let gone = gone.map(|(kind, uid)| wire::ObjectRef {
            kind: *kind,
            uid: uid.as_bytes().to_vec(),
        });
        batch.removed.extend(gone);
        self.objects = objects;
        batch
    }

    /// First frame of a stream that goes on.
    pub fn welcome_resume(&self) -> Frame {
        self.welcome(Mode::Resume)
    }

    /// First frame of a stream, and the whole state.
    pub fn welcome_snapshot(&self) -> Vec<Frame> {
        let begin = wire::SnapshotBegin {
            revision: self.revision,
            objects: self.objects.len() as u64,
        };
        let end = wire::SnapshotEnd {
            revision: self.revision,
            digest: self.digest(),
        };
        let part = |((kind, uid), body): (&(i32, Uid), &Bytes)| {
            Frame::Batch(wire::Batch {
                to_revision: self.revision,
                more: true,
                objects: vec![object(*kind, *uid, body.clone())],
                ..wire::Batch::default()
            })
        };
        let mut frames = vec![self.welcome(Mode::Snapshot), Frame::SnapshotBegin(begin)];
        frames.extend(self.objects.iter().map(part));
        frames.push(Frame::SnapshotEnd(end));
        frames
    }

    /// Nothing up to here is missing.
    pub fn bookmark(&self) -> Frame {
        Frame::Bookmark(wire::Bookmark {
            revision: self.revision,
            digest: self.digest(),
            stale_ms: 0,
        })
    }

    /// The digest of the state.
    pub fn digest(&self) -> Vec<u8> {
        let mut digest = Digest::EMPTY;
        for ((kind, uid), body) in &self.objects {
            let kind = u8::try_from(*kind).expect("kinds fit a byte");
            digest.toggle(Digest::of(&[&[kind], uid.as_bytes(), body]));
        }
        digest.as_bytes().to_vec()
    }

    fn welcome(&self, mode: Mode) -> Frame {
        Frame::Welcome(wire::Welcome {
            store_id: self.store_id.as_bytes().to_vec(),
            replica: "fake".to_owned(),
            head_revision: self.revision,
            mode: mode.into(),
            heartbeat_ms: 100,
            node_uid: Uid::from_random(0).as_bytes().to_vec(),
        })
    }

    fn next(&mut self) -> wire::Batch {
        let from_revision = self.revision;
        self.revision += 1;
        wire::Batch {
            from_revision,
            to_revision: self.revision,
            commits: vec![wire::CommitInfo {
                revision: self.revision,
                committed_at_us: 0,
                traceparent: String::new(),
            }],
            ..wire::Batch::default()
        }
    }
}

fn object(kind: i32, uid: Uid, body: Bytes) -> wire::Object {
    wire::Object {
        kind,
        uid: Bytes::copy_from_slice(uid.as_bytes()),
        body,
    }
}
