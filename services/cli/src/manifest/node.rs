//! Our own kind Node: a machine that carries Services.

use portolan_proto::v1;

use super::document::Answer;
use super::metadata::Metadata;
use super::read::Fields;
use super::{Item, Scope};

pub(super) fn read(fields: &Fields<'_>, scope: &Scope) -> Answer {
    let metadata = Metadata::read(fields, &scope.anywhere());
    let spec = fields.fields("spec").map(|fields| {
        let spec = v1::NodeSpec {
            addresses: fields.texts("addresses"),
            zone: fields.text("zone"),
            node_port_addresses: fields.texts("nodePortAddresses"),
            dataplane: fields.text("dataplane"),
        };
        fields.refuse_unknown(&[]);
        spec
    });
    fields.refuse_unknown(&["status"]);
    Item::Node(v1::Node {
        name: format!("{}/nodes/{}", scope.cluster_path(), metadata.name),
        labels: metadata.labels,
        annotations: metadata.annotations,
        spec: Some(spec.unwrap_or_default()),
        ..v1::Node::default()
    })
    .into()
}
