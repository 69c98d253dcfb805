//! What objects are found by.

use std::fmt;
use std::net::IpAddr;

use uuid::Uuid;

use crate::{Name, Scoped};

/// What an object is found by among its kind. Shown, it is [`crate::Object::path`].
pub trait Key: Ord + Clone + fmt::Display + Send + Sync + 'static {
    /// From its text; `None` if that is no key of this kind.
    fn parse(text: &str) -> Option<Self>;

    /// The resource name below the cluster, in a collection.
    fn resource(&self, collection: &str) -> String {
        format!("{collection}/{self}")
    }
}

/// A key that is a name, or a name in a namespace.
pub trait NameKey: Key {
    /// The last part.
    fn name(&self) -> &Name;

    /// The namespace of what lives in one.
    fn namespace(&self) -> Option<&Name>;

    /// From both parts; what lives in no namespace leaves that part alone.
    fn from_scoped(scoped: &Scoped) -> Self;
}

impl Key for Name {
    fn parse(text: &str) -> Option<Self> {
        Some(Self::trusted(text))
    }
}

impl NameKey for Name {
    fn name(&self) -> &Name {
        self
    }

    fn namespace(&self) -> Option<&Name> {
        None
    }

    fn from_scoped(scoped: &Scoped) -> Self {
        scoped.name.clone()
    }
}

impl Key for Scoped {
    fn parse(text: &str) -> Option<Self> {
        let (namespace, name) = text.split_once('/')?;
        Some(Self::new(Name::trusted(namespace), Name::trusted(name)))
    }

    fn resource(&self, collection: &str) -> String {
        format!("namespaces/{}/{collection}/{}", self.namespace, self.name)
    }
}

impl NameKey for Scoped {
    fn name(&self) -> &Name {
        &self.name
    }

    fn namespace(&self) -> Option<&Name> {
        Some(&self.namespace)
    }

    fn from_scoped(scoped: &Scoped) -> Self {
        scoped.clone()
    }
}

impl Key for IpAddr {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for u16 {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl Key for Uuid {
    fn parse(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}
