//! What a manifest asks for.

use portolan_proto::v1;

use crate::kind::Kind;

/// A request to be, one a kind. Names are complete.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    /// With the ranges that it begins with, should it not exist.
    Cluster(v1::CreateClusterRequest),
    ServiceCidr(v1::ServiceCidr),
    /// With a mask: Kubernetes' manifest says less than ours.
    Namespace(v1::UpdateNamespaceRequest),
    Node(v1::Node),
    Service(v1::Service),
    Workload(v1::Workload),
    /// All that one source gives a Service.
    Endpoints(v1::ReplaceEndpointsRequest),
}

impl Item {
    /// The resource that is written; of endpoints, their Service.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Cluster(request) => request.cluster.as_ref().map_or("", |c| &c.name),
            Self::ServiceCidr(range) => &range.name,
            Self::Namespace(request) => request.namespace.as_ref().map_or("", |n| &n.name),
            Self::Node(node) => &node.name,
            Self::Service(service) => &service.name,
            Self::Workload(workload) => &workload.name,
            Self::Endpoints(request) => &request.service,
        }
    }

    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Cluster(_) => Kind::Cluster,
            Self::ServiceCidr(_) => Kind::ServiceCidr,
            Self::Namespace(_) => Kind::Namespace,
            Self::Node(_) => Kind::Node,
            Self::Service(_) => Kind::Service,
            Self::Workload(_) => Kind::Workload,
            Self::Endpoints(_) => Kind::Endpoint,
        }
    }

    /// The namespace it is written to, if it lives in one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        if self.kind().is_namespaced() {
            self.name().split('/').nth(3)
        } else {
            None
        }
    }

    /// What comes later may need what comes earlier.
    pub(crate) fn stage(&self) -> u8 {
        match self {
            Self::Cluster(_) => 0,
            Self::ServiceCidr(_) | Self::Namespace(_) | Self::Node(_) => 1,
            Self::Service(_) => 2,
            Self::Workload(_) => 3,
            Self::Endpoints(_) => 4,
        }
    }

    /// Makes the write depend on nothing having changed since the etag was read.
    pub(crate) fn expect(&mut self, etag: String) {
        match self {
            Self::Cluster(request) => request.cluster.get_or_insert_default().etag = etag,
            Self::Namespace(request) => request.namespace.get_or_insert_default().etag = etag,
            Self::Node(node) => node.etag = etag,
            Self::Service(service) => service.etag = etag,
            Self::Workload(workload) => workload.etag = etag,
            // Ranges never change, and endpoints are written by their source alone.
            Self::ServiceCidr(_) | Self::Endpoints(_) => {}
        }
    }
}
