//! What no message has room for: nobody can write it, and were it stored all the same, it costs nobody else anything.

use std::sync::Arc;

use portolan_model::view::{ViewKey, ViewKind};
use portolan_model::{Change, ProbePort, Record, RejectionCode, Revision, Uid, Workload};
use portolan_model::{Probe, ProbeAction, Scoped};
use portolan_proto::node::v1::sync_response::Message as Hear;
use portolan_store::{Commit, Store, Transaction, Write};

use super::plugin::{Plugin, hello};
use super::{Server, eventually, name};

/// Writes past the allocator, and so past every check.
async fn write_directly(server: &Server, change: Change) -> Revision {
    let cache = server.cluster.allocator.cache();
    let mut state = (*cache.state()).clone();
    let (store, name) = (&server.store, name("default"));
    let locked = store.lock_and_read_after(&name, state.revision()).await;
    let locked = locked.unwrap();
    let revision = state.revision().next();
    let records: Vec<Record> = vec![state.apply(&change)];
    let commit = Commit {
        revision,
        token: Uid::from_random(revision.0.into()),
        committed_at: locked.now,
        traceparent: String::new(),
        digest: state.digest(),
        changes: vec![change],
    };
    let write = Write {
        commit: Arc::new(commit.clone()),
        records,
        audit: Vec::new(),
    };
    locked.transaction.commit(&write).await.unwrap();
    // The committer may have learned of it by itself.
    let _ = cache.publish([commit]);
    revision
}

/// The workload `large`, with a probe that takes six million octets.
fn grown(server: &Server) -> Change {
    let key = Scoped::new(name("default"), name("large"));
    let before = server.cluster.state().workload(&key).cloned().unwrap();
    let probe = before.spec.probe.clone().unwrap();
    let mut after: Workload = (*before).clone();
    after.spec.probe = Some(Probe {
        action: ProbeAction::HttpGet {
            port: ProbePort::Number(80),
            path: format!("/{}", "a".repeat(3_000_000)),
            host: "b".repeat(3_000_000),
            headers: Vec::new(),
        },
        ..probe
    });
    Change::update(before, after)
}

fn rejected(server: &Server) -> Vec<(ViewKey, Revision, RejectionCode)> {
    let reports = server.cluster.distributor.sessions().node_reports();
    let rejected = reports.into_iter().flat_map(|report| report.rejected);
    rejected.map(|r| (r.object, r.since, r.code)).collect()
}

/// What a node holds is what a Bookmark says that it should.
async fn compares(plugin: &mut Plugin) {
    match plugin.hear().await.unwrap() {
        Hear::Bookmark(bookmark) => assert_eq!(bookmark.digest, plugin.resume().digest),
        other => panic!("no Bookmark but {other:?}"),
    }
}

#[tokio::test]
async fn an_object_too_large_for_the_stream_is_listed_and_all_else_reaches_every_node() {
    let server = Server::start(true).await;
    let (mut plugin, _) = Plugin::join(&server, hello("node-1", 1)).await;
    let large = server.put_workload("large", "node-1").await;
    let large = ViewKey::new(ViewKind::Workload, large.objects[0].uid());
    plugin.follow(server.cluster.state().revision()).await;
    assert!(plugin.objects.contains_key(&large));
    let held = plugin.resume();
    let objects = plugin.objects.clone();

    let since = write_directly(&server, grown(&server)).await;
    let web = server.put_service("web").await;
    plugin.follow(web.revision).await;
    let key = ViewKey::new(ViewKind::Service, web.objects[0].uid());
    assert!(plugin.objects.contains_key(&key), "the others reach it");
    assert!(
        !plugin.objects.contains_key(&large),
        "a node holds nothing of it"
    );
    compares(&mut plugin).await;
    assert_eq!(
        rejected(&server),
        [(large, since, RejectionCode::LimitExceeded)]
    );

    // Whoever resumes from before, here or at a server that starts anew, comes to the same state.
    let restarted = Server::over(server.store.clone(), true).await;
    for (server, session) in [(&server, 2), (&restarted, 3)] {
        let mut again = hello("node-1", session);
        again.resume = Some(held.clone());
        let (mut plugin, _) = Plugin::join(server, again).await;
        (plugin.objects, plugin.revision) = (objects.clone(), Revision(held.revision));
        plugin.follow(web.revision).await;
        assert!(!plugin.objects.contains_key(&large));
        compares(&mut plugin).await;
        let listed: Vec<_> = rejected(server).into_iter().map(|(key, ..)| key).collect();
        assert_eq!(listed, [large]);
    }

    let state = server.cluster.state();
    let workload = state.workload_by_uid(large.uid).cloned().unwrap();
    write_directly(&server, Change::delete(workload)).await;
    eventually("it is listed no longer", async || {
        rejected(&server).is_empty()
    })
    .await;
}
