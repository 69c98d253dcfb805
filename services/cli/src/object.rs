//! A resource of any kind, for what is the same for all of them.

use std::collections::BTreeMap;

use portolan_proto::v1;

use crate::kind::Kind;

/// A resource as the server sent it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Object {
    Service(v1::Service),
    Namespace(v1::Namespace),
    Workload(v1::Workload),
    Endpoint(v1::Endpoint),
    Node(v1::Node),
    ServiceCidr(v1::ServiceCidr),
    Cluster(v1::Cluster),
}

macro_rules! each {
    ($object:expr, $value:ident => $result:expr) => {
        match $object {
            Object::Service($value) => $result,
            Object::Namespace($value) => $result,
            Object::Workload($value) => $result,
            Object::Endpoint($value) => $result,
            Object::Node($value) => $result,
            Object::ServiceCidr($value) => $result,
            Object::Cluster($value) => $result,
        }
    };
}

macro_rules! from {
    ($($kind:ident),*) => {$(
        impl From<v1::$kind> for Object {
            fn from(value: v1::$kind) -> Self {
                Self::$kind(value)
            }
        }
    )*};
}

from!(
    Service,
    Namespace,
    Workload,
    Endpoint,
    Node,
    ServiceCidr,
    Cluster
);

impl Object {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Service(_) => Kind::Service,
            Self::Namespace(_) => Kind::Namespace,
            Self::Workload(_) => Kind::Workload,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Node(_) => Kind::Node,
            Self::ServiceCidr(_) => Kind::ServiceCidr,
            Self::Cluster(_) => Kind::Cluster,
        }
    }

    /// The whole path.
    pub(crate) fn path(&self) -> &str {
        each!(self, value => &value.name)
    }

    /// The last part of the path.
    pub(crate) fn name(&self) -> &str {
        last(self.path())
    }

    /// The namespace it lives in; empty if it lives in none.
    pub(crate) fn namespace(&self) -> &str {
        if self.kind().is_namespaced() {
            namespace(self.path())
        } else {
            ""
        }
    }

    /// What a write may ask to be still true; empty where nothing is ever changed in place.
    pub(crate) fn etag(&self) -> &str {
        match self {
            Self::Service(service) => &service.etag,
            Self::Namespace(namespace) => &namespace.etag,
            Self::Workload(workload) => &workload.etag,
            Self::Node(node) => &node.etag,
            Self::Cluster(cluster) => &cluster.etag,
            Self::Endpoint(_) | Self::ServiceCidr(_) => "",
        }
    }

    /// What selectors look at; `None` for kinds without labels.
    pub(crate) fn labels(&self) -> Option<&BTreeMap<String, String>> {
        match self {
            Self::Service(service) => Some(&service.labels),
            Self::Namespace(namespace) => Some(&namespace.labels),
            Self::Workload(workload) => Some(&workload.labels),
            Self::Node(node) => Some(&node.labels),
            Self::Endpoint(_) | Self::ServiceCidr(_) | Self::Cluster(_) => None,
        }
    }

    pub(crate) fn created(&self) -> Option<&prost_types::Timestamp> {
        each!(self, value => value.create_time.as_ref())
    }
}

/// The last part of a path.
pub(crate) fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

/// The namespace in `clusters/{cluster}/namespaces/{namespace}/…`.
pub(crate) fn namespace(path: &str) -> &str {
    path.split('/').nth(3).unwrap_or_default()
}

/// `service/web` for a path that ends in `services/web`.
pub(crate) fn short(path: &str) -> String {
    let mut parts = path.rsplit('/');
    match (parts.next(), parts.next()) {
        (Some(name), Some(collection)) => {
            let kind = collection.strip_suffix('s').unwrap_or(collection);
            format!("{}/{name}", kind.to_lowercase())
        }
        _ => path.to_owned(),
    }
}
