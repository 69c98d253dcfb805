//! Messages as they go over the wire, already framed: flag byte 0 (not compressed), length in 4 bytes, message
//! (gRPC over HTTP/2, "Length-Prefixed-Message").

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use portolan_model::view::ViewKey;
use portolan_model::{Digest, Revision};
use portolan_proto::convert::view::object_ref;
use portolan_proto::node::v1::sync_response::Message as Kind;
use portolan_proto::node::v1::{
    Batch, Bookmark, CommitInfo, Object, Resync, SnapshotBegin, SnapshotEnd, SyncResponse, resync,
};
use portolan_store::Commit;
use prost::Message;

/// How often a node hears that nothing is missing, and how often it is asked to say that it is there.
pub const HEARTBEAT: Duration = Duration::from_secs(5);

/// Bodies in one Batch of a frame.
const FRAME_CHUNK: usize = 64 * 1024;
/// Bodies in one Batch of a snapshot; far below the 4 MiB that a tonic client decodes by default.
const SNAPSHOT_CHUNK: usize = 256 * 1024;
/// Commits that a Batch names.
const MAX_COMMITS: usize = 16;
/// In front of a message: its flag and its length.
const PREFIX: usize = 5;
/// Key, tags and lengths around a body, about.
const OVERHEAD: usize = 32;

/// Framed messages, one after the other, in no more memory than they take.
fn framed_all(kinds: impl Iterator<Item = Kind>) -> Bytes {
    let wrap = |kind| SyncResponse {
        message: Some(kind),
    };
    let messages: Vec<_> = kinds.map(wrap).collect();
    let lengths = messages
        .iter()
        .map(|message| PREFIX + message.encoded_len());
    let mut bytes = BytesMut::with_capacity(lengths.sum());
    for message in messages {
        let length = message.encoded_len();
        bytes.put_u8(0);
        bytes.put_u32(u32::try_from(length).expect("chunks keep messages far below 4 GiB"));
        message.encode_raw(&mut bytes);
    }
    bytes.freeze()
}

/// A framed message.
pub(crate) fn framed(kind: Kind) -> Bytes {
    framed_all(std::iter::once(kind))
}

pub(crate) fn bookmark(revision: Revision, digest: Digest, staleness: Duration) -> Bytes {
    framed(Kind::Bookmark(Bookmark {
        revision: revision.0,
        digest: digest.as_bytes().to_vec(),
        stale_ms: u64::try_from(staleness.as_millis()).unwrap_or(u64::MAX),
    }))
}

pub(crate) fn resync(reason: resync::Reason) -> Bytes {
    framed(Kind::Resync(Resync {
        reason: reason.into(),
    }))
}

/// What changed within (from, to], as one piece of as many Batches as it takes.
pub(crate) fn frame(
    from: Revision,
    to: Revision,
    changed: &BTreeMap<ViewKey, Option<Bytes>>,
    commits: &[impl AsRef<Commit>],
) -> Bytes {
    let mut batches = vec![Batch {
        commits: commits
            .iter()
            .take(MAX_COMMITS)
            .map(|commit| info(commit.as_ref()))
            .collect(),
        ..Batch::default()
    }];
    let mut size = 0;
    for (key, body) in changed {
        if size >= FRAME_CHUNK {
            batches.push(Batch::default());
            size = 0;
        }
        size += OVERHEAD + body.as_ref().map_or(0, Bytes::len);
        let batch = batches.last_mut().expect("there is always a batch");
        match body {
            Some(body) => batch.objects.push(object(*key, body)),
            None => batch.removed.push(object_ref(*key)),
        }
    }
    let last = batches.len() - 1;
    framed_all(batches.into_iter().enumerate().map(|(i, batch)| {
        Kind::Batch(Batch {
            from_revision: from.0,
            to_revision: to.0,
            more: i < last,
            ..batch
        })
    }))
}

/// A whole state in pieces.
pub(crate) fn snapshot<'a>(
    revision: Revision,
    digest: Digest,
    bodies: impl ExactSizeIterator<Item = (&'a ViewKey, &'a Bytes)>,
) -> Vec<Bytes> {
    let mut pieces = vec![framed(Kind::SnapshotBegin(SnapshotBegin {
        revision: revision.0,
        objects: bodies.len() as u64,
    }))];
    let mut bodies = bodies.peekable();
    while bodies.peek().is_some() {
        let (mut objects, mut size) = (Vec::new(), 0);
        while let Some((key, body)) = bodies.next_if(|_| size < SNAPSHOT_CHUNK) {
            size += OVERHEAD + body.len();
            objects.push(object(*key, body));
        }
        pieces.push(framed(Kind::Batch(Batch {
            to_revision: revision.0,
            more: bodies.peek().is_some(),
            objects,
            ..Batch::default()
        })));
    }
    pieces.push(framed(Kind::SnapshotEnd(SnapshotEnd {
        revision: revision.0,
        digest: digest.as_bytes().to_vec(),
    })));
    pieces
}

fn object(key: ViewKey, body: &Bytes) -> Object {
    Object {
        kind: key.kind as i32,
        uid: Bytes::copy_from_slice(key.uid.as_bytes()),
        body: body.clone(),
    }
}

fn info(commit: &Commit) -> CommitInfo {
    CommitInfo {
        revision: commit.revision.0,
        committed_at_us: commit.committed_at.0,
        traceparent: commit.traceparent.clone(),
    }
}
