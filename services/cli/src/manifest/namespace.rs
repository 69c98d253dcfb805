//! Namespaces: Kubernetes' kind, which knows nothing of limits, and our own, which does.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::{Item, Scope};

/// Kubernetes' Namespace says all about labels and annotations, and leaves limits as they are.
pub(super) fn kubernetes(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.anywhere());
    if let Some(spec) = fields.fields("spec") {
        // Only a server sets them.
        spec.refuse_unknown(&["finalizers"]);
    }
    fields.refuse_unknown(&["status"]);
    request(metadata, None, scope).into()
}

/// Our own says all about the limits as well.
pub(super) fn own(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.anywhere());
    let spec = fields.fields("spec").map(|fields| {
        let spec = v1::NamespaceSpec {
            quota: fields.fields("quota").map(|fields| quota(&fields)),
            endpoint_ranges: fields.texts("endpointRanges"),
        };
        fields.refuse_unknown(&[]);
        spec
    });
    fields.refuse_unknown(&["status"]);
    request(metadata, Some(spec.unwrap_or_default()), scope).into()
}

fn quota(fields: &Fields<'_>) -> v1::NamespaceQuota {
    let limit = |key| fields.get(key).and_then(|place| place.integer());
    let quota = v1::NamespaceQuota {
        services: limit("services"),
        node_ports: limit("nodePorts"),
        load_balancers: limit("loadBalancers"),
        endpoints: limit("endpoints"),
    };
    fields.refuse_unknown(&[]);
    quota
}

fn request(metadata: Metadata, spec: Option<v1::NamespaceSpec>, scope: &Scope) -> Item {
    let paths = match spec {
        Some(_) => vec!["*"],
        None => vec!["labels", "annotations"],
    };
    Item::Namespace(v1::UpdateNamespaceRequest {
        namespace: Some(v1::Namespace {
            name: scope.namespace_path(&metadata.name),
            labels: metadata.labels,
            annotations: metadata.annotations,
            spec,
            ..v1::Namespace::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.into_iter().map(ToOwned::to_owned).collect(),
        }),
        allow_missing: true,
        ..v1::UpdateNamespaceRequest::default()
    })
}
