//! Who is there, and what counts of what they say.

use std::time::Duration;

use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{NodeReport, Rejection, RejectionCode, Revision, Timestamp, Uid};

use super::history::{History, hello, registered, without};
use super::node::Node;
use super::{Rig, trailers};
use crate::{Acknowledgement, NotAdmitted, ResumePoint, SessionId, stream};

fn rejection(number: u128, since: u64) -> Rejection {
    Rejection {
        object: ViewKey::new(ViewKind::Service, Uid::from_random(number)),
        since: Revision(since),
        code: RejectionCode::Internal,
        message: String::new(),
    }
}

fn report(attempted: u64, durable: u64) -> Acknowledgement {
    Acknowledgement {
        attempted: Revision(attempted),
        durable: Revision(durable),
        ..Acknowledgement::default()
    }
}

#[tokio::test]
async fn a_newer_session_replaces_the_older_stream_and_an_older_one_is_refused() {
    let rig = Rig::new(History::new(30), 5).await;
    let sessions = rig.distributor.sessions();
    let (first, mut body) = stream(trailers);
    rig.admit(&first, hello(1, 10), None).await;
    for session in [9, 10] {
        let (handle, _body) = stream(trailers);
        let refused = sessions.enter(hello(1, session), handle).err();
        assert_eq!(
            refused,
            Some(NotAdmitted::Superseded { open: 10 }),
            "session {session}"
        );
    }
    let (second, _second_body) = stream(trailers);
    rig.admit(&second, hello(1, 11), None).await;
    let (third, _third_body) = stream(trailers);
    let refused = sessions.enter(hello(1, 12), third.clone()).err();
    assert_eq!(
        refused,
        Some(NotAdmitted::TooMany),
        "two streams have not ended"
    );
    let mut node = Node::default();
    node.finish(&mut body, &rig.history).await;
    assert_eq!(node.ended.as_deref(), Some("replaced"));
    assert!(!second.has_ended());
    drop(body);
    assert!(sessions.enter(hello(1, 12), third).is_ok());
}

#[tokio::test]
async fn what_a_node_acknowledges_counts_up_to_what_it_was_sent_and_rejects() {
    let mut rig = Rig::new(History::new(31), 5).await;
    rig.commit(20);
    rig.settle().await;
    let (handle, mut body) = stream(trailers);
    let session = SessionId {
        uid: hello(1, 1).uid,
        number: 1,
    };
    rig.admit(&handle, hello(1, 1), None).await;
    let distributor = rig.distributor.clone();
    let settled = || distributor.sessions().acknowledged()[&session.uid].0;
    distributor
        .sessions()
        .heartbeat(session, Revision(15), Revision(15));
    assert_eq!(settled(), 0, "what it held before the snapshot");
    distributor.acknowledge(session, report(21, 21));
    assert_eq!(settled(), 0, "it was sent nothing yet");
    Node::default()
        .follow(&mut body, &rig.history, Revision(21))
        .await;
    let rejected = |list: Vec<Rejection>| Acknowledgement {
        rejected: list,
        ..report(21, 20)
    };
    let both = vec![rejection(1, 12), rejection(2, 7)];
    assert_eq!(
        distributor.acknowledge(session, rejected(both.clone())),
        both
    );
    assert_eq!(settled(), 6, "just before the lowest rejection");
    assert_eq!(
        distributor.acknowledge(session, rejected(both)),
        [],
        "known already"
    );
    let cleared = Acknowledgement {
        cleared: vec![rejection(2, 0).object],
        ..report(21, 20)
    };
    distributor.acknowledge(session, cleared);
    assert_eq!(settled(), 11);
    distributor.acknowledge(
        session,
        Acknowledgement {
            lost: Some(Revision(5)),
            ..report(21, 21)
        },
    );
    assert_eq!(settled(), 4, "what can't be listed holds back as well");
    let row = &distributor.sessions().node_reports()[0];
    assert_eq!(
        (row.attempted, row.durable, row.connected),
        (Revision(21), Revision(4), true)
    );
    let stale = SessionId {
        number: 0,
        ..session
    };
    distributor.acknowledge(stale, report(99, 99));
    assert_eq!(settled(), 4, "an older session does not speak for the node");
}

#[tokio::test]
async fn what_readers_are_told_of_all_nodes_is_renewed_soon() {
    let rig = Rig::new(History::new(33), 5).await;
    let (handle, mut body) = stream(trailers);
    let session = SessionId {
        uid: hello(1, 1).uid,
        number: 1,
    };
    rig.admit(&handle, hello(1, 1), None).await;
    let sessions = rig.distributor.sessions();
    let told = || sessions.reports().of(session.uid).map(|row| row.attempted);
    assert_eq!(told(), Some(Revision::ZERO));
    Node::default()
        .follow(&mut body, &rig.history, Revision(1))
        .await;
    rig.distributor.acknowledge(session, report(1, 1));
    let renewed = async {
        while told() != Some(Revision(1)) {
            tokio::task::yield_now().await;
        }
    };
    let renewed = tokio::time::timeout(Duration::from_secs(30), renewed).await;
    renewed.expect("it is told soon");
}

