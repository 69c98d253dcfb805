//! `WatchClusters`.

use std::time::Duration;

use futures_util::StreamExt;
use portolan_model::{Cluster, State};
use portolan_proto::convert::cluster;
use portolan_proto::v1;
use tonic::{Response, Status};

use crate::api::Api;
use crate::listing::filter;
use crate::shape::parse;
use crate::watch::WatchStream;
use crate::watch::polled::{Poll, polled};

/// Clusters come, change and go rarely, and every one has a log of its own: they are looked at.
const PAUSE: Duration = Duration::from_millis(250);

pub(super) fn watch(
    api: &Api,
    m: &v1::WatchClustersRequest,
) -> Result<Response<WatchStream<v1::WatchClustersResponse>>, Status> {
    let filter = parse(|v| Some(filter::<Cluster>(&m.filter, v)))?;
    let clusters = api.clone();
    let read = move || {
        let all = clusters.clusters().into_iter();
        let all = all.map(|access| access.state());
        let found = all.filter_map(|state| {
            let cluster = state.cluster()?;
            // No column of a cluster looks at a state.
            let fits = filter.matches(&State::default(), cluster);
            fits.then(|| (**cluster).clone())
        });
        let found = Ok(found.collect());
        Box::pin(async { found }) as _
    };
    let events = polled(Poll {
        read: Box::new(read),
        pause: PAUSE,
        identity: Some(|cluster: &Cluster| cluster.meta.uid),
        stopping: api.stopping(),
    });
    let api = api.clone();
    let stream = events.map(move |event| {
        let (event_type, found) = event?;
        Ok(v1::WatchClustersResponse {
            r#type: event_type.into(),
            cluster: found.map(|found: Cluster| {
                // A cluster that is gone has no state.
                let access = api.cluster(&found.meta.name).ok();
                let state = access.map(|access| access.state());
                cluster::to_wire(&state.unwrap_or_default(), &found)
            }),
        })
    });
    Ok(Response::new(stream.boxed()))
}
