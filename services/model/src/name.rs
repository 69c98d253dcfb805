//! Names, as DNS allows them.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits;

/// The last part of a resource name. Checked where it enters; cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Name(Arc<str>);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// RFC 1123 label wanted.
    #[error(
        "must be a DNS label (RFC 1123): 1 to 63 lower-case letters, digits and '-', starting and ending with a letter or digit"
    )]
    Label,
    /// RFC 1123 subdomain wanted.
    #[error(
        "must be a DNS subdomain (RFC 1123): labels of lower-case letters, digits and '-', joined by '.', at most 253 characters"
    )]
    Subdomain,
}

impl Name {
    /// An RFC 1123 label, as for Services and namespaces.
    pub fn label(text: &str) -> Result<Self, NameError> {
        if is_label(text) {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Label)
        }
    }

    /// An RFC 1123 subdomain, as for workloads, nodes and endpoints.
    pub fn subdomain(text: &str) -> Result<Self, NameError> {
        let fits = text.len() <= limits::NAME.value && text.split('.').all(is_label);
        if fits {
            Ok(Self(text.into()))
        } else {
            Err(NameError::Subdomain)
        }
    }

    /// A name that was checked before, or is made of such.
    pub fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a text is an RFC 1123 label.
pub(crate) fn is_label(text: &str) -> bool {
    let alphanumeric =
        |b: Option<&u8>| b.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let bytes = text.as_bytes();
    bytes.len() <= limits::LABEL.value
        && alphanumeric(bytes.first())
        && alphanumeric(bytes.last())
        && bytes
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-')
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Name of something that lives in a namespace. Orders by namespace, then by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Scoped {
    /// The namespace.
    pub namespace: Name,
    /// The name within it.
    pub name: Name,
}

impl Scoped {
    /// From its two parts.
    pub fn new(namespace: Name, name: Name) -> Self {
        Self { namespace, name }
    }
}

impl fmt::Display for Scoped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_rfc_1123() {
        let long = "a".repeat(64);
        for (text, ok) in [
            ("web", true),
            ("0web", true),
            ("a-b", true),
            (&long[..63], true),
            (&long, false),
            ("", false),
            ("-a", false),
            ("a-", false),
            ("A", false),
            ("a.b", false),
            ("a_b", false),
            ("ä", false),
        ] {
            assert_eq!(Name::label(text).is_ok(), ok, "{text:?}");
        }
    }

    #[test]
    fn subdomains_are_labels_joined_by_dots() {
        for (text, ok) in [
            ("web-1.eu", true),
            ("a..b", false),
            (".a", false),
            ("a.", false),
            ("", false),
        ] {
            assert_eq!(Name::subdomain(text).is_ok(), ok, "{text:?}");
        }
    }
}
