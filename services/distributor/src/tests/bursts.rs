//! More is committed than is made into frames meanwhile.

use portolan_model::Revision;
use portolan_store::TAIL_CHANGES;

use super::history::History;
use super::node::Node;
use super::{Mode, Rig};
use crate::{StreamBody, StreamHandle};

const NODES: u64 = 60;

/// A node that has the newest state when it connects.
async fn joined(rig: &mut Rig) -> (StreamHandle, StreamBody, Node) {
    let held = rig.held(rig.history.newest());
    let (handle, body, mode) = rig.open(Some(held)).await;
    assert_eq!(mode, Mode::Resume);
    (handle, body, Node::at(&rig.history, held))
}

/// Commits at once, with more between them than the log in memory has room for. On the one thread of these tests nobody
/// makes a frame meanwhile.
fn burst(rig: &mut Rig, commits: usize) {
    let mut all: Vec<_> = (0..commits).map(|_| rig.history.commit()).collect();
    all.push(rig.history.unseen_commit(TAIL_CHANGES));
    all.extend((0..commits).map(|_| rig.history.commit()));
    let oldest = all[0].revision;
    assert!(rig.cache.publish(all), "the history fits the cache");
    let known = rig.cache.commits_after(Revision(oldest.0 - 1));
    assert!(known.is_err(), "the log in memory reaches back to {oldest}");
}

#[tokio::test]
async fn a_burst_beyond_the_log_in_memory_has_no_node_start_over() {
    let mut history = History::new(200);
    for _ in 0..20 {
        history.commit();
    }
    let mut rig = Rig::new(history, 5).await;
    let mut nodes = Vec::new();
    for _ in 0..NODES {
        nodes.push(joined(&mut rig).await);
    }
    for commits in [1, 12] {
        burst(&mut rig, commits);
        for (_, body, node) in &mut nodes {
            node.follow(body, &rig.history, rig.history.newest()).await;
        }
        // And then as usual.
        rig.commit(5);
        for (_, body, node) in &mut nodes {
            node.follow(body, &rig.history, rig.history.newest()).await;
        }
    }
    for (_, _, node) in &nodes {
        assert_eq!((node.snapshots, node.resync, node.leaps), (0, None, 2));
    }
    for cause in ["holds_nothing", "other_store", "too_old", "unknown"] {
        assert_eq!(rig.snapshots(cause), 0, "{cause}");
    }
}

#[tokio::test]
async fn who_was_away_during_a_burst_goes_on_if_it_had_the_state_before_it() {
    let mut rig = Rig::new(History::new(210), 5).await;
    rig.commit(10);
    rig.settle().await;
    let before = rig.held(rig.history.newest());
    burst(&mut rig, 4);
    rig.settle().await;
    let newest = rig.history.newest();
    for (revision, mode) in [
        (before.revision.0, Mode::Resume),
        (before.revision.0 + 2, Mode::Snapshot),
        (newest.0, Mode::Resume),
    ] {
        let held = rig.held(Revision(revision));
        let (_handle, mut body, begun) = rig.open(Some(held)).await;
        assert_eq!(begun, mode, "revision {revision}");
        let mut node = match mode {
            Mode::Resume => Node::at(&rig.history, held),
            Mode::Snapshot => Node::default(),
        };
        node.follow(&mut body, &rig.history, newest).await;
    }
}

#[test]
fn what_differs_between_two_states_leads_from_one_to_the_other() {
    for seed in 220..224 {
        let mut history = History::new(seed);
        for _ in 0..60 {
            history.commit();
        }
        for (from, to) in [(0, 60), (1, 2), (10, 40), (40, 10), (30, 30)] {
            let (from, to) = (
                history.state(Revision(from)).clone(),
                history.state(Revision(to)),
            );
            let changes = to.changes_since(&from);
            let mut reached = from.clone();
            reached.apply_all(to.revision(), &changes);
            assert_eq!(reached.digest(), to.digest(), "seed {seed}");
            let is_same = from.revision() == to.revision();
            assert_eq!(changes.is_empty(), is_same, "seed {seed}");
        }
    }
}
