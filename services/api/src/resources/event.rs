//! EventAPI.

mod watch;

use portolan_model::{Event, Name, Revision, State, Violations};
use portolan_proto::convert::cluster;
use portolan_proto::convert::name::one_cluster;
use portolan_proto::v1;
use portolan_proto::v1::event_api_server::EventApi;
use portolan_store::events::MAX_EVENTS;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::listing::{Arguments, Listing};
use crate::shape::parse;
use crate::status::from_store;
use crate::watch::WatchStream;

/// Pages go back in time; within one the newest comes last.
const NEWEST_FIRST: &str = "last_time desc";

#[tonic::async_trait]
impl EventApi for Api {
    type WatchEventsStream = WatchStream<v1::WatchEventsResponse>;

    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let m = request.get_ref();
        let is_plain = m.order_by.is_empty();
        let (listing, name, below) = parse(|v| {
            let asked = Arguments {
                page_size: m.page_size,
                page_token: &m.page_token,
                filter: &m.filter,
                order_by: if is_plain { NEWEST_FIRST } else { &m.order_by },
                others: &[&m.parent],
            };
            let listing = Listing::<Event>::new(&asked, v);
            let (name, below) = about(&m.parent, v)?;
            Some((listing?, name, below))
        })?;
        let access = self.cluster(&name)?;
        // The store finds the newest ones by itself; everything else is looked for among all that are kept.
        let newest = is_plain && m.filter.is_empty() && m.page_token.is_empty();
        let limit = if newest {
            listing.size() + 1
        } else {
            MAX_EVENTS
        };
        let all = access.events.newest(&below, limit).await;
        let all = all.map_err(|error| from_store(&error))?;
        let found = listing.sort(&State::default(), all.into_iter());
        let shown = |event: &Event| cluster::event(name.as_str(), event);
        let (mut events, next_page_token) = listing.shown(Revision::ZERO, &found, shown);
        if is_plain {
            events.reverse();
        }
        Ok(Response::new(v1::ListEventsResponse {
            events,
            next_page_token,
        }))
    }

    async fn watch_events(
        &self,
        request: Request<v1::WatchEventsRequest>,
    ) -> Result<Response<Self::WatchEventsStream>, Status> {
        watch::watch(self, request.get_ref())
    }
}

/// The cluster, and what is asked about below it.
fn about(parent: &str, violations: &mut Violations) -> Option<(Name, String)> {
    let rest = parent
        .strip_prefix("clusters/")
        .filter(|rest| !rest.is_empty());
    let Some(rest) = rest else {
        violations.add(
            "parent",
            format!("{parent:?} must start with clusters/{{cluster}}"),
        );
        return None;
    };
    let (name, below) = rest.split_once('/').unwrap_or((rest, ""));
    let name = one_cluster("parent", name, violations)?;
    let below = below.trim_end_matches('/');
    // All of a collection (AIP-159): whatever is below its name.
    let below = below.strip_suffix("/-").unwrap_or(below);
    if below.split('/').any(|part| part == "-") {
        violations.add(
            "parent",
            "`-` stands for all of a collection, so nothing can follow it; a filter on `object` chooses among them",
        );
        return None;
    }
    Some((name, below.to_owned()))
}
