//! What every named object carries.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Digest, Name, Revision, Timestamp, Uid};

/// Labels or annotations; ordered, so that equal ones have equal bytes.
pub type Labels = BTreeMap<String, String>;

/// Identity and history of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// The name.
    pub name: Name,
    /// The identity.
    pub uid: Uid,
    /// Grows with every change of the specification; starts at 1.
    pub generation: u64,
    /// For selection and people.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub labels: Labels,
    /// For tools and people.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub annotations: Labels,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
    /// The revision that created it.
    pub created_in: Revision,
    /// The revision that last wrote it.
    pub revision: Revision,
}

impl Meta {
    /// Strong entity tag of specification and metadata (RFC 9110), quoted. Status is no part of it, so that health
    /// never invalidates what a user has read.
    pub fn etag<T: Serialize>(&self, spec: &T) -> String {
        let body = serde_json::to_vec(&(&self.labels, &self.annotations, spec))
            .expect("every key is a string and no value is NaN");
        format!("\"{}\"", Digest::of(&[self.uid.as_bytes(), &body]))
    }
}
