//! Everything that is kept, and changes of it.

use std::fmt;
use std::sync::Arc;

use crate::{
    Cluster, Endpoint, IpClaim, Namespace, Node, PortClaim, Request, Service, ServiceCidr, Uid,
    Workload,
};

/// What an object is. The number is what tables and digests carry: never reuse one.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// [`Cluster`]
    Cluster = 1,
    /// [`ServiceCidr`]
    ServiceCidr = 2,
    /// [`Namespace`]
    Namespace = 3,
    /// [`Service`]
    Service = 4,
    /// [`Workload`]
    Workload = 5,
    /// [`Endpoint`]
    Endpoint = 6,
    /// [`Node`]
    Node = 7,
    /// [`IpClaim`]
    IpClaim = 8,
    /// [`PortClaim`]
    PortClaim = 9,
    /// [`Request`]
    Request = 10,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Cluster,
        Self::ServiceCidr,
        Self::Namespace,
        Self::Service,
        Self::Workload,
        Self::Endpoint,
        Self::Node,
        Self::IpClaim,
        Self::PortClaim,
        Self::Request,
    ];

    /// From its number; `None` if a newer release wrote it.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// The collection in a resource name; for claims and requests the table people read.
    pub fn collection(self) -> &'static str {
        match self {
            Self::Cluster => "clusters",
            Self::ServiceCidr => "serviceCidrs",
            Self::Namespace => "namespaces",
            Self::Service => "services",
            Self::Workload => "workloads",
            Self::Endpoint => "endpoints",
            Self::Node => "nodes",
            Self::IpClaim => "ipClaims",
            Self::PortClaim => "portClaims",
            Self::Request => "requests",
        }
    }
}

/// Everything that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A cluster; one in its own log.
    Cluster(Arc<Cluster>),
    /// A range for virtual addresses.
    ServiceCidr(Arc<ServiceCidr>),
    /// A namespace.
    Namespace(Arc<Namespace>),
    /// A Service.
    Service(Arc<Service>),
    /// A workload.
    Workload(Arc<Workload>),
    /// An endpoint.
    Endpoint(Arc<Endpoint>),
    /// A node.
    Node(Arc<Node>),
    /// An address that is not free.
    IpClaim(Arc<IpClaim>),
    /// A node port that is not free.
    PortClaim(Arc<PortClaim>),
    /// A request that was done.
    Request(Arc<Request>),
}

/// Runs the same expression for whatever an object is.
macro_rules! each {
    ($object:expr, $value:ident => $body:expr) => {
        match $object {
            Object::Cluster($value) => $body,
            Object::ServiceCidr($value) => $body,
            Object::Namespace($value) => $body,
            Object::Service($value) => $body,
            Object::Workload($value) => $body,
            Object::Endpoint($value) => $body,
            Object::Node($value) => $body,
            Object::IpClaim($value) => $body,
            Object::PortClaim($value) => $body,
            Object::Request($value) => $body,
        }
    };
}

