//! NamespaceAPI.

use portolan_allocator::{Action, NamespaceAction, Put};
use portolan_model::{Name, Namespace, NamespaceSpec, Violations};
use portolan_proto::convert::namespace;
use portolan_proto::v1;
use portolan_proto::v1::namespace_api_server::NamespaceApi;

use super::rpcs::rpcs;
use crate::resource::{Exposed, View, Written, message};

impl Exposed for Namespace {
    type Message = v1::Namespace;

    fn message(&self, cluster: &str) -> v1::Namespace {
        namespace::to_wire(cluster, self)
    }

    fn shown(&self, view: &View<'_>) -> v1::Namespace {
        v1::Namespace {
            status: Some(namespace::status(view.state, self)),
            ..self.message(view.cluster.name())
        }
    }
}

message!(Namespace in "namespace", NamespaceSpec);

impl Written for Namespace {
    const IS_OPTIONAL: bool = true;

    const OPEN: &'static [&'static str] = &["spec", "spec.quota"];

    fn read(field: &str, sent: &v1::NamespaceSpec, violations: &mut Violations) -> NamespaceSpec {
        namespace::spec(field, sent, violations)
    }

    fn write(spec: &NamespaceSpec) -> v1::NamespaceSpec {
        namespace::spec_to_wire(spec)
    }

    fn put(name: Name, put: Put<NamespaceSpec>) -> Action {
        Action::Namespace(NamespaceAction::Put { name, put })
    }
}

rpcs! {
    NamespaceApi: Namespace, namespace, namespaces;
    get get_namespace(GetNamespaceRequest) -> Namespace;
    list list_namespaces(ListNamespacesRequest) -> ListNamespacesResponse;
    create create_namespace(CreateNamespaceRequest, namespace_id) -> Namespace;
    update update_namespace(UpdateNamespaceRequest) -> Namespace;
    delete delete_namespace(DeleteNamespaceRequest, force) -> Namespace
        by |name, delete| Action::Namespace(NamespaceAction::Delete { name, force, delete });
    watch watch_namespaces(WatchNamespacesRequest) -> WatchNamespacesResponse;
    stream WatchNamespacesStream of WatchNamespacesResponse;
    more {}
}
