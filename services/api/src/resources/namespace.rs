//! NamespaceAPI.

use portolan_allocator::{Action, Delete, NamespaceAction, Put};
use portolan_model::{Name, Namespace, NamespaceSpec, Violations};
use portolan_proto::convert::{name, namespace};
use portolan_proto::v1;
use portolan_proto::v1::namespace_api_server::NamespaceApi;

use super::rpcs::rpcs;
use crate::mask::Table;
use crate::resource::{Exposed, View, Written, params};

impl Exposed for Namespace {
    type Message = v1::Namespace;

    fn shown(&self, view: &View<'_>) -> v1::Namespace {
        namespace::to_wire(view.cluster.name(), view.state, self)
    }
}

impl Written for Namespace {
    const IS_OPTIONAL: bool = true;

    fn table() -> &'static Table<v1::Namespace, NamespaceSpec> {
        static TABLE: Table<v1::Namespace, NamespaceSpec> = Table {
            message: "portolan.v1.Namespace",
            field: "namespace",
            open: &["spec", "spec.quota"],
            inwards: |sent, v| {
                let spec = sent.spec.as_ref();
                let spec = spec.map(|spec| namespace::spec("namespace.spec", spec, v));
                params(sent, spec.unwrap_or_default())
            },
            outwards: |params| v1::Namespace {
                labels: params.labels.clone(),
                annotations: params.annotations.clone(),
                spec: Some(namespace::spec_to_wire(&params.spec)),
                ..v1::Namespace::default()
            },
            check: |_, _| (),
        };
        &TABLE
    }

    fn id(field: &str, text: &str, violations: &mut Violations) -> Option<Name> {
        name::new_label(field, text, violations)
    }

    fn put(name: Name, put: Put<NamespaceSpec>) -> Action {
        Action::Namespace(NamespaceAction::Put { name, put })
    }
}

fn deletion(name: Name, delete: Delete, force: bool) -> Action {
    Action::Namespace(NamespaceAction::Delete {
        name,
        force,
        delete,
    })
}

rpcs! {
    NamespaceApi: Namespace, namespace, namespaces;
    get get_namespace(GetNamespaceRequest) -> Namespace;
    list list_namespaces(ListNamespacesRequest) -> ListNamespacesResponse;
    create create_namespace(CreateNamespaceRequest, namespace_id) -> Namespace;
    update update_namespace(UpdateNamespaceRequest) -> Namespace;
    delete delete_namespace(DeleteNamespaceRequest, force) -> Namespace;
    watch watch_namespaces(WatchNamespacesRequest) -> WatchNamespacesResponse;
    stream WatchNamespacesStream of WatchNamespacesResponse;
    more {}
}