#[tokio::test]
async fn more_rejections_than_are_listed_still_hold_back() {
    let mut rig = Rig::new(History::new(32), 5).await;
    rig.commit(9);
    rig.settle().await;
    let (handle, mut body) = stream(trailers);
    let session = SessionId {
        uid: hello(1, 1).uid,
        number: 1,
    };
    rig.admit(&handle, hello(1, 1), None).await;
    Node::default()
        .follow(&mut body, &rig.history, Revision(10))
        .await;
    let many = (0..1500).map(|number| rejection(number, 3)).collect();
    rig.distributor.acknowledge(
        session,
        Acknowledgement {
            rejected: many,
            ..report(10, 10)
        },
    );
    let row = rig.distributor.sessions().node_reports().remove(0);
    assert_eq!(row.rejected.len(), 1000);
    let cleared = row.rejected.into_iter().map(|r| r.object).collect();
    rig.distributor.acknowledge(
        session,
        Acknowledgement {
            cleared,
            ..report(10, 10)
        },
    );
    assert_eq!(
        rig.distributor.sessions().acknowledged()[&session.uid],
        Revision(2)
    );
}

#[tokio::test]
async fn an_acknowledgement_of_a_history_that_is_gone_counts_no_more() {
    let mut rig = Rig::new(History::new(33), 5).await;
    rig.commit(9);
    rig.settle().await;
    let held = rig.held(Revision(10));
    let hello = hello(1, 1);
    let session = SessionId {
        uid: hello.uid,
        number: 1,
    };
    let (handle, _body) = stream(trailers);
    rig.admit(&handle, hello, Some(held)).await;
    rig.distributor
        .sessions()
        .heartbeat(session, Revision(10), Revision(10));
    assert_eq!(
        rig.distributor.sessions().acknowledged()[&session.uid],
        Revision(10)
    );
    rig.distributor.sessions().reset();
    rig.distributor
        .sessions()
        .heartbeat(session, Revision(10), Revision(10));
    assert_eq!(
        rig.distributor.sessions().acknowledged()[&session.uid],
        Revision::ZERO
    );
}

#[tokio::test]
async fn a_deleted_node_is_forgotten_and_its_stream_ends() {
    let history = History::new(34);
    let mut rig = Rig::new(history, 5).await;
    let newest = rig.history.newest();
    let hello = registered(rig.history.state(newest), 1);
    let (uid, node_name) = (hello.uid, hello.node.clone());
    let (handle, mut body) = stream(trailers);
    rig.admit(&handle, hello, None).await;
    let deletion = without(rig.history.state(newest), uid);
    let commit = rig.history.add(vec![deletion]);
    assert!(rig.cache.publish([commit]));
    let mut node = Node::default();
    node.finish(&mut body, &rig.history).await;
    assert_eq!(node.ended.as_deref(), Some("unregistered"));
    assert!(!rig.distributor.sessions().acknowledged().contains_key(&uid));
    assert_eq!(rig.distributor.sessions().forgotten(), [node_name]);
}

#[tokio::test]
async fn the_better_informed_row_wins() {
    let history = History::new(35);
    let rig = Rig::new(history, 5).await;
    let state = rig.cache.state();
    let now = crate::sessions::wall_clock();
    let ours = registered(&state, 5);
    let row = |session, connected, last_contact| NodeReport {
        node: ours.node.clone(),
        uid: ours.uid,
        session,
        connected,
        attempted: Revision(2),
        durable: Revision(2),
        rejected: Vec::new(),
        last_contact,
    };
    let sessions = rig.distributor.sessions();
    let known = || sessions.node_reports()[0].session;
    sessions.merge(&state, vec![row(4, true, now)]);
    assert_eq!(known(), 4, "nothing is known here");
    let (handle, _body) = stream(trailers);
    rig.admit(&handle, ours.clone(), None).await;
    for (name, row, session, ended) in [
        ("older", row(4, true, now), 5, false),
        ("our own, come back", row(5, true, now), 5, false),
        (
            "higher, but silent for long",
            row(9, true, Timestamp(0)),
            5,
            false,
        ),
        ("higher, but closed", row(9, false, now), 5, false),
        ("newer", row(9, true, now), 9, true),
    ] {
        sessions.merge(&state, vec![row]);
        assert_eq!((known(), handle.has_ended()), (session, ended), "{name}");
    }
    let stranger = NodeReport {
        uid: Uid::from_random(5),
        ..row(1, true, now)
    };
    sessions.merge(&state, vec![stranger]);
    assert_eq!(
        sessions.node_reports().len(),
        1,
        "nodes that are not registered don't count"
    );
}

#[tokio::test]
async fn what_nodes_report_is_shared_through_the_store() {
    use portolan_store::{MemStore, Store};
    let history = History::new(36);
    let here = Rig::new(history.cut(history.newest(), 1), 50).await;
    let there = Rig::new(history, 50).await;
    let store = MemStore::new();
    let tasks = [&here, &there].map(|rig| {
        tokio::spawn(crate::share_node_reports(
            store.clone(),
            rig.distributor.clone(),
        ))
    });
    let newest = here.history.newest();
    let hello = registered(here.history.state(newest), 3);
    let session = SessionId {
        uid: hello.uid,
        number: 3,
    };
    let (handle, _body) = stream(trailers);
    let held = ResumePoint {
        ..here.held(newest)
    };
    here.admit(&handle, hello, Some(held)).await;
    here.distributor
        .acknowledge(session, report(newest.0, newest.0));
    let known = async {
        while there
            .distributor
            .sessions()
            .acknowledged()
            .get(&session.uid)
            != Some(&newest)
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(super::DEADLINE, known)
        .await
        .expect("the other replica learns of it");
    assert_eq!(
        store
            .node_reports(here.cache.cluster())
            .await
            .unwrap()
            .len(),
        1
    );
    for task in tasks {
        task.abort();
    }
}
