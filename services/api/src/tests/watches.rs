//! Watches: what fits, without gaps, to an orderly end.

mod bookmarks;
mod clusters;
mod events;
mod statuses;
mod workloads;

use futures_util::StreamExt;
use portolan_allocator::{Action, NewService, Params, ServiceAction};
use portolan_model::query::Filter;
use portolan_model::{Change, Digest, Revision, Service, Timestamp};
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType::{Added, Bookmark, Deleted, Modified, Status, Synced};
use portolan_store::Commit;
use tonic::{Code, Request};
use v1::WatchEventType;
use v1::service_api_client::ServiceApiClient;
use v1::service_api_server::ServiceApi;

use super::{DEADLINE, NAMESPACE, Server, scoped, spec, why};
use crate::watch::{Scope, WatchStream};

/// A watch by the handler itself.
struct Watch(WatchStream<v1::WatchServicesResponse>);

/// Type, name and revision of an event.
type Told = (WatchEventType, String, u64);

impl Watch {
    async fn open(server: &Server, filter: &str, from_revision: u64) -> Self {
        let request = request(filter, from_revision);
        let opened = server.api.watch_services(Request::new(request)).await;
        Self(opened.unwrap().into_inner())
    }

    async fn message(&mut self) -> Result<v1::WatchServicesResponse, tonic::Status> {
        let next = tokio::time::timeout(DEADLINE, self.0.next()).await;
        next.expect("something comes").expect("a status ends it")
    }

    async fn next(&mut self) -> Told {
        let event = self.message().await.unwrap();
        let service = event.service.as_ref().map(|service| &service.name);
        let last = service.and_then(|name| name.rsplit('/').next());
        let last = last.unwrap_or_default().to_owned();
        (event.r#type(), last, event.revision)
    }

    /// Events of the log, up to a revision, without those that only tell how far it is.
    async fn until(&mut self, revision: u64) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let event = self.next().await;
            let is_there = event.2 >= revision;
            if !matches!(event.0, Status | Bookmark) {
                all.push(event);
            }
            if is_there {
                return all;
            }
        }
    }
}

fn request(filter: &str, from_revision: u64) -> v1::WatchServicesRequest {
    v1::WatchServicesRequest {
        parent: NAMESPACE.to_owned(),
        from_revision,
        filter: filter.to_owned(),
        store_id: String::new(),
    }
}

fn told(event_type: WatchEventType, name: &str, revision: u64) -> Told {
    (event_type, name.to_owned(), revision)
}

#[tokio::test]
async fn what_comes_to_fit_is_added_and_what_no_longer_fits_is_deleted() {
    let server = Server::start().await;
    server.put_service("a", &[("app", "web")]).await;
    let start = server.put_service("b", &[("app", "db")]).await;
    let mut watch = Watch::open(&server, "labels.app = web", 0).await;
    assert_eq!(watch.next().await, told(Added, "a", 0), "more follows");
    assert_eq!(watch.next().await, told(Synced, "", start));

    let into = server.put_service("b", &[("app", "web")]).await;
    let within = server.put_service("b", &[("app", "web"), ("x", "y")]).await;
    server.put_service("c", &[("app", "db")]).await;
    let out = server.put_service("a", &[("app", "db")]).await;
    server.delete_service("c").await;
    let gone = server.delete_service("b").await;
    let want = [
        told(Added, "b", into),
        told(Modified, "b", within),
        told(Deleted, "a", out),
        told(Deleted, "b", gone),
    ];
    assert_eq!(watch.until(gone).await, want);
    for from in [start, into, within, out] {
        let mut resumed = Watch::open(&server, "labels.app = web", from).await;
        let rest: Vec<_> = want.iter().filter(|e| e.2 > from).cloned().collect();
        assert_eq!(resumed.until(gone).await, rest, "from {from}");
    }
    let mut resumed = Watch::open(&server, "labels.app = web", within).await;
    let last = resumed.message().await.unwrap().service.unwrap();
    assert_eq!(last.labels["app"], "web", "its last state that fitted");
}

#[tokio::test]
async fn only_the_last_event_of_a_revision_carries_it() {
    let server = Server::start().await;
    let start = server.put_service("a", &[]).await;
    let mut watch = Watch::open(&server, "", start).await;
    let new = |name: &str| NewService {
        key: scoped(name),
        params: Params {
            spec: spec(),
            ..Params::default()
        },
    };
    let three = ["b", "c", "d"].map(new).into();
    let written = server.submit(Action::Service(ServiceAction::CreateAll(three)));
    let revision = written.await.revision.0;
    let want = [
        told(Added, "b", 0),
        told(Added, "c", 0),
        told(Added, "d", revision),
    ];
    assert_eq!(watch.until(revision).await, want);
}

