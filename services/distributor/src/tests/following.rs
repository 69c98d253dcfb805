//! From wherever a node starts, it ends with the state.

use portolan_model::{Change, Revision};
use portolan_proto::node::v1::resync::Reason;

use super::history::{History, bodies, registered};
use super::node::Node;
use super::{Mode, Rig, trailers};
use crate::{ResumePoint, stream};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_holds_nothing_gets_a_snapshot_and_every_later_change() {
    for seed in 0..8 {
        let mut history = History::new(seed);
        for _ in 0..30 {
            history.commit();
        }
        let mut rig = Rig::new(history, 10).await;
        let (_handle, mut body, mode) = rig.open(None).await;
        assert_eq!(mode, Mode::Snapshot, "seed {seed}");
        let mut node = Node::default();
        for round in 0..20 {
            rig.commit(1 + round % 5);
            node.follow(&mut body, &rig.history, rig.history.newest())
                .await;
        }
        assert_eq!((node.snapshots, node.leaps), (1, 0), "seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_resumes_from_every_revision_that_the_ring_covers() {
    for seed in 100..104 {
        let mut history = History::new(seed);
        for _ in 0..25 {
            history.commit();
        }
        let mut rig = Rig::new(history, 10).await;
        for round in 0..8 {
            rig.commit(1 + (round * 7) % 6);
            rig.settle().await;
        }
        let newest = rig.history.newest();
        for revision in 16..=newest.0 {
            let held = rig.held(Revision(revision));
            let (_handle, mut body, mode) = rig.open(Some(held)).await;
            assert_eq!(mode, Mode::Resume, "seed {seed}, revision {revision}");
            let mut node = Node::at(&rig.history, held);
            node.follow(&mut body, &rig.history, newest).await;
            // At the head it hears so at once.
            while node.bookmarks == 0 {
                node.read(&mut body, &rig.history).await;
            }
            assert_eq!(node.snapshots, 0, "seed {seed}, revision {revision}");
        }
    }
}

#[tokio::test]
async fn what_is_not_known_is_replaced_by_a_snapshot() {
    let mut history = History::new(1);
    for _ in 0..20 {
        history.commit();
    }
    let mut rig = Rig::new(history, 5).await;
    let good = rig.held(Revision(18));
    let other = rig.held(Revision(17)).digest;
    for (name, held, cause) in [
        ("nothing held", None, "holds_nothing"),
        (
            "another store",
            Some(ResumePoint {
                store_id: portolan_model::Uid::from_random(8),
                ..good
            }),
            "other_store",
        ),
        (
            "older than the ring",
            Some(rig.held(Revision(10))),
            "too_old",
        ),
        (
            "newer than the head",
            Some(ResumePoint {
                revision: Revision(99),
                ..good
            }),
            "unknown",
        ),
        (
            "another digest",
            Some(ResumePoint {
                digest: other,
                ..good
            }),
            "unknown",
        ),
        ("revision 0", Some(rig.held(Revision(0))), "too_old"),
    ] {
        let before = rig.snapshots(cause);
        let (_handle, mut body, mode) = rig.open(held).await;
        assert_eq!(mode, Mode::Snapshot, "{name}");
        assert_eq!(rig.snapshots(cause), before + 1, "{name}");
        let mut node = Node::default();
        node.follow(&mut body, &rig.history, Revision(21)).await;
    }
    assert_eq!(rig.open(Some(good)).await.2, Mode::Resume);
}

#[tokio::test]
async fn frames_that_overlap_what_is_held_are_harmless() {
    let mut rig = Rig::new(History::new(3), 5).await;
    // All of it becomes one frame, or few.
    rig.commit(40);
    rig.settle().await;
    let (_handle, mut body, _) = rig.open(Some(rig.held(Revision(1)))).await;
    let mut node = Node::at(&rig.history, rig.held(Revision(1)));
    node.follow(&mut body, &rig.history, rig.history.newest())
        .await;
    let everything = node.bytes.clone();
    for revision in 1..=rig.history.newest().0 {
        let mut ahead = Node::at(&rig.history, rig.held(Revision(revision)));
        ahead.receive(&everything, &rig.history);
        assert_eq!(ahead.revision, rig.history.newest());
    }
}

#[tokio::test]
async fn a_commit_that_nodes_are_not_shown_still_moves_them_on() {
    let mut rig = Rig::new(History::new(4), 5).await;
    let (_handle, mut body, _) = rig.open(None).await;
    let mut node = Node::default();
    node.follow(&mut body, &rig.history, Revision(1)).await;
    let namespace = portolan_model::Namespace {
        meta: rig
            .history
            .state(Revision(1))
            .cluster()
            .unwrap()
            .meta
            .clone(),
        spec: portolan_model::NamespaceSpec::default(),
    };
    let commit = rig.history.add(vec![Change::create(namespace)]);
    assert!(rig.cache.publish([commit]));
    node.follow(&mut body, &rig.history, Revision(2)).await;
}

#[tokio::test]
async fn an_unchanged_sibling_of_a_changed_endpoint_is_not_sent_again() {
    let mut history = History::new(5);
    let service = loop {
        history.commit();
        let newest = history.state(history.newest());
        let mut services = newest.services_after(None, None);
        let found = services
            .find(|s| newest.endpoints_of(s).filter(|e| e.ready).count() >= 3)
            .cloned();
        if let Some(found) = found {
            break found;
        }
    };
    let mut rig = Rig::new(history, 5).await;
    let newest = rig.history.newest();
    let mut node = Node::at(&rig.history, rig.held(newest));
    let (_handle, mut body, _) = rig.open(Some(rig.held(newest))).await;
    let known = rig
        .history
        .state(newest)
        .endpoints_of(&service)
        .find(|e| e.ready)
        .cloned()
        .unwrap();
    let after = portolan_model::Endpoint {
        weight: known.weight + 1,
        ..(*known).clone()
    };
    let commit = rig.history.add(vec![Change::update(known.clone(), after)]);
    assert!(rig.cache.publish([commit]));
    node.follow(&mut body, &rig.history, rig.history.newest())
        .await;
    let state = rig.history.state(newest);
    for sibling in state.endpoints_of(&service).filter(|e| e.uid != known.uid) {
        let uid = sibling.uid.as_bytes();
        assert!(
            !node.bytes.windows(16).any(|window| window == uid),
            "{} was sent",
            sibling.name
        );
    }
}

#[tokio::test]
async fn a_restart_gives_the_same_digests_and_bytes() {
    let mut history = History::new(6);
    for _ in 0..60 {
        history.commit();
    }
    let mut live = Rig::new(history.cut(Revision(30), 1), 1000).await;
    live.history = history.cut(history.newest(), 1);
    let commits = live.history.loaded(1000).tail;
    assert!(live.cache.publish(commits));
    live.settle().await;
    let mut again = Rig::new(history, 1000).await;
    for revision in 1..=live.history.newest().0 {
        let held = live.held(Revision(revision));
        let newest = live.history.newest();
        let mut ends = Vec::new();
        for rig in [&mut live, &mut again] {
            let (_handle, mut body, mode) = rig.open(Some(held)).await;
            assert_eq!(mode, Mode::Resume, "revision {revision}");
            let mut node = Node::at(&rig.history, held);
            node.follow(&mut body, &rig.history, newest).await;
            ends.push(rig.distributor.head());
        }
        assert_eq!(ends[0], ends[1]);
    }
}

#[tokio::test]
async fn a_new_epoch_has_every_node_connect_again() {
    let mut history = History::new(9);
    for _ in 0..20 {
        history.commit();
    }
    let fork = history.cut(Revision(15), 77);
    let mut rig = Rig::new(history, 10).await;
    let held = rig.held(rig.history.newest());
    let (handle, mut body) = stream(trailers);
    let hello = registered(rig.history.state(Revision(1)), 1);
    rig.admit(&handle, hello, Some(held)).await;
    let mut node = Node::at(&rig.history, held);
    while node.bookmarks == 0 {
        node.read(&mut body, &rig.history).await;
    }
    let mut fork = fork;
    while fork.newest() < rig.history.newest() {
        fork.commit();
    }
    rig.cache.reset(fork.loaded(100));
    node.finish(&mut body, &rig.history).await;
    assert_eq!(node.resync, Some(Reason::Fork.into()));
    assert_eq!(node.ended.as_deref(), Some("complete"));
    // What it holds has the head's revision, but is no state of this history.
    let (_handle, mut body, mode) = rig.open(Some(held)).await;
    assert_eq!(mode, Mode::Snapshot);
    rig.history = fork;
    Node::default()
        .follow(&mut body, &rig.history, held.revision)
        .await;
    // What both histories share can be gone on from.
    let shared = rig.held(Revision(15));
    assert_eq!(rig.open(Some(shared)).await.2, Mode::Resume);
    assert!(!bodies(rig.history.state(Revision(15))).is_empty());
}

#[tokio::test]
async fn a_burst_of_costly_commits_is_projected_together_and_leads_to_the_same_state() {
    let mut history = History::new(10);
    history.crowd(300);
    let first = history.newest();
    let mut rig = Rig::new(history, 5).await;
    // 60 times 300 views are more than a frame takes one by one.
    let commits: Vec<_> = (0..60).map(|_| rig.history.flip_commit()).collect();
    assert!(rig.cache.publish(commits));
    rig.settle().await;
    let newest = rig.history.newest();
    let mut modes = Vec::new();
    for revision in (first.0..=newest.0).step_by(6) {
        let held = rig.held(Revision(revision));
        let (_handle, mut body, mode) = rig.open(Some(held)).await;
        let mut node = match mode {
            Mode::Resume => Node::at(&rig.history, held),
            Mode::Snapshot => Node::default(),
        };
        node.follow(&mut body, &rig.history, newest).await;
        modes.push(mode);
    }
    assert_eq!(
        modes[0],
        Mode::Resume,
        "frames begin at a state that is known"
    );
    assert_eq!(modes[1], Mode::Resume, "the budget reaches so far");
    assert_eq!(
        modes[9],
        Mode::Snapshot,
        "beyond it, what lies between is not known"
    );
    assert_eq!(
        modes[10],
        Mode::Resume,
        "frames end at a state that is known"
    );
}
