//! A cluster of a case's own. When the case is over, whatever it did, claims must fit the Services exactly.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::panicking;

use portolan_proto::v1;
use portolan_tests::api::{block_on, channel};
use tonic::transport::Channel;
use tonic::{Response, Status};
use v1::cluster_api_client::ClusterApiClient;
use v1::service_api_client::ServiceApiClient;
use v1::service_cidr_api_client::ServiceCidrApiClient;

use crate::specs::numbers;
use crate::stores::ControlPlane;

/// Names the clusters of this process.
static CLUSTERS: AtomicU32 = AtomicU32::new(0);

/// A range with room, of either family.
pub(crate) const V4: &str = "10.96.0.0/24";
pub(crate) const V6: &str = "fd00:96::/112";

/// A cluster.
pub(crate) struct Cluster {
    /// `clusters/{cluster}`.
    pub(crate) name: String,
    /// The server's.
    pub(crate) plane: &'static ControlPlane,
    pub(crate) channel: Channel,
    /// Whether it is checked and deleted in the end.
    is_own: bool,
}

impl ControlPlane {
    /// A cluster of IPv4 alone.
    pub(crate) fn single(&'static self) -> Cluster {
        self.cluster(&[V4])
    }

    /// A cluster of both families, IPv4 first.
    pub(crate) fn dual(&'static self) -> Cluster {
        self.cluster(&[V4, V6])
    }

    /// A cluster with these ranges; the first one's family is its default.
    pub(crate) fn cluster(&'static self, ranges: &[&str]) -> Cluster {
        self.cluster_of(ranges, v1::ClusterSpec::default())
    }

    /// A cluster of IPv4 alone, with these node ports.
    pub(crate) fn with_node_ports(&'static self, first: i32, last: i32) -> Cluster {
        let node_port_range = Some(v1::PortRange { first, last });
        let spec = v1::ClusterSpec {
            node_port_range,
            ..v1::ClusterSpec::default()
        };
        self.cluster_of(&[V4], spec)
    }

    /// A cluster with these ranges and settings.
    pub(crate) fn cluster_of(&'static self, ranges: &[&str], spec: v1::ClusterSpec) -> Cluster {
        let id = format!("c{}", CLUSTERS.fetch_add(1, Ordering::Relaxed));
        let request = v1::CreateClusterRequest {
            cluster_id: id,
            cluster: Some(v1::Cluster {
                spec: Some(spec),
                ..v1::Cluster::default()
            }),
            service_cidrs: texts(ranges),
            ..v1::CreateClusterRequest::default()
        };
        let mut client = ClusterApiClient::new(self.channel.clone());
        let created = block_on(client.create_cluster(request)).expect("a cluster");
        Cluster {
            name: created.into_inner().name,
            plane: self,
            channel: self.channel.clone(),
            is_own: true,
        }
    }
}

/// Owned texts.
pub(crate) fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

impl Cluster {
    /// The default cluster of a server that is a case's own, and goes with it.
    pub(crate) fn of_server(plane: &'static ControlPlane) -> Self {
        Self {
            name: "clusters/default".to_owned(),
            plane,
            channel: plane.channel.clone(),
            is_own: false,
        }
    }

    /// The same cluster by another connection.
    pub(crate) fn other_door(&self) -> Self {
        Self {
            name: self.name.clone(),
            plane: self.plane,
            channel: channel(&self.plane.url),
            is_own: false,
        }
    }

    pub(crate) fn namespace(&self) -> String {
        format!("{}/namespaces/default", self.name)
    }

    pub(crate) fn service_name(&self, name: &str) -> String {
        format!("{}/services/{name}", self.namespace())
    }

    pub(crate) fn services(&self) -> ServiceApiClient<Channel> {
        ServiceApiClient::new(self.channel.clone())
    }

    pub(crate) fn clusters(&self) -> ClusterApiClient<Channel> {
        ClusterApiClient::new(self.channel.clone())
    }

    /// Creates a Service.
    pub(crate) fn create(&self, name: &str, spec: v1::ServiceSpec) -> Result<v1::Service, Status> {
        self.create_with(name, spec, |_| ())
    }

