//! The table of everything that is kept.

/// Hands the rows of the table to a macro. A new kind takes a row here, and a file that says what it is.
///
/// A row has the number that tables and digests carry (never use one again), the collection in resource names (of claims
/// and requests: the table people read), and where [`crate::State`] keeps its objects, by which key. Then come that key and
/// the identity of one: of a claim that is its owner's, of a request the client's choice. `has` names the specification of
/// what is a [`crate::Resource`].
macro_rules! objects {
    ($rows:ident) => {
        $rows! {
            /// A cluster; one in its own log.
            Cluster = 1, "clusters", clusters: Name => |o| (o.meta.name.clone(), o.meta.uid)
                has spec: ClusterSpec;
            /// A range for virtual addresses.
            ServiceCidr = 2, "serviceCidrs", service_cidrs: Name => |o| (o.meta.name.clone(), o.meta.uid)
                has cidrs: Vec<IpNet>;
            /// A namespace.
            Namespace = 3, "namespaces", namespaces: Name => |o| (o.meta.name.clone(), o.meta.uid)
                has spec: NamespaceSpec;
            /// A Service.
            Service = 4, "services", services: Scoped => |o| (o.key(), o.meta.uid)
                has spec: ServiceSpec;
            /// A workload.
            Workload = 5, "workloads", workloads: Scoped => |o| (o.key(), o.meta.uid)
                has spec: WorkloadSpec;
            /// An endpoint.
            Endpoint = 6, "endpoints", endpoints: Scoped => |o| (o.key(), o.uid);
            /// A node.
            Node = 7, "nodes", nodes: Name => |o| (o.meta.name.clone(), o.meta.uid)
                has spec: NodeSpec;
            /// An address that is not free.
            IpClaim = 8, "ipClaims", ip_claims: IpAddr => |o| (o.address, o.owner.uid) is claim;
            /// A node port that is not free.
            PortClaim = 9, "portClaims", port_claims: u16 => |o| (o.port, o.owner.uid) is claim;
            /// A request that was done.
            Request = 10, "requests", requests: Uuid => |o| (o.id, o.id.into());
        }
    };
}
