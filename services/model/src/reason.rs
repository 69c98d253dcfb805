//! The stable words by which programs tell what happened: why a request was refused, and why a condition is as it is.

use std::fmt;

/// An enum of words, each with its spelling.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$meaning:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[$meaning])* $word,)*
        }

        impl $name {
            /// The word as programs compare it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// Why the present state forbids a request: ErrorInfo's reason, and the type of a precondition.
    Reason {
        /// Some node may still forward for the address that is asked for.
        AddressQuarantined = "ADDRESS_QUARANTINED",
        /// The address that is asked for belongs to another Service.
        ClusterIpInUse = "CLUSTER_IP_IN_USE",
        /// No address is free.
        ClusterIpExhausted = "CLUSTER_IP_EXHAUSTED",
        /// The cluster holds objects.
        ClusterNotEmpty = "CLUSTER_NOT_EMPTY",
        /// A control plane serves no more clusters.
        ClustersExhausted = "CLUSTERS_EXHAUSTED",
        /// The cluster has one family, and two are required.
        DualStack = "DUAL_STACK",
        /// The object was written since it was read.
        EtagMismatch = "ETAG_MISMATCH",
        /// The cluster has no addresses of a family.
        FamilyNotConfigured = "FAMILY_NOT_CONFIGURED",
        /// The namespace holds objects.
        NamespaceNotEmpty = "NAMESPACE_NOT_EMPTY",
        /// No node port is free.
        NodePortExhausted = "NODE_PORT_EXHAUSTED",
        /// The node port that is asked for belongs to another Service.
        NodePortInUse = "NODE_PORT_IN_USE",
        /// Some node may still forward for the node port that is asked for.
        NodePortQuarantined = "NODE_PORT_QUARANTINED",
        /// What every cluster or installation has can't be deleted.
        Policy = "POLICY",
        /// An endpoint serves a port by another protocol than the Service has.
        ProtocolMismatch = "PROTOCOL_MISMATCH",
        /// The namespace may hold no more.
        QuotaExceeded = "QUOTA_EXCEEDED",
        /// Something lies outside the ranges that it has to lie in, or inside one that it must not.
        Range = "RANGE",
        /// Services hold addresses of the range.
        RangeInUse = "RANGE_IN_USE",
        /// The Service's endpoints are kept from workloads, not written by hand.
        ServiceHasSelector = "SERVICE_HAS_SELECTOR",
        /// An ExternalName has no endpoints.
        ServiceIsExternalName = "SERVICE_IS_EXTERNAL_NAME",
        /// A newer session speaks for the node.
        SessionFenced = "SESSION_FENCED",
        /// The name belongs to another object than the one that was read.
        UidMismatch = "UID_MISMATCH",
    }
}

words! {
    /// Why a condition is as it is.
    ConditionReason {
        /// A workload has an address that nothing may point to.
        AddressNotAllowed = "AddressNotAllowed",
        /// A Service has its addresses.
        Allocated = "Allocated",
        /// A workload serves, but is about to end.
        Draining = "Draining",
        /// Another implementation gives a load balancer its address.
        ForeignClass = "ForeignClass",
        /// A plugin describes its node otherwise than it is registered.
        HelloDiffers = "HelloDiffers",
        /// A node's plugin was not seen yet.
        NeverConnected = "NeverConnected",
        /// The workloads of a Service have no address of its families.
        NoAddresses = "NoAddresses",
        /// No endpoints were written for a Service without a selector.
        NoEndpoints = "NoEndpoints",
        /// No node is registered.
        NoNodes = "NoNodes",
        /// There is no pool that a load balancer's address could come from.
        NoPool = "NoPool",
        /// Nobody runs a workload's probe.
        NoProber = "NoProber",
        /// A selector matches no workload.
        NoWorkloads = "NoWorkloads",
        /// The node that has to run a probe is not registered.
        NodeNotRegistered = "NodeNotRegistered",
        /// Nodes are not told of ready endpoints.
        NotAdmitted = "NotAdmitted",
        /// It has no use for that.
        NotNeeded = "NotNeeded",
        /// A probe has no result yet.
        NotProbedYet = "NotProbedYet",
        /// Something is missing.
        NotReady = "NotReady",
        /// Not every node has tried yet.
        Pending = "Pending",
        /// Ports are named that workloads don't have.
        PortNameMismatch = "PortNameMismatch",
        /// A probe fails.
        ProbeFailed = "ProbeFailed",
        /// A probe passes.
        ProbePassed = "ProbePassed",
        /// Every node carries the Service.
        Programmed = "Programmed",
        /// Nothing is missing.
        Ready = "Ready",
        /// A node can't carry a Service for now.
        RejectedByNode = "RejectedByNode",
        /// Somebody else says that a workload is not ready.
        ReportedNotReady = "ReportedNotReady",
        /// A Service has ready endpoints.
        Resolved = "Resolved",
        /// A workload serves.
        Serving = "Serving",
        /// A node's plugin is not connected.
        StreamClosed = "StreamClosed",
        /// A node's plugin is connected.
        StreamOpen = "StreamOpen",
        /// A range is on its way out.
        Terminating = "Terminating",
        /// A node lacks what a Service asks for.
        UnsupportedByNode = "UnsupportedByNode",
    }
}