    /// The same, with more in the request.
    pub(crate) fn create_with(
        &self,
        name: &str,
        spec: v1::ServiceSpec,
        more: impl FnOnce(&mut v1::CreateServiceRequest),
    ) -> Result<v1::Service, Status> {
        let service = v1::Service {
            spec: Some(spec),
            ..v1::Service::default()
        };
        let mut request = v1::CreateServiceRequest {
            parent: self.namespace(),
            service: Some(service),
            service_id: name.to_owned(),
            ..v1::CreateServiceRequest::default()
        };
        more(&mut request);
        block_on(self.services().create_service(request)).map(Response::into_inner)
    }

    /// Creates a Service, which must work; gives its specification.
    pub(crate) fn created(&self, name: &str, spec: v1::ServiceSpec) -> v1::ServiceSpec {
        let created = self.create(name, spec);
        spec_of(created.unwrap_or_else(|status| panic!("{name}: {status:?}")))
    }

    /// Replaces a Service as a whole, as a read-modify-write of a client in any language does.
    pub(crate) fn put(&self, name: &str, spec: v1::ServiceSpec) -> Result<v1::Service, Status> {
        self.patch(name, &["*"], spec)
    }

    /// Changes the fields that the paths name.
    pub(crate) fn patch(
        &self,
        name: &str,
        paths: &[&str],
        spec: v1::ServiceSpec,
    ) -> Result<v1::Service, Status> {
        self.update(name, paths, spec, |_| ())
    }

    /// The same, with more in the request.
    pub(crate) fn update(
        &self,
        name: &str,
        paths: &[&str],
        spec: v1::ServiceSpec,
        more: impl FnOnce(&mut v1::UpdateServiceRequest),
    ) -> Result<v1::Service, Status> {
        let mut request = v1::UpdateServiceRequest {
            service: Some(v1::Service {
                name: self.service_name(name),
                spec: Some(spec),
                ..v1::Service::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: texts(paths),
            }),
            ..v1::UpdateServiceRequest::default()
        };
        more(&mut request);
        block_on(self.services().update_service(request)).map(Response::into_inner)
    }

    /// Reads a Service, which must be there.
    pub(crate) fn get(&self, name: &str) -> v1::Service {
        let request = v1::GetServiceRequest {
            name: self.service_name(name),
            ..v1::GetServiceRequest::default()
        };
        let read = block_on(self.services().get_service(request));
        read.expect("the Service").into_inner()
    }

    /// Its specification.
    pub(crate) fn spec(&self, name: &str) -> v1::ServiceSpec {
        spec_of(self.get(name))
    }

    /// Deletes a Service.
    pub(crate) fn delete(&self, name: &str) -> Result<v1::Service, Status> {
        self.delete_with(name, |_| ())
    }

    /// The same, with more in the request.
    pub(crate) fn delete_with(
        &self,
        name: &str,
        more: impl FnOnce(&mut v1::DeleteServiceRequest),
    ) -> Result<v1::Service, Status> {
        let mut request = v1::DeleteServiceRequest {
            name: self.service_name(name),
            ..v1::DeleteServiceRequest::default()
        };
        more(&mut request);
        block_on(self.services().delete_service(request)).map(Response::into_inner)
    }

    /// Every Service of every namespace.
    pub(crate) fn list(&self) -> Vec<v1::Service> {
        let mut request = v1::ListServicesRequest {
            parent: format!("{}/namespaces/-", self.name),
            page_size: 1000,
            ..v1::ListServicesRequest::default()
        };
        let mut all = Vec::new();
        loop {
            let page = block_on(self.services().list_services(request.clone()));
            let page = page.expect("a list").into_inner();
            all.extend(page.services);
            if page.next_page_token.is_empty() {
                return all;
            }
            request.page_token = page.next_page_token;
        }
    }

    /// Adds a range.
    pub(crate) fn add_range(&self, id: &str, cidrs: &[&str]) -> Result<v1::ServiceCidr, Status> {
        let spec = v1::ServiceCidrSpec {
            cidrs: texts(cidrs),
        };
        let request = v1::CreateServiceCidrRequest {
            parent: self.name.clone(),
            service_cidr: Some(v1::ServiceCidr {
                spec: Some(spec),
                ..v1::ServiceCidr::default()
            }),
            service_cidr_id: id.to_owned(),
            ..v1::CreateServiceCidrRequest::default()
        };
        block_on(self.ranges().create_service_cidr(request)).map(Response::into_inner)
    }