#[tokio::test]
async fn what_is_created_anew_within_a_revision_is_another_resource() {
    let server = Server::start().await;
    let find = || {
        let state = server.allocator.cache().state();
        state.service(&scoped("a")).cloned().unwrap()
    };
    server.put_service("a", &[]).await;
    let old = find();
    server.delete_service("a").await;
    server.put_service("a", &[]).await;
    let new = find();
    let gone = Change {
        before: Some(old.clone().into()),
        after: None,
    };
    let commit = Commit {
        revision: Revision(9),
        token: old.meta.uid,
        committed_at: Timestamp(1),
        traceparent: String::new(),
        digest: Digest::default(),
        changes: vec![gone, Change::create(new.clone())],
    };
    let scope = Scope::<Service> {
        namespace: None,
        filter: Filter::default(),
    };
    let events = scope.events(&commit, None).into_iter();
    let events = events.map(|e| (e.event_type, e.object.unwrap().meta.uid, e.revision.0));
    let want = [(Deleted, old.meta.uid, 0), (Added, new.meta.uid, 9)];
    assert!(events.eq(want));
}

#[tokio::test]
async fn another_stores_revision_means_nothing() {
    let server = Server::start().await;
    let revision = server.put_service("a", &[]).await;
    let mut watch = Watch::open(&server, "", 0).await;
    let [first, synced] = [watch.message().await, watch.message().await].map(Result::unwrap);
    assert_eq!((first.revision, first.store_id), (0, String::new()));
    assert_eq!(synced.revision, revision);
    let own = server.allocator.cache().store_id().to_string();
    assert_eq!(synced.store_id, own);
    let none = "00000000-0000-0000-0000-000000000000".to_owned();
    let refused = |code, reason: &str| Some((code, reason.to_owned()));
    for (store_id, reason) in [
        (own, None),
        (none, refused(Code::OutOfRange, "STORE_RELOADED")),
        (
            "x".to_owned(),
            refused(Code::InvalidArgument, "FIELD_INVALID"),
        ),
    ] {
        let request = v1::WatchServicesRequest {
            store_id,
            ..request("", revision)
        };
        let opened = server.api.watch_services(Request::new(request)).await;
        assert_eq!(opened.err().map(|status| why(&status)), reason);
    }
}

#[tokio::test]
async fn a_filter_on_endpoints_follows_the_endpoints() {
    let server = Server::start().await;
    let start = server.put_pair("a", false).await;
    let filter = "ready OR labels.keep = yes";
    let mut watch = Watch::open(&server, filter, 0).await;
    assert_eq!(watch.next().await, told(Synced, "", start));
    let up = server.put_workload("a", &[("app", "a")], true).await;
    let down = server.put_workload("a", &[("app", "a")], false).await;
    let both = server.put_pair("b", true).await;
    let unmatched = server.put_workload("b", &[("app", "other")], true).await;
    let want = [
        told(Added, "a", up),
        told(Deleted, "a", down),
        told(Added, "b", both),
        told(Deleted, "b", unmatched),
    ];
    assert_eq!(watch.until(unmatched).await, want);
    for from in [start, up, down, both] {
        let mut resumed = Watch::open(&server, filter, from).await;
        let rest: Vec<_> = want.iter().filter(|e| e.2 > from).cloned().collect();
        assert_eq!(resumed.until(unmatched).await, rest, "from {from}");
    }
}

#[tokio::test]
async fn a_watch_that_is_not_read_is_cut_and_told_to_resume() {
    let server = Server::start().await;
    let start = server.put_service("a", &[]).await;
    let mut client = ServiceApiClient::new(server.connect().await);
    let mut watch = client
        .watch_services(request("", start))
        .await
        .unwrap()
        .into_inner();
    let first = server.put_service("a", &[("app", "x")]).await;
    assert_eq!(watch.message().await.unwrap().unwrap().revision, first);

    // Nobody reads while more is committed than is kept, and more than the connection's windows hold.
    server.flood().await;
    server.flood_again().await;
    let (mut last, mut count) = (first, 0_u32);
    let cut = loop {
        match tokio::time::timeout(DEADLINE, watch.message())
            .await
            .unwrap()
        {
            Ok(Some(event)) if event.r#type() == Status => {}
            // More of its revision follows.
            Ok(Some(event)) if event.revision == 0 => count += 1,
            Ok(Some(event)) => {
                assert!(
                    event.revision == last || event.revision == last + 1,
                    "no gaps"
                );
                last = event.revision;
                count += 1;
            }
            Ok(None) => panic!("ended without a status after {count} events"),
            Err(status) => break status,
        }
    };
    assert_eq!(why(&cut), (Code::Aborted, "WATCH_TOO_SLOW".to_owned()));
    assert!(cut.message().contains("resume"));
    assert!(last < server.revision(), "it was cut before the end");

    // Too far behind for that: it has to start again.
    let resumed = client.watch_services(request("", last)).await;
    let resumed = resumed.expect_err("nothing older is kept");
    assert_eq!(
        why(&resumed),
        (Code::OutOfRange, "REVISION_COMPACTED".to_owned())
    );
}

#[tokio::test]
async fn a_server_that_ends_tells_how_far_it_came() {
    let server = Server::start().await;
    let mut watch = Watch::open(&server, "", 0).await;
    assert_eq!(watch.next().await.0, Synced);
    let last = server.put_service("a", &[]).await;
    server.api.drain();
    assert_eq!(watch.next().await, told(Added, "a", last));
    assert_eq!(watch.next().await, told(Bookmark, "", last));
    let end = watch.message().await.unwrap_err();
    assert_eq!(why(&end), (Code::Unavailable, "SHUTTING_DOWN".to_owned()));
    assert!(watch.0.next().await.is_none());
}
