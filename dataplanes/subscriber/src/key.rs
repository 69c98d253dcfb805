//! Keys of objects as they came.

use portolan_model::view::ViewKey;
use portolan_model::{Digest, Uid};
use portolan_proto::convert::view;

/// Names an object. Unlike a [`ViewKey`] it can name a kind that this release does not know: such an object counts in
/// the digest, and a later release can read it.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ObjectKey {
    pub(crate) kind: u8,
    pub(crate) uid: Uid,
}

impl ObjectKey {
    /// From the wire; `None` for what can't be hashed.
    pub(crate) fn new(kind: i32, uid: &[u8]) -> Option<Self> {
        let kind = u8::try_from(kind).ok().filter(|kind| *kind != 0)?;
        let uid = Uid::from_slice(uid)?;
        Some(Self { kind, uid })
    }

    /// The key of a view, if the kind is known.
    pub(crate) fn view(self) -> Option<ViewKey> {
        view::key(self.kind.into(), self.uid.as_bytes()).ok()
    }

    /// Share in the digest of a state.
    pub(crate) fn digest(self, body: &[u8]) -> Digest {
        Digest::of(&[&[self.kind], self.uid.as_bytes(), body])
    }
}

impl From<ViewKey> for ObjectKey {
    fn from(key: ViewKey) -> Self {
        Self {
            kind: key.kind as u8,
            uid: key.uid,
        }
    }
}
