//! A stream that goes as it should.

use portolan_model::{Object, Revision};
use portolan_proto::node::v1::sync_request::Message as Say;
use portolan_proto::node::v1::sync_response::Message as Hear;
use portolan_proto::node::v1::welcome::Mode;
use portolan_proto::node::v1::{
    Ack, HealthReport, Heartbeat, Kind, ObjectRef, Rejection, WorkloadHealth,
};
use portolan_store::Store;
use tonic::Code;

use super::plugin::{Plugin, hello};
use super::{Server, described, eventually, name};
use portolan_model::view::ViewKind;

#[tokio::test]
async fn a_node_registers_itself_follows_and_resumes() {
    let server = Server::start(true).await;
    let (mut plugin, welcome) = Plugin::join(&server, hello("node-1", 1)).await;
    assert_eq!(
        (welcome.mode(), welcome.replica.as_str()),
        (Mode::Snapshot, "test")
    );
    let state = server.cluster.allocator.cache().state();
    let node = state.node(&name("node-1")).unwrap().clone();
    assert_eq!(node.spec, described());
    assert_eq!(welcome.node_uid, node.meta.uid.as_bytes());
    assert_eq!(welcome.store_id, server.store.store_id().as_bytes());
    plugin.follow(state.revision()).await;
    let newest = server.put_node("node-2").await;
    plugin.follow(newest).await;
    let nodes = plugin
        .objects
        .keys()
        .filter(|key| key.kind == ViewKind::Node);
    assert_eq!(nodes.count(), 2);
    plugin.acknowledge().await;
    let sessions = server.cluster.distributor.sessions().clone();
    eventually("the Ack counts", async || {
        sessions.acknowledged().get(&node.meta.uid) == Some(&newest)
    })
    .await;
    let held = plugin.resume();
    let objects = plugin.objects.clone();
    drop(plugin.hang_up());
    eventually("the node is gone", async || {
        !sessions.node_reports()[0].connected
    })
    .await;
    let later = server.put_node("node-3").await;
    let mut again = hello("node-1", 2);
    again.resume = Some(held);
    let (mut plugin, welcome) = Plugin::join(&server, again).await;
    assert_eq!(welcome.mode(), Mode::Resume);
    (plugin.objects, plugin.revision) = (objects, newest);
    plugin.follow(later).await;
    // A Bookmark compares digests.
    let Hear::Bookmark(bookmark) = plugin.hear().await.unwrap() else {
        panic!("no Bookmark")
    };
    assert_eq!(bookmark.digest, plugin.resume().digest);
}

#[tokio::test]
async fn a_second_session_replaces_the_first_and_an_older_one_is_refused() {
    let server = Server::start(true).await;
    let (mut first, _) = Plugin::join(&server, hello("node-1", 5)).await;
    let mut older = Plugin::connect(&server).await;
    older.say(Say::Hello(hello("node-1", 5))).await;
    assert_eq!(older.end().await.code(), Code::Aborted);
    let (mut second, _) = Plugin::join(&server, hello("node-1", 6)).await;
    let status = first.end().await;
    assert_eq!(status.code(), Code::Aborted);
    assert!(status.message().contains("newer stream"), "{status:?}");
    let newest = server.put_node("node-2").await;
    second.follow(newest).await;
}

#[tokio::test]
async fn readiness_is_committed_before_it_is_acknowledged() {
    let server = Server::start(true).await;
    let (mut plugin, _) = Plugin::join(&server, hello("node-1", 3)).await;
    let outcome = server.put_workload("web-1", "node-1").await;
    let Object::Workload(workload) = outcome.objects[0].clone() else {
        panic!()
    };
    plugin.follow(outcome.revision).await;
    let health = |seq, serving| {
        Say::Health(HealthReport {
            seq,
            full: true,
            items: vec![WorkloadHealth {
                workload_uid: workload.meta.uid.as_bytes().to_vec(),
                probe_generation: workload.probe_generation,
                serving,
                age_ms: 0,
                reason: String::new(),
            }],
        })
    };
    for (seq, serving) in [(1, true), (2, false), (3, false)] {
        plugin.say(health(seq, serving)).await;
        let Hear::HealthAck(ack) = plugin.message().await.unwrap() else {
            panic!("no HealthAck")
        };
        assert_eq!(ack.seq, seq);
        let state = server.cluster.allocator.cache().state();
        let health = state
            .workload_by_uid(workload.meta.uid)
            .unwrap()
            .readiness
            .clone()
            .unwrap();
        assert_eq!(
            (health.serving, health.session),
            (serving, 3),
            "report {seq}"
        );
    }
    // A session that a newer one has fenced off speaks for nobody.
    let (mut older, _) = {
        drop(plugin);
        let sessions = server.cluster.distributor.sessions().clone();
        eventually("the node is gone", async || {
            !sessions.node_reports()[0].connected
        })
        .await;
        Plugin::join(&server, hello("node-1", 2)).await
    };
    older.say(health(1, true)).await;
    assert_eq!(older.end().await.code(), Code::Aborted);
}

