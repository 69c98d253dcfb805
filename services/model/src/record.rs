//! A change as it is written down.

use crate::{Change, Digest, Kind, Object, Uid};

/// A change as log, tables and digests have it. Made once, when the change is decided: serialising an object costs more
/// than all else that a change does in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// [`Change::kind`]
    pub kind: Kind,
    /// [`Object::path`]
    pub path: String,
    /// [`Object::uid`]
    pub uid: Uid,
    /// Body before the change; `None`: it is new.
    pub before: Option<String>,
    /// Body after it; `None`: it is gone.
    pub after: Option<String>,
}

impl Record {
    /// Of a change.
    pub fn of(change: &Change) -> Self {
        let object = change.object();
        Self {
            kind: object.kind(),
            path: object.path(),
            uid: object.uid(),
            before: change.before.as_ref().map(Object::to_body),
            after: change.after.as_ref().map(Object::to_body),
        }
    }

    /// Octets of the newest value there is, as it is stored.
    pub fn octets(&self) -> usize {
        let newest = self.after.as_ref().or(self.before.as_ref());
        newest.map_or(0, String::len)
    }

    /// What the change adds to the state's digest: the share of the object before, which goes, and of the one after.
    pub fn digest(&self) -> Digest {
        let mut digest = Digest::EMPTY;
        for body in [&self.before, &self.after].into_iter().flatten() {
            let (kind, path) = (self.kind.number(), self.path.as_bytes());
            digest.toggle(Digest::of(&[&[kind], path, &[0], body.as_bytes()]));
        }
        digest
    }
}