impl Object {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Cluster(_) => Kind::Cluster,
            Self::ServiceCidr(_) => Kind::ServiceCidr,
            Self::Namespace(_) => Kind::Namespace,
            Self::Service(_) => Kind::Service,
            Self::Workload(_) => Kind::Workload,
            Self::Endpoint(_) => Kind::Endpoint,
            Self::Node(_) => Kind::Node,
            Self::IpClaim(_) => Kind::IpClaim,
            Self::PortClaim(_) => Kind::PortClaim,
            Self::Request(_) => Kind::Request,
        }
    }

    /// Its key among its kind: `name`, `namespace/name`, an address, a port or a request id.
    pub fn path(&self) -> String {
        match self {
            Self::Cluster(o) => o.meta.name.to_string(),
            Self::ServiceCidr(o) => o.meta.name.to_string(),
            Self::Namespace(o) => o.meta.name.to_string(),
            Self::Service(o) => o.key().to_string(),
            Self::Workload(o) => o.key().to_string(),
            Self::Endpoint(o) => o.key().to_string(),
            Self::Node(o) => o.meta.name.to_string(),
            Self::IpClaim(o) => o.address.to_string(),
            Self::PortClaim(o) => o.port.to_string(),
            Self::Request(o) => o.id.to_string(),
        }
    }

    /// Its identity; of a claim that of its owner, of a request the client's choice.
    pub fn uid(&self) -> Uid {
        match self {
            Self::Cluster(o) => o.meta.uid,
            Self::ServiceCidr(o) => o.meta.uid,
            Self::Namespace(o) => o.meta.uid,
            Self::Service(o) => o.meta.uid,
            Self::Workload(o) => o.meta.uid,
            Self::Endpoint(o) => o.uid,
            Self::Node(o) => o.meta.uid,
            Self::IpClaim(o) => o.owner.uid,
            Self::PortClaim(o) => o.owner.uid,
            Self::Request(o) => o.id.into(),
        }
    }

    /// Resource name below its cluster, for example `namespaces/default/services/web`.
    pub fn resource(&self) -> String {
        let within = |namespace: &crate::Name, name: &crate::Name| {
            format!("namespaces/{namespace}/{}/{name}", self.kind().collection())
        };
        match self {
            Self::Service(o) => within(&o.namespace, &o.meta.name),
            Self::Workload(o) => within(&o.namespace, &o.meta.name),
            Self::Endpoint(o) => within(&o.namespace, &o.name),
            _ => format!("{}/{}", self.kind().collection(), self.path()),
        }
    }

    /// The body that is stored and hashed: JSON, with the fields in a fixed order.
    pub fn to_body(&self) -> String {
        each!(self, o => serde_json::to_string(o.as_ref()))
            .expect("every key is a string and no value is NaN")
    }

    /// From a stored body, whatever the order of its fields.
    pub fn from_body(kind: Kind, body: &str) -> Result<Self, serde_json::Error> {
        Ok(match kind {
            Kind::Cluster => Self::Cluster(serde_json::from_str(body)?),
            Kind::ServiceCidr => Self::ServiceCidr(serde_json::from_str(body)?),
            Kind::Namespace => Self::Namespace(serde_json::from_str(body)?),
            Kind::Service => Self::Service(serde_json::from_str(body)?),
            Kind::Workload => Self::Workload(serde_json::from_str(body)?),
            Kind::Endpoint => Self::Endpoint(serde_json::from_str(body)?),
            Kind::Node => Self::Node(serde_json::from_str(body)?),
            Kind::IpClaim => Self::IpClaim(serde_json::from_str(body)?),
            Kind::PortClaim => Self::PortClaim(serde_json::from_str(body)?),
            Kind::Request => Self::Request(serde_json::from_str(body)?),
        })
    }
}

macro_rules! from_noun {
    ($($noun:ident),*) => {$(
        impl From<$noun> for Object {
            fn from(noun: $noun) -> Self {
                Self::$noun(Arc::new(noun))
            }
        }

        impl From<Arc<$noun>> for Object {
            fn from(noun: Arc<$noun>) -> Self {
                Self::$noun(noun)
            }
        }
    )*};
}
from_noun!(
    Cluster,
    ServiceCidr,
    Namespace,
    Service,
    Workload,
    Endpoint,
    Node,
    IpClaim,
    PortClaim,
    Request
);

/// A change of one object, whole before and after: never an instruction. At least one side is there, and where both
/// are, kind and path agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `None`: it is new.
    pub before: Option<Object>,
    /// `None`: it is gone.
    pub after: Option<Object>,
}

impl Change {
    /// A new object.
    pub fn create(after: impl Into<Object>) -> Self {
        Self {
            before: None,
            after: Some(after.into()),
        }
    }

    /// Another value of an object.
    pub fn update(before: impl Into<Object>, after: impl Into<Object>) -> Self {
        Self {
            before: Some(before.into()),
            after: Some(after.into()),
        }
    }

    /// An object that is gone.
    pub fn delete(before: impl Into<Object>) -> Self {
        Self {
            before: Some(before.into()),
            after: None,
        }
    }

    /// The newest value there is.
    pub fn object(&self) -> &Object {
        self.after
            .as_ref()
            .or(self.before.as_ref())
            .expect("a change has at least one side")
    }

    /// What it concerns.
    pub fn kind(&self) -> Kind {
        self.object().kind()
    }

    /// The change that takes this one back.
    pub fn inverse(&self) -> Self {
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        };
        write!(f, "{verb} {}", self.object().resource())
    }
}