#[tokio::test]
async fn what_a_node_rejects_is_listed_and_told() {
    let server = Server::start(true).await;
    let (mut plugin, _) = Plugin::join(&server, hello("node-1", 1)).await;
    let outcome = server.put_service("web").await;
    let service = outcome.objects[0].uid();
    plugin.follow(outcome.revision).await;
    let reference = |uid: &[u8]| ObjectRef {
        kind: Kind::Service.into(),
        uid: uid.to_vec(),
    };
    let rejection = |uid: &[u8], since_revision, code: &str| Rejection {
        r#ref: Some(reference(uid)),
        since_revision,
        code: code.to_owned(),
        message: "x".repeat(1000),
    };
    let rejected = vec![
        rejection(service.as_bytes(), outcome.revision.0, "PORT_IN_USE"),
        rejection(&[7; 16], outcome.revision.0, "not a word"),
        rejection(b"short", 3, "INTERNAL"),
    ];
    let applied = Ack {
        attempted: plugin.revision.0,
        durable: plugin.revision.0,
        ..Ack::default()
    };
    let ack = Ack {
        rejected,
        ..applied.clone()
    };
    plugin.say(Say::Ack(ack)).await;
    let sessions = server.cluster.distributor.sessions().clone();
    eventually("rejections are listed", async || {
        sessions.node_reports()[0].rejected.len() == 2
    })
    .await;
    let row = sessions.node_reports().remove(0);
    let mut listed = row.rejected.iter();
    let rejected = listed.find(|r| r.object.uid == service).unwrap();
    let told = (rejected.object.kind.as_str(), rejected.code.as_str());
    assert_eq!(told, ("Service", "PORT_IN_USE"));
    assert_eq!(rejected.message.len(), 512);
    assert!(
        row.rejected.iter().any(|r| r.code.as_str() == "INTERNAL"),
        "other texts are no codes"
    );
    assert_eq!(
        sessions.acknowledged()[&row.uid],
        Revision(2),
        "what can't be read holds back, too"
    );
    people_are_told(&server, "namespaces/default/services/web", "PORT_IN_USE").await;
    let cleared = vec![reference(service.as_bytes()), reference(&[7; 16])];
    let ack = Ack { cleared, ..applied };
    plugin.say(Say::Ack(ack)).await;
    eventually("nothing is rejected", async || {
        sessions.node_reports()[0].rejected.is_empty()
    })
    .await;
}

async fn people_are_told(server: &Server, about: &str, reason: &str) {
    eventually("people are told", async || {
        let events = server
            .store
            .events(&name("default"), about, 10)
            .await
            .unwrap();
        events.iter().any(|event| event.reason == reason)
    })
    .await;
}

#[tokio::test]
async fn signs_of_life_and_descriptions_are_noted() {
    let server = Server::start(false).await;
    server.put_node("node-1").await;
    let (mut plugin, welcome) = Plugin::join(&server, hello("node-1", 1)).await;
    let sessions = server.cluster.distributor.sessions().clone();
    let uid = portolan_model::Uid::from_slice(&welcome.node_uid).unwrap();
    assert_eq!(
        sessions.described(uid),
        Some(described()),
        "it differs from what is registered"
    );
    let newest = server.put_node("node-2").await;
    plugin.follow(newest).await;
    plugin.acknowledge().await;
    eventually("it is applied", async || {
        sessions.node_reports()[0].attempted == newest
    })
    .await;
    let before = sessions.node_reports()[0].last_contact;
    plugin
        .say(Say::Heartbeat(Heartbeat {
            attempted: newest.0,
            durable: 2,
        }))
        .await;
    eventually("it is noted", async || {
        sessions.node_reports()[0].durable == Revision(2)
    })
    .await;
    assert!(sessions.node_reports()[0].last_contact >= before);
}

#[tokio::test]
async fn draining_sends_nodes_away_and_lets_none_in() {
    let server = Server::start(true).await;
    let (mut plugin, _) = Plugin::join(&server, hello("node-1", 1)).await;
    server.service.drain(50, 500);
    let Hear::Drain(drain) = plugin.message().await.unwrap() else {
        panic!("no Drain")
    };
    assert_eq!((drain.reconnect_after_ms, drain.spread_ms), (50, 500));
    assert_eq!(plugin.end().await.code(), Code::Ok);
    let url = format!("http://{}", server.address);
    let mut client = portolan_proto::node::v1::node_sync_client::NodeSyncClient::connect(url)
        .await
        .unwrap();
    let refused = client.sync(tokio_stream::empty()).await.err().unwrap();
    assert_eq!(refused.code(), Code::Unavailable);
}
