//! The server, as the commands see it: every kind through the same doors.

mod kinds;
mod put;
mod questions;

use std::time::Duration;

use portolan_proto::v1;
use tonic::Status;
use tonic::transport::{Channel, Endpoint};
use v1::endpoint_api_client::EndpointApiClient;
use v1::event_api_client::EventApiClient;

use crate::failure::Failure;
use crate::kind::Kind;
use crate::object::Object;
pub(crate) use kinds::DeleteOptions;
use kinds::Page;
pub(crate) use put::Put;

const PAGE: i32 = 1000;
/// A page of 1,000 Services with annotations is larger than tonic's 4 MiB.
const MAX_MESSAGE: usize = 256 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that vanished without a word is noticed during a watch.
const KEEP_ALIVE: Duration = Duration::from_secs(20);

/// A connection, made on first use.
#[derive(Clone)]
pub(crate) struct Client {
    server: String,
    channel: Channel,
}

/// One message of a watch.
pub(crate) struct WatchMessage {
    pub(crate) event: v1::WatchEventType,
    pub(crate) object: Option<Object>,
    /// How far the watch is with it; revision 0 if more of the same revision follows.
    pub(crate) reached: Reached,
}

/// Where a watch can go on from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reached {
    pub(crate) revision: u64,
    /// The store that counted it.
    pub(crate) store_id: String,
}

/// The generated client of one API.
macro_rules! client {
    ($($api:ident)::+, $self:expr) => {
        $($api)::+::new($self.channel.clone()).max_decoding_message_size(MAX_MESSAGE)
    };
}
use client;

impl Client {
    /// Fails only if `server` is no URL; nothing is sent yet.
    pub(crate) fn new(server: &str) -> Result<Self, Failure> {
        let endpoint = Endpoint::from_shared(server.to_owned()).ok();
        let endpoint = endpoint.filter(|endpoint| endpoint.uri().scheme_str() == Some("http"));
        let Some(endpoint) = endpoint else {
            let message =
                format!("--server {server:?} is no plain HTTP URL, such as http://127.0.0.1:7420");
            return Err(Failure::Usage(message));
        };
        let channel = endpoint
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .connect_lazy();
        let server = server.to_owned();
        Ok(Self { server, channel })
    }

    /// Names the server in an error of it.
    pub(crate) fn failure(&self, status: Status) -> Failure {
        Failure::Server {
            server: self.server.clone(),
            status: Box::new(status),
        }
    }

    /// All resources of a kind below `parent`, page by page.
    pub(crate) async fn list(&self, kind: Kind, parent: &str) -> Result<Vec<Object>, Failure> {
        self.pages(async |token| self.page(kind, parent.to_owned(), token).await)
            .await
    }

    /// One resource.
    pub(crate) async fn get(&self, kind: Kind, name: &str) -> Result<Object, Failure> {
        let fetched = self.fetch(kind, name.to_owned()).await;
        fetched.map_err(|status| self.failure(status))
    }

    /// The newest events about `parent` and what is below it.
    pub(crate) async fn events(&self, parent: String) -> Result<Vec<v1::Event>, Failure> {
        let request = v1::ListEventsRequest {
            parent,
            page_size: PAGE,
            ..v1::ListEventsRequest::default()
        };
        let events = client!(EventApiClient, self).list_events(request).await;
        let events = events.map_err(|status| self.failure(status))?;
        Ok(events.into_inner().events)
    }

    /// The endpoints of one Service; of all if `service` is empty.
    pub(crate) async fn endpoints(
        &self,
        parent: &str,
        service: &str,
    ) -> Result<Vec<v1::Endpoint>, Failure> {
        self.pages(async |page_token| {
            let request = v1::ListEndpointsRequest {
                parent: parent.to_owned(),
                service: service.to_owned(),
                page_size: PAGE,
                page_token,
                ..v1::ListEndpointsRequest::default()
            };
            let mut client = client!(EndpointApiClient, self);
            let page = client.list_endpoints(request).await?.into_inner();
            Ok(Page {
                items: page.endpoints,
                next: page.next_page_token,
            })
        })
        .await
    }

    /// The items of all pages of a list.
    async fn pages<T>(
        &self,
        page: impl AsyncFn(String) -> Result<Page<T>, Status>,
    ) -> Result<Vec<T>, Failure> {
        let (mut items, mut token) = (Vec::new(), String::new());
        loop {
            let page = page(token).await.map_err(|status| self.failure(status))?;
            items.extend(page.items);
            if page.next.is_empty() {
                return Ok(items);
            }
            token = page.next;
        }
    }
}
