//! What of clusters, namespaces, workloads and nodes a write can name.

use std::collections::BTreeSet;

use portolan_model::{Labels, NamespaceSpec};

/// Settings of a cluster that a write can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ClusterField {
    /// `spec.node_port_range`
    NodePorts,
    /// `spec.dns_domain`
    DnsDomain,
    /// `spec.ip_families`
    IpFamilies,
    /// `spec.endpoint_ranges`
    EndpointRanges,
    /// `spec.workload_ranges`
    WorkloadRanges,
}

impl ClusterField {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::NodePorts,
        Self::DnsDomain,
        Self::IpFamilies,
        Self::EndpointRanges,
        Self::WorkloadRanges,
    ];
}

/// What a namespace is asked to be.
#[derive(Clone, Debug, Default)]
pub struct NamespaceParams {
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Its limits.
    pub spec: NamespaceSpec,
    /// What of all this is meant; the rest stays as it is (or has its default).
    pub fields: BTreeSet<NamespaceField>,
}

/// Parts of a namespace that a write can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NamespaceField {
    /// `labels`
    Labels,
    /// `annotations`
    Annotations,
    /// `spec.quota.services`
    Services,
    /// `spec.quota.node_ports`
    NodePorts,
    /// `spec.quota.load_balancers`
    LoadBalancers,
    /// `spec.quota.endpoints`
    Endpoints,
    /// `spec.endpoint_ranges`
    EndpointRanges,
}

impl NamespaceField {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Labels,
        Self::Annotations,
        Self::Services,
        Self::NodePorts,
        Self::LoadBalancers,
        Self::Endpoints,
        Self::EndpointRanges,
    ];
}

/// Parts of a workload that a write can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum WorkloadField {
    /// `labels`
    Labels,
    /// `annotations`
    Annotations,
    /// `spec.addresses`
    Addresses,
    /// `spec.node`
    Node,
    /// `spec.ports`
    Ports,
    /// `spec.readiness_probe`
    ReadinessProbe,
    /// `spec.hostname`
    Hostname,
    /// `spec.subdomain`
    Subdomain,
    /// `spec.draining`
    Draining,
    /// `spec.reported_ready`
    ReportedReady,
}

impl WorkloadField {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Labels,
        Self::Annotations,
        Self::Addresses,
        Self::Node,
        Self::Ports,
        Self::ReadinessProbe,
        Self::Hostname,
        Self::Subdomain,
        Self::Draining,
        Self::ReportedReady,
    ];
}

/// Parts of a node that a write can name.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeField {
    /// `labels`
    Labels,
    /// `annotations`
    Annotations,
    /// `spec.addresses`
    Addresses,
    /// `spec.zone`
    Zone,
    /// `spec.node_port_addresses`
    NodePortAddresses,
    /// `spec.dataplane`
    Dataplane,
}

impl NodeField {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Labels,
        Self::Annotations,
        Self::Addresses,
        Self::Zone,
        Self::NodePortAddresses,
        Self::Dataplane,
    ];
}
