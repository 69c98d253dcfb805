//! Idempotency: what a request id stands for.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::state::index::{Edit, Index, Indexed};
use crate::{Revision, Timestamp};

/// A request that was done. A repetition with the same body gets the same answer; another body is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// What the client chose.
    pub id: Uuid,
    /// Digest of method and body, hexadecimal.
    pub body_hash: String,
    /// Kind of the object it wrote, as in [`crate::Kind::number`].
    pub kind: u8,
    /// Its key among its kind, as in [`crate::Object::path`].
    pub path: String,
    /// The revision that did it.
    pub revision: Revision,
    /// When it may be forgotten.
    pub expires_at: Timestamp,
}

impl Indexed for Request {
    fn index(&self, index: &mut Index, edit: Edit) {
        edit.entry(&mut index.expiries, (self.expires_at.0, self.id));
    }
}
