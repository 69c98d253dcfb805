//! Where nouns live: in a cluster, or in a namespace of one.

use portolan_model::{FieldPath, Name, NameKey, Scoped, Violations};
use portolan_proto::convert::name::{self, InCluster};

/// What a noun is found by, and how resource names say it.
pub(crate) trait Place: NameKey {
    /// From a resource name.
    fn named(
        field: impl FieldPath,
        text: &str,
        collection: &'static str,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>>;

    /// Of a new one, from its parent and what names it there.
    fn below(
        parent: &str,
        id: Option<Name>,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>>;

    /// The parent of a list: a cluster, and the namespace if one is meant.
    fn parent(text: &str, violations: &mut Violations) -> Option<InCluster<Option<Name>>>;
}

impl Place for Name {
    fn named(
        field: impl FieldPath,
        text: &str,
        collection: &'static str,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>> {
        name::in_cluster(field, text, collection, violations)
    }

    fn below(
        parent: &str,
        id: Option<Name>,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>> {
        let cluster = name::cluster("parent", parent, violations)?;
        Some(InCluster { cluster, key: id? })
    }

    fn parent(text: &str, violations: &mut Violations) -> Option<InCluster<Option<Name>>> {
        let cluster = name::cluster("parent", text, violations)?;
        Some(InCluster { cluster, key: None })
    }
}

impl Place for Scoped {
    fn named(
        field: impl FieldPath,
        text: &str,
        collection: &'static str,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>> {
        name::in_namespace(field, text, collection, violations)
    }

    fn below(
        parent: &str,
        id: Option<Name>,
        violations: &mut Violations,
    ) -> Option<InCluster<Self>> {
        let parent = name::namespace("parent", parent, violations)?;
        Some(InCluster {
            cluster: parent.cluster,
            key: Self::new(parent.key, id?),
        })
    }

    fn parent(text: &str, violations: &mut Violations) -> Option<InCluster<Option<Name>>> {
        name::namespaces("parent", text, violations)
    }
}
