//! What watches tell of events.

use futures_util::StreamExt;
use portolan_model::{Event, EventType, Timestamp, Uid};
use portolan_proto::v1;
use portolan_proto::v1::WatchEventType::{Added, Bookmark, Modified, Synced};
use tonic::{Code, Request};
use v1::event_api_server::EventApi;

use super::super::{DEADLINE, NAMESPACE, Server};

#[tokio::test]
async fn events_are_followed_and_counted_up() {
    let server = Server::start().await;
    let happened = |reason: &str| Event {
        object: "namespaces/default/services/web".to_owned(),
        object_uid: Uid::from_random(5),
        event_type: EventType::Warning,
        reason: reason.to_owned(),
        message: "m".to_owned(),
        component: "test".to_owned(),
        count: 1,
        first_at: Timestamp(1),
        last_at: Timestamp(2),
    };
    let request = v1::WatchEventsRequest {
        parent: NAMESPACE.to_owned(),
        filter: "reason = Full".to_owned(),
    };
    let opened = server.api.watch_events(Request::new(request)).await;
    let mut watch = opened.unwrap().into_inner();
    let mut next = async || {
        let next = tokio::time::timeout(DEADLINE, watch.next()).await;
        let event = next.unwrap().unwrap().unwrap();
        let count = event.event.as_ref().map_or(0, |event| event.count);
        (event.r#type(), count)
    };
    assert_eq!(next().await, (Synced, 0));
    server.events.record([happened("Other"), happened("Full")]);
    assert_eq!(next().await, (Added, 1));
    server.events.record([happened("Full")]);
    assert_eq!(next().await, (Modified, 2));
    server.api.drain();
    assert_eq!(next().await.0, Bookmark);
    let end = watch.next().await.unwrap().unwrap_err();
    assert_eq!(end.code(), Code::Unavailable);
}
