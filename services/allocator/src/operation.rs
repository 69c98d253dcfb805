//! What can be asked of the allocator.

mod derived;
mod settings;

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use portolan_model::{
    Claimed, ClusterSpec, EndpointPort, Labels, Name, NodeSpec, Revision, Scoped, ServiceSpec, Uid,
    WorkloadSpec,
};
use uuid::Uuid;

pub use derived::Derived;
pub use settings::{ClusterField, NamespaceField, NamespaceParams, NodeField, WorkloadField};

/// A request, its shape already checked.
#[derive(Clone, Debug)]
pub struct Operation {
    /// What is asked.
    pub action: Action,
    /// By whom and how.
    pub context: Context,
}

/// Circumstances of a request.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// Who asks; for the audit.
    pub principal: String,
    /// RPC, for example `CreateService`; for the audit.
    pub method: &'static str,
    /// Makes a repetition return the first result.
    pub request_id: Option<Uuid>,
    /// Digest of method and body, for telling a repetition from another request under the same id; empty without one.
    pub body_hash: String,
    /// Decide, but change nothing.
    pub validate_only: bool,
    /// W3C trace context; may be empty.
    pub traceparent: String,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Action {
    /// First start: the cluster, its first range and the namespace `default`.
    Bootstrap {
        /// Name of the cluster.
        name: Name,
        /// Its settings.
        spec: ClusterSpec,
        /// Ranges for virtual addresses.
        cidrs: Vec<IpNet>,
    },
    /// Another cluster, in a log that has none: the cluster, its first range and the namespace `default`.
    CreateCluster {
        /// Its name.
        name: Name,
        /// Its settings.
        spec: ClusterSpec,
        /// Ranges for virtual addresses.
        cidrs: Vec<IpNet>,
    },
    /// Change the cluster's settings.
    UpdateCluster {
        /// The settings.
        spec: ClusterSpec,
        /// Which of them are meant; the rest stays as it is.
        fields: BTreeSet<ClusterField>,
        /// Must match if set.
        etag: Option<String>,
        /// Must match if set.
        expected_uid: Option<Uid>,
    },
    /// Delete the cluster, and with it every object that is left.
    DeleteCluster {
        /// With the Services, workloads and nodes in it.
        force: bool,
        /// Must match if set.
        etag: Option<String>,
        /// Must match if set.
        expected_uid: Option<Uid>,
    },
    /// Another range for virtual addresses.
    CreateServiceCidr {
        /// Its name.
        name: Name,
        /// One range, or one of each family.
        cidrs: Vec<IpNet>,
    },
    /// Delete a range.
    DeleteServiceCidr {
        /// Its name.
        name: Name,
        /// Only allocate nothing from it any more; it goes by itself once nothing holds it.
        drain: bool,
        /// Conditions.
        mode: DeleteMode,
    },
    /// Remove ranges that are drained: those of these that still may go.
    RemoveDrained {
        /// Their names.
        names: Vec<Name>,
    },
    /// Put claims right that don't fit the Services.
    RepairAllocations {
        /// Claims without a Service that are old enough to go, with the owner they name.
        orphans: BTreeSet<(Claimed, Uid)>,
    },
    /// Create or change a namespace.
    PutNamespace {
        /// Its name.
        name: Name,
        /// What it is asked to be.
        params: NamespaceParams,
        /// Create or update.
        mode: PutMode,
    },
    /// Delete a namespace.
    DeleteNamespace {
        /// Its name.
        name: Name,
        /// With everything in it.
        force: bool,
        /// Conditions.
        mode: DeleteMode,
    },
    /// Create or change a Service.
    PutService {
        /// Its name.
        key: Scoped,
        /// What it is asked to be.
        params: ServiceParams,
        /// Create or update.
        mode: PutMode,
    },
    /// Create several Services, all or none.
    CreateServices(Vec<NewService>),
    /// Delete a Service, its endpoints, and release what it held.
    DeleteService {
        /// Its name.
        key: Scoped,
        /// Conditions.
        mode: DeleteMode,
    },
    /// Create or replace a workload.
    PutWorkload {
        /// Its name.
        key: Scoped,
        /// What it is.
        params: WorkloadParams,
        /// Create or update.
        mode: PutMode,
    },
    /// Delete a workload and its endpoints.
    DeleteWorkload {
        /// Its name.
        key: Scoped,
        /// Conditions.
        mode: DeleteMode,
    },
    /// Replace the hand-written endpoints that a source gave a Service.
    ReplaceEndpoints {
        /// The Service; it has no selector.
        service: Scoped,
        /// Who writes.
        source: String,
        /// The whole list.
        endpoints: Vec<EndpointParams>,
    },
    /// Delete one hand-written endpoint.
    DeleteEndpoint {
        /// Its name.
        key: Scoped,
        /// Conditions.
        mode: DeleteMode,
    },
    /// Create or replace a node.
    PutNode {
        /// Its name.
        name: Name,
        /// What it is.
        params: NodeParams,
        /// Create or update.
        mode: PutMode,
    },
    /// Register a node by its first Hello; a known one stays as it is.
    RegisterNode {
        /// Its name.
        name: Name,
        /// How it describes itself.
        spec: NodeSpec,
    },
    /// Remove a node.
    DeleteNode {
        /// Its name.
        name: Name,
        /// Conditions.
        mode: DeleteMode,
    },
    /// What a node found out about its workloads.
    ReportReadiness(ReadinessReport),
    /// What follows from the state, once it is known.
    Derived(Derived),
    /// Free what every node has forgotten, or what waited for too long. Each with the revision that released it: what
    /// was claimed and released again meanwhile stays.
    ReleaseQuarantined {
        /// Addresses and node ports.
        claims: Vec<(Claimed, Revision)>,
    },
}

