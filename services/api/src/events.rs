//! EventAPI.

use portolan_model::{Name, Violations};
use portolan_proto::convert::cluster;
use portolan_proto::v1;
use portolan_proto::v1::event_api_server::EventApi;
use tonic::{Request, Response, Status};

use crate::access::Api;
use crate::paging::Page;
use crate::shape::parse;
use crate::status::from_store;

#[tonic::async_trait]
impl EventApi for Api {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let m = request.get_ref();
        let (page, name, below) = parse(|v| {
            let page = Page::new(m.page_size, "", &[], v);
            about(&m.parent, v).map(|(name, below)| (page, name, below))
        })?;
        let access = self.cluster(&name)?;
        let events = (access.events)(below, page.size)
            .await
            .map_err(|error| from_store(&error))?;
        let events = events
            .iter()
            .map(|event| cluster::event(name.as_str(), event))
            .collect();
        Ok(Response::new(v1::ListEventsResponse { events }))
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
    let name = violations.check("parent", Name::label(name))?;
    Some((name, below.trim_end_matches('/').to_owned()))
}
