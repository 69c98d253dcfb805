//! A state as a recorded stream.

use std::io;

use bytes::Bytes;
use portolan_model::{Digest, Revision};
use portolan_proto::node::v1 as wire;
use wire::sync_response::Message as Frame;

use super::record;
use crate::intake::Intake;
use crate::key::ObjectKey;
use crate::store_copy::{Body, Changes, StoreCopy};

/// Bodies in one frame of an image: in memory several times over until it is written.
const CHUNK: usize = 64 << 10;

/// What a file holds.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) held: StoreCopy,
    /// Bytes of the snapshot at its start.
    pub(super) snapshot: u64,
    /// Bytes of the snapshot and of all whole batches after it.
    pub(super) whole: u64,
}

/// Reads as far as the recording is whole; `None` if that is no state.
pub(super) fn read(bytes: &[u8]) -> Option<Image> {
    let mut intake = Intake::new(None, true);
    let (mut snapshot, mut whole, mut at) = (0, 0, 0);
    while let Some((frame, length)) = record::decode(&bytes[at..]) {
        at += length;
        let reached = match frame {
            Frame::Welcome(welcome) => intake.welcome(&welcome).map(|()| false),
            Frame::SnapshotBegin(begin) => intake.snapshot_begin(&begin).map(|()| false),
            Frame::Batch(batch) => intake.batch(batch).map(|step| step.is_some()),
            Frame::SnapshotEnd(end) => intake.snapshot_end(&end).map(|_| true),
            _ => break,
        };
        match reached {
            Ok(true) => whole = at,
            Ok(false) => {}
            Err(_) => break,
        }
        if snapshot == 0 {
            snapshot = whole;
        }
    }
    Some(Image {
        held: intake.into_held()?,
        snapshot: snapshot as u64,
        whole: whole as u64,
    })
}

/// The frames that lead to a state.
///
/// Where the present body of an object can't be read, the snapshot has the last one that could, as of one revision
/// earlier, and a batch brings the present one: reading goes the way that led here.
pub(super) fn write(
    held: &StoreCopy,
    out: &mut impl FnMut(Frame) -> io::Result<()>,
) -> io::Result<()> {
    let late = late(held);
    let revision = if late.is_empty() {
        held.revision
    } else {
        Revision(held.revision.0.saturating_sub(1))
    };
    snapshot(held, revision, out)?;
    if !late.is_empty() {
        out(batch(revision, held.revision, &late))?;
    }
    Ok(())
}

/// Objects whose last readable body is an earlier one.
fn late(held: &StoreCopy) -> Changes {
    let late = held.unreadable.iter().filter_map(|(key, unreadable)| {
        unreadable.last_good.as_ref()?;
        Some((*key, Some(held.objects.get(key)?.clone())))
    });
    late.collect()
}

/// The last body of an object that could be read; where there is none, the present one.
fn readable<'a>(held: &'a StoreCopy, key: &ObjectKey, body: &'a Body) -> &'a Body {
    let unreadable = held.unreadable.get(key);
    let good = unreadable.and_then(|unreadable| unreadable.last_good.as_ref());
    good.unwrap_or(body)
}

fn snapshot(
    held: &StoreCopy,
    revision: Revision,
    out: &mut impl FnMut(Frame) -> io::Result<()>,
) -> io::Result<()> {
    out(Frame::Welcome(wire::Welcome {
        store_id: held.store_id.as_bytes().to_vec(),
        mode: wire::welcome::Mode::Snapshot.into(),
        ..wire::Welcome::default()
    }))?;
    out(Frame::SnapshotBegin(wire::SnapshotBegin {
        revision: revision.0,
        objects: held.objects.len() as u64,
    }))?;
    let mut digest = Digest::EMPTY;
    let mut chunk = wire::Batch::default();
    let mut size = 0;
    for (key, body) in &held.objects {
        let body = readable(held, key, body);
        digest.toggle(key.digest(body));
        size += body.len();
        chunk.objects.push(object(*key, body));
        if size >= CHUNK {
            out(Frame::Batch(std::mem::take(&mut chunk)))?;
            size = 0;
        }
    }
    if !chunk.objects.is_empty() {
        out(Frame::Batch(chunk))?;
    }
    out(Frame::SnapshotEnd(wire::SnapshotEnd {
        revision: revision.0,
        digest: digest.as_bytes().to_vec(),
    }))
}

/// The frame of these changes.
pub(super) fn batch(from: Revision, to: Revision, changes: &Changes) -> Frame {
    let mut batch = wire::Batch {
        from_revision: from.0,
        to_revision: to.0,
        ..wire::Batch::default()
    };
    for (key, body) in changes {
        match body {
            Some(body) => batch.objects.push(object(*key, body)),
            None => batch.removed.push(wire::ObjectRef {
                kind: key.kind.into(),
                uid: key.uid.as_bytes().to_vec(),
            }),
        }
    }
    Frame::Batch(batch)
}

fn object(key: ObjectKey, body: &[u8]) -> wire::Object {
    wire::Object {
        kind: key.kind.into(),
        uid: Bytes::copy_from_slice(key.uid.as_bytes()),
        body: Bytes::copy_from_slice(body),
    }
}