/// Whether a put creates or updates.
#[derive(Clone, Debug)]
pub enum PutMode {
    /// It must not exist.
    Create,
    /// It must exist, unless `allow_missing`.
    Update {
        /// Create it otherwise.
        allow_missing: bool,
        /// Must match if set.
        etag: Option<String>,
        /// Must match if set.
        expected_uid: Option<Uid>,
    },
}

/// Conditions of a delete.
#[derive(Clone, Debug, Default)]
pub struct DeleteMode {
    /// Absence is success.
    pub allow_missing: bool,
    /// Must match if set.
    pub etag: Option<String>,
    /// Must match if set.
    pub expected_uid: Option<Uid>,
}

/// One Service of several.
#[derive(Clone, Debug)]
pub struct NewService {
    /// Its name.
    pub key: Scoped,
    /// What it is asked to be.
    pub params: ServiceParams,
}

/// What a Service is asked to be.
#[derive(Clone, Debug, Default)]
pub struct ServiceParams {
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Specification; what is to be allocated is left out.
    pub spec: ServiceSpec,
    /// What of all this is meant; the rest stays as it is (or has its default).
    pub fields: BTreeSet<ServiceField>,
}

/// Parts of a Service that a write can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceField {
    /// `labels`
    Labels,
    /// `annotations`
    Annotations,
    /// `spec.type`
    Type,
    /// `spec.selector`
    Selector,
    /// `spec.ports`
    Ports,
    /// `spec.cluster_ips`
    ClusterIps,
    /// `spec.ip_families`
    IpFamilies,
    /// `spec.ip_family_policy`
    IpFamilyPolicy,
    /// `spec.session_affinity`
    SessionAffinity,
    /// `spec.session_affinity_config`
    SessionAffinityConfig,
    /// `spec.traffic_distribution`
    TrafficDistribution,
    /// `spec.health_check_node_port`
    HealthCheckNodePort,
    /// `spec.allocate_load_balancer_node_ports`
    AllocateNodePorts,
    /// `spec.load_balancer_class`
    LoadBalancerClass,
    /// `spec.load_balancer_source_ranges`
    SourceRanges,
    /// `spec.requested_load_balancer_ips`
    RequestedLoadBalancerIps,
    /// `spec.external_traffic_policy`
    ExternalTrafficPolicy,
    /// `spec.internal_traffic_policy`
    InternalTrafficPolicy,
    /// `spec.external_name`
    ExternalName,
    /// `spec.publish_not_ready_addresses`
    PublishNotReadyAddresses,
}

impl ServiceField {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Labels,
        Self::Annotations,
        Self::Type,
        Self::Selector,
        Self::Ports,
        Self::ClusterIps,
        Self::IpFamilies,
        Self::IpFamilyPolicy,
        Self::SessionAffinity,
        Self::SessionAffinityConfig,
        Self::TrafficDistribution,
        Self::HealthCheckNodePort,
        Self::AllocateNodePorts,
        Self::LoadBalancerClass,
        Self::SourceRanges,
        Self::RequestedLoadBalancerIps,
        Self::ExternalTrafficPolicy,
        Self::InternalTrafficPolicy,
        Self::ExternalName,
        Self::PublishNotReadyAddresses,
    ];
}

/// What a workload is.
#[derive(Clone, Debug, Default)]
pub struct WorkloadParams {
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Specification.
    pub spec: WorkloadSpec,
    /// What of all this is meant; the rest stays as it is (or has its default).
    pub fields: BTreeSet<WorkloadField>,
}

/// What a node is.
#[derive(Clone, Debug, Default)]
pub struct NodeParams {
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Specification.
    pub spec: NodeSpec,
    /// What of all this is meant; the rest stays as it is (or has its default).
    pub fields: BTreeSet<NodeField>,
}

/// A hand-written endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointParams {
    /// Where traffic goes.
    pub address: IpAddr,
    /// Which ports it serves.
    pub ports: Vec<EndpointPort>,
    /// The node it runs on.
    pub node: Option<Name>,
    /// Its zone.
    pub zone: String,
    /// Its own name in DNS.
    pub hostname: Option<String>,
    /// May be chosen.
    pub ready: bool,
    /// Answers.
    pub serving: bool,
    /// About to end.
    pub terminating: bool,
    /// Share of traffic beside its equals.
    pub weight: u32,
}

/// What a node found out about its workloads.
#[derive(Clone, Debug)]
pub struct ReadinessReport {
    /// The node.
    pub node: Name,
    /// Its identity: a node that was created again is another.
    pub node_uid: Uid,
    /// The session of its stream.
    pub session: u64,
    /// The report within the session.
    pub seq: u64,
    /// The first report of a session is full.
    pub full: bool,
    /// The results.
    pub items: Vec<ReadinessItem>,
}

/// Readiness of one workload.
#[derive(Clone, Debug)]
pub struct ReadinessItem {
    /// The workload.
    pub workload: Uid,
    /// The probe that was run.
    pub probe_generation: u64,
    /// Whether it serves.
    pub serving: bool,
    /// The last error.
    pub reason: String,
}
