//! The API, as a client in Rust sees it.

use std::sync::LazyLock;
use std::time::Duration;

use portolan_proto::v1;
use portolan_proto::v1::service_api_client::ServiceApiClient;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Response, Status};

/// The namespace that is always there.
pub const NAMESPACE: &str = "clusters/default/namespaces/default";
/// Longer than any answer takes whose store is not paused.
const PATIENCE: Duration = Duration::from_secs(30);

/// Of every channel: it lives as long as the test process.
static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| Runtime::new().expect("threads"));

/// Waits for an answer, outside of asynchronous code.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

/// A channel to a server, which need not be there yet.
pub fn channel(url: &str) -> Channel {
    let _runtime = RUNTIME.enter();
    let endpoint = Endpoint::from_shared(url.to_owned()).expect("a URL");
    endpoint.timeout(PATIENCE).connect_lazy()
}

/// Services of the default namespace at one server.
#[derive(Clone)]
pub struct Services {
    /// The generated client.
    pub client: ServiceApiClient<Channel>,
}

impl Services {
    /// At this server.
    pub fn at(url: &str) -> Self {
        Self {
            client: ServiceApiClient::new(channel(url)),
        }
    }

    /// Creates one.
    pub async fn create(
        &mut self,
        name: &str,
        spec: v1::ServiceSpec,
    ) -> Result<v1::Service, Status> {
        self.create_once(name, spec, "").await
    }

    /// Creates one, with the id of the request.
    pub async fn create_once(
        &mut self,
        name: &str,
        spec: v1::ServiceSpec,
        request_id: &str,
    ) -> Result<v1::Service, Status> {
        let request = v1::CreateServiceRequest {
            parent: NAMESPACE.to_owned(),
            service: Some(v1::Service {
                spec: Some(spec),
                ..v1::Service::default()
            }),
            service_id: name.to_owned(),
            request_id: request_id.to_owned(),
            ..v1::CreateServiceRequest::default()
        };
        let created = self.client.create_service(request).await;
        created.map(Response::into_inner)
    }

    /// Reads one.
    pub async fn get(&mut self, name: &str) -> Result<v1::Service, Status> {
        let request = v1::GetServiceRequest {
            name: format!("{NAMESPACE}/services/{name}"),
            ..v1::GetServiceRequest::default()
        };
        self.client
            .get_service(request)
            .await
            .map(Response::into_inner)
    }

    /// Deletes one.
    pub async fn delete(&mut self, name: &str) -> Result<v1::Service, Status> {
        let request = v1::DeleteServiceRequest {
            name: format!("{NAMESPACE}/services/{name}"),
            ..v1::DeleteServiceRequest::default()
        };
        self.client
            .delete_service(request)
            .await
            .map(Response::into_inner)
    }

    /// All of them, page by page.
    pub async fn list(&mut self) -> Result<Vec<v1::Service>, Status> {
        let mut all = Vec::new();
        let mut request = v1::ListServicesRequest {
            parent: NAMESPACE.to_owned(),
            page_size: 1000,
            ..v1::ListServicesRequest::default()
        };
        loop {
            let page = self
                .client
                .list_services(request.clone())
                .await?
                .into_inner();
            all.extend(page.services);
            if page.next_page_token.is_empty() {
                return Ok(all);
            }
            request.page_token = page.next_page_token;
        }
    }
}

/// A Service with one TCP port, and no selector.
pub fn service(port: u16) -> v1::ServiceSpec {
    let port = v1::ServicePort {
        port: port.into(),
        ..v1::ServicePort::default()
    };
    v1::ServiceSpec {
        ports: vec![port],
        ..v1::ServiceSpec::default()
    }
}

/// Its virtual address.
///
/// # Panics
/// If it has none.
pub fn virtual_ip(service: &v1::Service) -> std::net::IpAddr {
    let spec = service.spec.as_ref().expect("a specification");
    spec.cluster_ips[0].parse().expect("an address")
}
