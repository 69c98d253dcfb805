//! Rings, and how a body begins and ends.

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use http_body_util::BodyExt;
use portolan_model::{Digest, Revision};

use super::history::{History, hello};
use super::{Rig, trailers};
use crate::frame::Frame;
use crate::ring::{Entry, Ring};
use crate::{Ending, stream};

fn digest(revision: u64) -> Digest {
    Digest::of(&[&revision.to_be_bytes()])
}

fn frame(from: u64, to: u64, bytes: usize) -> Frame {
    Frame {
        digests: (from + 1..=to).map(|r| (Revision(r), digest(r))).collect(),
        bytes: Bytes::from(vec![0; bytes]),
        learned: None,
    }
}

#[test]
fn a_ring_tells_where_to_go_on() {
    let mut ring = Ring::new((Revision(10), digest(10)));
    ring.push(frame(10, 13, 1));
    ring.push(frame(13, 14, 1));
    for (revision, position) in [
        (9, None),
        (10, Some(0)),
        (11, Some(0)),
        (13, Some(1)),
        (14, Some(2)),
        (15, None),
    ] {
        assert_eq!(
            ring.position_after((Revision(revision), digest(revision))),
            position,
            "revision {revision}"
        );
    }
    assert_eq!(
        ring.position_after((Revision(11), digest(12))),
        None,
        "another digest"
    );
    assert!(matches!(ring.get(1), Entry::Frame(f) if f.to().0 == Revision(14)));
    assert!(matches!(ring.get(2), Entry::Nothing));
}

#[test]
fn a_ring_is_bounded_by_frames_and_bytes() {
    let mut ring = Ring::new((Revision(0), digest(0)));
    for revision in 0..5000 {
        ring.push(frame(revision, revision + 1, 1));
    }
    assert!(matches!(ring.get(903), Entry::Gone));
    assert!(matches!(ring.get(904), Entry::Frame(f) if f.to().0 == Revision(905)));
    assert_eq!(
        ring.position_after((Revision(904), digest(904))),
        Some(904),
        "the state before the oldest frame"
    );
    assert_eq!(ring.position_after((Revision(903), digest(903))), None);
    ring.push(frame(5000, 5001, 65 << 20));
    assert_eq!(ring.position_after((Revision(4999), digest(4999))), None);
    assert_eq!(
        ring.position_after((Revision(5000), digest(5000))),
        Some(5000),
        "the newest stays"
    );
    assert_eq!(ring.head(), (Revision(5001), digest(5001)));
}

#[tokio::test]
async fn a_stream_that_never_begins_can_end() {
    let (handle, mut body) = stream(trailers);
    let headers =
        HeaderMap::from_iter([(http::header::WARNING, HeaderValue::from_static("failed"))]);
    handle.end(Ending::Failed(Box::new(headers)));
    let frame = body.frame().await.unwrap().unwrap();
    assert_eq!(
        frame.trailers_ref().unwrap()[http::header::WARNING],
        "failed"
    );
    assert!(body.frame().await.is_none());
    handle.ended().await;
}

#[tokio::test]
async fn a_stream_whose_reader_left_before_it_began_leaves_nothing_behind() {
    let rig = Rig::new(History::new(40), 5).await;
    for drop_first in [true, false] {
        let (handle, body) = stream(trailers);
        let mut body = Some(body);
        if drop_first {
            body = None;
        }
        rig.admit(&handle, hello(1, 1), None).await;
        drop(body);
        assert_eq!(
            rig.distributor.metrics().streams.get(),
            0,
            "dropped first: {drop_first}"
        );
        let rows = rig.distributor.sessions().node_reports();
        assert!(!rows[0].connected, "dropped first: {drop_first}");
    }
}
