//! Many streams, and slow ones.

use http_body_util::BodyExt;
use portolan_model::Revision;
use portolan_proto::node::v1::resync::Reason;
use portolan_proto::node::v1::{HealthAck, sync_response};

use super::history::History;
use super::node::Node;
use super::{DEADLINE, Rig};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_streams_get_the_same_bytes() {
    let mut rig = Rig::new(History::new(20), 5).await;
    let held = rig.held(Revision(1));
    let mut nodes = Vec::new();
    for _ in 0..10 {
        let (handle, body, _) = rig.open(Some(held)).await;
        nodes.push((handle, body, Node::at(&rig.history, held)));
    }
    for _ in 0..20 {
        rig.commit(3);
        rig.settle().await;
    }
    let newest = rig.history.newest();
    let mut seen = Vec::new();
    for (_handle, body, node) in &mut nodes {
        node.follow(body, &rig.history, newest).await;
        seen.push(std::mem::take(&mut node.bytes));
    }
    assert!(seen.iter().all(|bytes| *bytes == seen[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_stands_still_is_cut_off_and_costs_others_nothing() {
    let mut rig = Rig::new(History::new(21), 5).await;
    let (_slow_handle, mut slow, _) = rig.open(None).await;
    let (_handle, mut body, _) = rig.open(None).await;
    let mut node = Node::default();
    let mut stuck = Node::default();
    stuck.follow(&mut slow, &rig.history, Revision(1)).await;
    let mut frames = 0;
    while frames <= 4096 {
        rig.commit(1);
        node.follow(&mut body, &rig.history, rig.history.newest())
            .await;
        frames += 1;
    }
    stuck.finish(&mut slow, &rig.history).await;
    assert_eq!(stuck.revision, Revision(1));
    assert_eq!(stuck.resync, Some(Reason::Slow.into()));
    assert_eq!(stuck.ended.as_deref(), Some("complete"));
}

#[tokio::test]
async fn messages_to_one_node_come_between_frames() {
    let mut rig = Rig::new(History::new(22), 5).await;
    let (handle, mut body, _) = rig.open(None).await;
    let mut node = Node::default();
    node.follow(&mut body, &rig.history, Revision(1)).await;
    handle.send(sync_response::Message::HealthAck(HealthAck { seq: 3 }));
    rig.commit(1);
    rig.settle().await;
    let before = node.bytes.len();
    assert!(node.read(&mut body, &rig.history).await);
    assert_eq!(
        node.bytes[before..],
        [0, 0, 0, 0, 4, 66, 2, 8, 3],
        "field 8: a HealthAck of seq 3"
    );
    node.follow(&mut body, &rig.history, Revision(2)).await;
}

#[tokio::test]
async fn a_node_that_reads_no_messages_is_cut_off() {
    let mut rig = Rig::new(History::new(23), 5).await;
    let (handle, mut body, _) = rig.open(None).await;
    for seq in 0..1000 {
        handle.send(sync_response::Message::HealthAck(HealthAck { seq }));
    }
    let mut node = Node::default();
    node.finish(&mut body, &rig.history).await;
    assert_eq!(node.ended.as_deref(), Some("stuck"));
    assert!(handle.has_ended());
}

#[tokio::test]
async fn draining_tells_every_node_and_ends_its_stream() {
    let mut rig = Rig::new(History::new(24), 5).await;
    let mut streams = Vec::new();
    for _ in 0..3 {
        streams.push(rig.open(None).await);
    }
    rig.distributor.drain(crate::Drain::SOON);
    for (handle, mut body, _) in streams {
        let mut node = Node::default();
        node.finish(&mut body, &rig.history).await;
        assert!(node.drained);
        assert_eq!(node.ended.as_deref(), Some("complete"));
        tokio::time::timeout(DEADLINE, handle.ended())
            .await
            .unwrap();
        drop(body);
    }
    assert_eq!(rig.distributor.metrics().streams.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_idle_stream_hears_every_few_seconds_that_nothing_is_missing() {
    let mut rig = Rig::new(History::new(25), 5).await;
    let (_handle, mut body, _) = rig.open(None).await;
    let begun = tokio::time::Instant::now();
    let mut node = Node::default();
    while node.bookmarks < 4 {
        assert!(node.read(&mut body, &rig.history).await);
    }
    let elapsed = begun.elapsed();
    assert!(
        elapsed.as_secs() >= 12 && elapsed.as_secs() <= 15,
        "one at once, then every 5 s: {elapsed:?}"
    );
}

/// Prints what a delivery costs without a transport; run it with `--nocapture`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_streams_are_served() {
    const STREAMS: usize = 1000;
    const FRAMES: usize = 20;
    let mut rig = Rig::new(History::new(26), 5).await;
    let held = rig.held(Revision(1));
    let (done, mut finished) = tokio::sync::mpsc::channel(STREAMS);
    for _ in 0..STREAMS {
        let (handle, mut body, _) = rig.open(Some(held)).await;
        let done = done.clone();
        tokio::spawn(async move {
            let (mut bytes, wanted) = (0, handle.sent().0 + FRAMES as u64);
            while handle.sent().0 < wanted {
                let frame = body.frame().await.unwrap().unwrap();
                bytes += frame.data_ref().unwrap().len();
            }
            done.send(bytes).await.unwrap();
        });
    }
    let begun = std::time::Instant::now();
    for _ in 0..FRAMES {
        rig.commit(1);
        rig.settle().await;
    }
    for _ in 0..STREAMS {
        let bytes = tokio::time::timeout(DEADLINE, finished.recv())
            .await
            .unwrap();
        assert!(bytes.is_some_and(|bytes| bytes > 0));
    }
    let delivered = rig.distributor.metrics().frames.get();
    println!(
        "{delivered} deliveries to {STREAMS} streams in {:?}",
        begun.elapsed()
    );
}
