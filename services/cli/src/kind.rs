//! The kinds one can ask for, and how people call them.

/// Every kind, a row each. `kinds!(each)` hands the rows to the macro `each`, which makes of them what is the same for
/// every kind; what a kind has of its own is in `kinds/`.
///
/// - `called`: the words of people, of which the singular stands first (`service/web`), then plural, short names and
///   aliases; where it lives, and the part of a path in front of its name; `apiVersion` and `kind` of its document.
/// - `message`: the field that requests hold it in, its specification, and which common fields it has besides those that
///   all have. Who has labels has annotations.
/// - `calls`: the API, and its calls. `parent` is named where a list has one, `force` and `drain` where a delete has them.
/// - `applied`: its stage, since what comes later may need what comes earlier; and the request that a manifest becomes.
///   `by` names the call that creates and updates, and what its mask says; kinds without one are written in `client/put`.
///   `from` names the versions of its document whose fields make up the resource; others are read in `manifest`.
macro_rules! kinds {
    ($each:ident) => {
        $each! {
            Service {
                called("service" "services" "svc"; Namespace "services"; "v1" "Service")
                message(service: ServiceSpec; generation etag labels)
                calls(ServiceApiClient: get_service(GetServiceRequest), list_services(ListServicesRequest parent).services,
                    delete_service(DeleteServiceRequest), watch_services(WatchServicesRequest).service)
                applied(2 as Service(Service) by update_service(UpdateServiceRequest "*") from "v1")
            }
            Namespace {
                called("namespace" "namespaces" "ns"; Cluster "namespaces"; "portolan/v1" "Namespace")
                message(namespace: NamespaceSpec; generation etag labels)
                calls(NamespaceApiClient: get_namespace(GetNamespaceRequest), list_namespaces(ListNamespacesRequest parent).namespaces,
                    delete_namespace(DeleteNamespaceRequest force), watch_namespaces(WatchNamespacesRequest).namespace)
                applied(1 as Namespace(UpdateNamespaceRequest))
            }
            Workload {
                called("workload" "workloads" "wl" "pod" "pods" "po"; Namespace "workloads"; "portolan/v1" "Workload")
                message(workload: WorkloadSpec; generation etag labels)
                calls(WorkloadApiClient: get_workload(GetWorkloadRequest), list_workloads(ListWorkloadsRequest parent).workloads,
                    delete_workload(DeleteWorkloadRequest), watch_workloads(WatchWorkloadsRequest).workload)
                applied(3 as Workload(Workload) by update_workload(UpdateWorkloadRequest "*") from "portolan/v1")
            }
            Endpoint {
                called("endpoint" "endpoints" "ep"; Namespace "endpoints"; "portolan/v1" "Endpoint")
                message(endpoint: EndpointSpec;)
                calls(EndpointApiClient: get_endpoint(GetEndpointRequest), list_endpoints(ListEndpointsRequest parent).endpoints,
                    delete_endpoint(DeleteEndpointRequest), watch_endpoints(WatchEndpointsRequest).endpoint)
                applied(4 as Endpoints(ReplaceEndpointsRequest))
            }
            Node {
                called("node" "nodes" "no"; Cluster "nodes"; "portolan/v1" "Node")
                message(node: NodeSpec; generation etag labels)
                calls(NodeApiClient: get_node(GetNodeRequest), list_nodes(ListNodesRequest parent).nodes,
                    delete_node(DeleteNodeRequest), watch_nodes(WatchNodesRequest).node)
                applied(1 as Node(Node) by update_node(UpdateNodeRequest) from "portolan/v1")
            }
            ServiceCidr {
                called("servicecidr" "servicecidrs"; Cluster "serviceCidrs"; "portolan/v1" "ServiceCIDR")
                message(service_cidr: ServiceCidrSpec; generation)
                calls(ServiceCidrApiClient: get_service_cidr(GetServiceCidrRequest), list_service_cidrs(ListServiceCidrsRequest parent).service_cidrs,
                    delete_service_cidr(DeleteServiceCidrRequest drain), watch_service_cidrs(WatchServiceCidrsRequest).service_cidr)
                applied(1 as ServiceCidr(ServiceCidr) from "networking.k8s.io/v1" "portolan/v1")
            }
            Cluster {
                called("cluster" "clusters"; Server "clusters"; "portolan/v1" "Cluster")
                message(cluster: ClusterSpec; generation etag)
                calls(ClusterApiClient: get_cluster(GetClusterRequest), list_clusters(ListClustersRequest).clusters,
                    delete_cluster(DeleteClusterRequest force))
                applied(0 as Cluster(CreateClusterRequest))
            }
        }
    };
}
pub(crate) use kinds;

/// What `get` says of its words.
pub(crate) const GET: &str = "KIND[,KIND...] [NAME...], or KIND/NAME...; kinds: services, workloads, endpoints, nodes, namespaces, servicecidrs, clusters, events, all";
/// What `describe` says of its words. An endpoint is described by its document alone.
pub(crate) const DESCRIBE: &str = "KIND NAME..., or KIND/NAME...; kinds: service, workload, node, namespace, servicecidr, cluster";

/// What holds resources of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    Namespace,
    Cluster,
    Server,
}

/// What there is to say about a kind.
struct Row {
    kind: Kind,
    names: &'static [&'static str],
    home: Home,
    collection: &'static str,
    version: &'static str,
    spelling: &'static str,
    message: &'static str,
    stage: u8,
}

