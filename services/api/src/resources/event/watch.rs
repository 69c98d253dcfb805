//! `WatchEvents`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use portolan_model::{Event, State};
use portolan_proto::convert::cluster;
use portolan_proto::v1;
use tonic::{Response, Status};

use super::about;
use crate::api::Api;
use crate::listing::filter;
use crate::shape::parse;
use crate::status::from_store;
use crate::watch::WatchStream;
use crate::watch::polled::{Poll, polled};

/// Events are written in bulk about as often, by every replica: they are looked for in the store.
const PAUSE: Duration = Duration::from_secs(1);
/// Events that are looked at: more at once are told of only in part.
const NEWEST: usize = 1000;

pub(super) fn watch(
    api: &Api,
    m: &v1::WatchEventsRequest,
) -> Result<Response<WatchStream<v1::WatchEventsResponse>>, Status> {
    let (filter, name, below) = parse(|v| {
        let filter = filter::<Event>(&m.filter, v);
        let (name, below) = about(&m.parent, v)?;
        Some((Arc::new(filter), name, below))
    })?;
    let access = api.cluster(&name)?;
    let read = move || {
        let (filter, below, events) = (filter.clone(), below.clone(), access.events.clone());
        Box::pin(async move {
            let newest = events
                .newest(&below, NEWEST)
                .await
                .map_err(|error| from_store(&error))?;
            let fits = |event: &Event| filter.matches(&State::default(), event);
            Ok(newest.into_iter().filter(fits).collect())
        }) as _
    };
    let events = polled(Poll {
        read: Box::new(read),
        pause: PAUSE,
        identity: None,
        stopping: api.stopping(),
    });
    let stream = events.map(move |event| {
        let (event_type, event) = event?;
        Ok(v1::WatchEventsResponse {
            r#type: event_type.into(),
            event: event.map(|event| cluster::event(name.as_str(), &event)),
        })
    });
    Ok(Response::new(stream.boxed()))
}