    pub(crate) fn ranges(&self) -> ServiceCidrApiClient<Channel> {
        ServiceCidrApiClient::new(self.channel.clone())
    }

    /// Changes the families that it is configured for.
    pub(crate) fn configure(&self, families: &[u8]) -> Result<v1::Cluster, Status> {
        let spec = v1::ClusterSpec {
            ip_families: numbers(families),
            ..v1::ClusterSpec::default()
        };
        let request = v1::UpdateClusterRequest {
            cluster: Some(v1::Cluster {
                name: self.name.clone(),
                spec: Some(spec),
                ..v1::Cluster::default()
            }),
            update_mask: Some(prost_types::FieldMask {
                paths: texts(&["spec.ip_families"]),
            }),
            ..v1::UpdateClusterRequest::default()
        };
        block_on(self.clusters().update_cluster(request)).map(Response::into_inner)
    }

    /// What the cluster says of itself.
    pub(crate) fn status(&self) -> v1::ClusterStatus {
        let request = v1::GetClusterRequest {
            name: self.name.clone(),
            ..v1::GetClusterRequest::default()
        };
        let cluster = block_on(self.clusters().get_cluster(request)).expect("the cluster");
        cluster.into_inner().status.expect("a status")
    }

    /// Looks whether claims fit the Services; with `repair` makes them.
    pub(crate) fn audit(&self, repair: bool) -> v1::AuditAllocationsResponse {
        let request = v1::AuditAllocationsRequest {
            name: self.name.clone(),
            repair,
            validate_only: false,
        };
        let audit = block_on(self.clusters().audit_allocations(request));
        audit.expect("an audit").into_inner()
    }

    /// Node ports and health-check ports held, as the cluster counts them.
    pub(crate) fn ports_held(&self) -> u32 {
        self.status().node_ports.expect("usage of ports").used
    }

    /// Addresses held, as the cluster counts them, in all its ranges; those in several count several times.
    pub(crate) fn addresses_held(&self) -> u64 {
        self.status().service_ranges.iter().map(|r| r.used).sum()
    }

    /// Nothing is held that no Service has, nothing that two have, and nothing is missing.
    fn assert_exact(&self) {
        let services = self.list();
        let (mut addresses, mut ports) = (BTreeSet::new(), BTreeSet::new());
        for service in services {
            let name = service.name.clone();
            let spec = spec_of(service);
            for address in spec.cluster_ips.iter().filter(|text| *text != "None") {
                assert!(addresses.insert(address.clone()), "{name}: {address} twice");
            }
            let own: BTreeSet<_> = node_ports(&spec).into_iter().collect();
            for port in own.into_iter().filter(|port| *port != 0) {
                assert!(ports.insert(port), "{name}: node port {port} twice");
            }
            let health = spec.health_check_node_port;
            assert!(
                health == 0 || ports.insert(health),
                "{name}: {health} twice"
            );
        }
        let held = usize::try_from(self.ports_held()).expect("few ports");
        assert_eq!(held, ports.len(), "node ports held, and those of Services");
        let audit = self.audit(false);
        assert_eq!(audit.total, 0, "{:?}", audit.findings);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if !self.is_own {
            return;
        }
        if !panicking() {
            self.assert_exact();
        }
        let request = v1::DeleteClusterRequest {
            name: self.name.clone(),
            force: true,
            ..v1::DeleteClusterRequest::default()
        };
        // Should it fail, the process that keeps it ends soon.
        let _ = block_on(self.clusters().delete_cluster(request));
    }
}

/// The specification of a Service, which every answer has.
pub(crate) fn spec_of(service: v1::Service) -> v1::ServiceSpec {
    service.spec.expect("a specification")
}

/// The node ports of its ports, in their order; 0: none.
pub(crate) fn node_ports(spec: &v1::ServiceSpec) -> Vec<i32> {
    spec.ports.iter().map(|port| port.node_port).collect()
}
