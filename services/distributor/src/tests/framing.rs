//! How messages are cut and framed.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{Digest, Revision, Uid};
use portolan_proto::node::v1::sync_response::Message as Kind;
use portolan_proto::node::v1::{Batch, SyncResponse};
use prost::Message;

use super::history::History;
use crate::wire;

fn messages(mut bytes: Bytes) -> Vec<Kind> {
    let mut messages = Vec::new();
    while bytes.has_remaining() {
        assert_eq!(bytes.get_u8(), 0, "nothing is compressed");
        let length = usize::try_from(bytes.get_u32()).unwrap();
        assert!(length < 400 * 1024, "far below what a client takes");
        let message = SyncResponse::decode(bytes.split_to(length)).unwrap();
        messages.push(message.message.unwrap());
    }
    messages
}

fn batch(message: Kind) -> Batch {
    match message {
        Kind::Batch(batch) => batch,
        other => panic!("no Batch but {other:?}"),
    }
}

fn key(number: u128) -> ViewKey {
    ViewKey::new(ViewKind::Service, Uid::from_random(number))
}

#[test]
fn a_large_frame_is_cut_and_only_its_last_part_may_be_applied() {
    let mut history = History::new(50);
    let commits: Vec<_> = (0..20).map(|_| Arc::new(history.commit())).collect();
    let mut changed: BTreeMap<_, _> = (0..1000)
        .map(|n| (key(n), Some(Bytes::from(vec![1; 1000]))))
        .collect();
    changed.insert(key(1001), None);
    let (from, to) = (Revision(1), Revision(21));
    let batches: Vec<_> = messages(wire::frame(from, to, &changed, &commits))
        .into_iter()
        .map(batch)
        .collect();
    assert!(batches.len() > 10);
    for (i, batch) in batches.iter().enumerate() {
        assert_eq!((batch.from_revision, batch.to_revision), (1, 21));
        assert_eq!(batch.more, i + 1 < batches.len());
    }
    let named: Vec<_> = batches
        .iter()
        .flat_map(|b| &b.commits)
        .map(|c| c.revision)
        .collect();
    assert_eq!(
        named,
        (2..18).collect::<Vec<_>>(),
        "at most 16, the oldest always"
    );
    assert_eq!(batches.iter().map(|b| b.objects.len()).sum::<usize>(), 1000);
    assert_eq!(batches.iter().map(|b| b.removed.len()).sum::<usize>(), 1);
}

#[test]
fn a_frame_without_objects_still_tells_the_revision() {
    let mut history = History::new(51);
    let commits = [Arc::new(history.commit())];
    let bytes = wire::frame(Revision(1), Revision(2), &BTreeMap::new(), &commits);
    let batches: Vec<_> = messages(bytes).into_iter().map(batch).collect();
    assert_eq!(batches.len(), 1);
    assert_eq!(
        (
            batches[0].from_revision,
            batches[0].to_revision,
            batches[0].more
        ),
        (1, 2, false)
    );
}

#[test]
fn a_snapshot_is_cut_into_pieces_between_its_begin_and_its_end() {
    for (objects, batches) in [(0, 0), (1, 1), (1000, 4)] {
        let bodies: BTreeMap<_, _> = (0..objects)
            .map(|n| (key(n), Bytes::from(vec![1; 1000])))
            .collect();
        let pieces = wire::snapshot(Revision(9), Digest::EMPTY, bodies.iter());
        let mut pieces: Vec<_> = pieces.into_iter().flat_map(messages).collect();
        assert!(matches!(pieces.pop(), Some(Kind::SnapshotEnd(end)) if end.revision == 9));
        let Kind::SnapshotBegin(begin) = pieces.remove(0) else {
            panic!("no SnapshotBegin");
        };
        assert_eq!(
            (begin.revision, begin.objects),
            (9, u64::try_from(objects).unwrap())
        );
        let parts: Vec<_> = pieces.into_iter().map(batch).collect();
        assert_eq!(parts.len(), batches, "{objects} objects");
        assert!(
            parts
                .iter()
                .rev()
                .skip(1)
                .all(|part| part.more && part.from_revision == 0)
        );
        let sum: usize = parts.iter().map(|part| part.objects.len()).sum();
        assert_eq!(sum, bodies.len());
    }
}