macro_rules! rows {
    ($($kind:ident {
        called($($name:literal)+; $home:ident $collection:literal; $version:literal $spelling:literal)
        message($message:ident: $($common:tt)*)
        calls $calls:tt
        applied($stage:literal $($applied:tt)*)
    })*) => {
        /// A kind of resource.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Kind {
            $($kind,)*
        }

        /// In the order of [`Kind`].
        const ROWS: &[Row] = &[$(Row {
            kind: Kind::$kind,
            names: &[$($name),+],
            home: Home::$home,
            collection: $collection,
            version: $version,
            spelling: $spelling,
            message: stringify!($message),
            stage: $stage,
        },)*];
    };
}

kinds!(rows);

impl Kind {
    fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }

    /// Singular, lower case.
    pub(crate) fn noun(self) -> &'static str {
        self.row().names[0]
    }

    /// The part of a path in front of the name.
    pub(crate) fn collection(self) -> &'static str {
        self.row().collection
    }

    /// The `apiVersion` of its document.
    pub(crate) fn version(self) -> &'static str {
        self.row().version
    }

    /// The `kind` of its document.
    pub(crate) fn spelling(self) -> &'static str {
        self.row().spelling
    }

    /// What comes later may need what comes earlier.
    pub(crate) fn stage(self) -> u8 {
        self.row().stage
    }

    pub(crate) fn home(self) -> Home {
        self.row().home
    }

    /// Whether it lives in a namespace.
    pub(crate) fn is_namespaced(self) -> bool {
        self.home() == Home::Namespace
    }

    /// Whether requests hold a resource in a field of this name.
    pub(crate) fn is_message(field: &str) -> bool {
        ROWS.iter().any(|row| row.message == field)
    }

    fn parse(word: &str) -> Result<Self, String> {
        let lower = word.to_ascii_lowercase();
        let found = ROWS.iter().find(|row| row.names.contains(&lower.as_str()));
        found.map(|row| row.kind).ok_or_else(|| {
            let plurals: Vec<_> = ROWS.iter().map(|row| row.names[1]).collect();
            format!(
                "there is no kind {word:?}; there are {}, all",
                plurals.join(", ")
            )
        })
    }

    /// `all`, as kubectl has it: what belongs to a namespace.
    fn all() -> impl Iterator<Item = Self> {
        let kinds = ROWS.iter().map(|row| row.kind);
        kinds.filter(|kind| kind.is_namespaced())
    }
}

/// Some resources: all of a kind, or those named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) kind: Kind,
    /// Empty: all.
    pub(crate) names: Vec<String>,
}

impl Target {
    /// Reads `KIND[,KIND…] [NAME…]` or `KIND/NAME…`.
    pub(crate) fn parse(words: &[String]) -> Result<Vec<Self>, String> {
        let Some((first, names)) = words.split_first() else {
            return Err("say which kind, for example `services`".to_owned());
        };
        if first.contains('/') {
            return words.iter().map(|word| Self::pair(word)).collect();
        }
        let mut kinds = Vec::new();
        for word in first.split(',') {
            match word {
                "all" => kinds.extend(Kind::all()),
                word => kinds.push(Kind::parse(word)?),
            }
        }
        if kinds.len() > 1 && !names.is_empty() {
            return Err("names need one kind, or the form KIND/NAME".to_owned());
        }
        let target = |kind| Self {
            kind,
            names: names.to_vec(),
        };
        Ok(kinds.into_iter().map(target).collect())
    }

    fn pair(word: &str) -> Result<Self, String> {
        match word.split_once('/') {
            Some((kind, name)) if !name.is_empty() => Ok(Self {
                kind: Kind::parse(kind)?,
                names: vec![name.to_owned()],
            }),
            _ => Err(format!("{word:?} should be KIND/NAME, as the others are")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{GET, Kind, ROWS, Target};

    fn parse(words: &str) -> Result<Vec<(Kind, String)>, String> {
        let words: Vec<_> = words.split_whitespace().map(ToOwned::to_owned).collect();
        let targets = Target::parse(&words)?;
        Ok(targets
            .into_iter()
            .map(|t| (t.kind, t.names.join(" ")))
            .collect())
    }

    #[test]
    fn kinds_and_names_are_read_as_kubectl_reads_them() {
        use Kind::{Endpoint, Node, Service, Workload};
        let rows: &[(&str, &[(Kind, &str)])] = &[
            ("svc", &[(Service, "")]),
            ("Services", &[(Service, "")]),
            ("po web-0 web-1", &[(Workload, "web-0 web-1")]),
            ("svc,nodes", &[(Service, ""), (Node, "")]),
            ("all", &[(Service, ""), (Workload, ""), (Endpoint, "")]),
            ("svc/web node/n1", &[(Service, "web"), (Node, "n1")]),
        ];
        for (words, expected) in rows {
            let expected: Vec<_> = expected
                .iter()
                .map(|(k, n)| (*k, (*n).to_owned()))
                .collect();
            assert_eq!(parse(words).unwrap(), expected, "{words}");
        }
    }

    #[test]
    fn what_is_no_kind_is_refused_with_the_kinds_there_are() {
        assert!(
            parse("deployments")
                .unwrap_err()
                .contains("services, namespaces")
        );
        assert!(parse("svc,nodes web").unwrap_err().contains("one kind"));
        assert!(parse("svc/web nodes").unwrap_err().contains("KIND/NAME"));
        assert!(parse("").is_err());
    }

    #[test]
    fn the_help_names_every_kind() {
        for row in ROWS {
            assert!(GET.contains(row.names[1]), "{}", row.names[1]);
        }
    }
}
