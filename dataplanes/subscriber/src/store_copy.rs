//! What a node holds whole.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use portolan_model::view::{PackedView, ViewKey};
use portolan_model::{Digest, Revision, StoreId};
use portolan_proto::convert::view;
use portolan_proto::node::v1 as wire;

use crate::Reason;
use crate::key::ObjectKey;

/// The bytes of an object as they came, and nothing beside them: a node holds those of its whole cluster.
pub(crate) type Body = Box<[u8]>;

/// Objects that changed; `None` is gone.
pub(crate) type Changes = BTreeMap<ObjectKey, Option<Body>>;

/// Every object of a store at a revision, each body as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreCopy {
    pub(crate) store_id: StoreId,
    pub(crate) revision: Revision,
    pub(crate) digest: Digest,
    pub(crate) objects: BTreeMap<ObjectKey, Body>,
    pub(crate) unreadable: BTreeMap<ObjectKey, Unreadable>,
}

/// An object whose body this release can't read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The revision since which that is so.
    pub(crate) since: Revision,
    /// Why it could not be read.
    pub(crate) error: String,
    /// The last body that it could read: what stays programmed.
    pub(crate) last_good: Option<Body>,
}

/// What changes mean to the owner of the views.
#[derive(Debug, Default)]
pub(crate) struct ViewChanges {
    pub(crate) upserts: Vec<(ViewKey, PackedView)>,
    pub(crate) removed: Vec<ViewKey>,
}

impl StoreCopy {
    /// Nothing of a store.
    pub(crate) fn empty(store_id: StoreId) -> Self {
        Self {
            store_id,
            revision: Revision::ZERO,
            digest: Digest::EMPTY,
            objects: BTreeMap::new(),
            unreadable: BTreeMap::new(),
        }
    }

    /// Takes over whole values. Those that are held already change nothing.
    pub(crate) fn apply(&mut self, changes: &Changes, to: Revision) -> ViewChanges {
        let mut views = ViewChanges::default();
        self.revision = to;
        for (key, body) in changes {
            match body {
                Some(body) => self.put(*key, body, &mut views),
                None => self.forget(*key, &mut views),
            }
        }
        views
    }

    /// Holds exactly these objects, whose digest is known.
    pub(crate) fn replace(
        &mut self,
        objects: BTreeMap<ObjectKey, Body>,
        digest: Digest,
        to: Revision,
    ) -> ViewChanges {
        let mut before = std::mem::take(&mut self.objects);
        (self.revision, self.digest) = (to, digest);
        let mut views = ViewChanges {
            // A first state is all new, and a list that grows to it would be copied, half of it being there twice.
            upserts: Vec::with_capacity(objects.len().saturating_sub(before.len())),
            removed: Vec::new(),
        };
        for (key, body) in &objects {
            let old = before.remove(key);
            if old.as_ref() != Some(body) {
                self.read(*key, body, old, &mut views);
            }
        }
        self.objects = objects;
        for key in before.into_keys() {
            self.unreadable.remove(&key);
            views.removed.extend(key.view());
        }
        views
    }

    /// Every object in its last readable version.
    pub(crate) fn views(&self) -> Vec<(ViewKey, PackedView)> {
        let readable = |(key, body): (&ObjectKey, &Body)| {
            let view_key = key.view()?;
            let body = match self.unreadable.get(key) {
                Some(unreadable) => unreadable.last_good.as_ref()?,
                None => body,
            };
            // A body in its last readable version was read when it came.
            Some((view_key, view::decode(view_key.kind, body).ok()?.into()))
        };
        self.objects.iter().filter_map(readable).collect()
    }

    /// The rejections that follow from what can't be read.
    pub(crate) fn unreadable(&self) -> impl Iterator<Item = (ViewKey, Revision, Reason)> {
        self.unreadable.iter().filter_map(|(key, unreadable)| {
            let reason = Reason {
                code: "INVALID_OBJECT",
                message: format!(
                    "{}; its last good version stays; update the agent of this node",
                    unreadable.error
                ),
            };
            Some((key.view()?, unreadable.since, reason))
        })
    }

    /// Where a stream may go on.
    pub(crate) fn resume(&self) -> wire::Resume {
        wire::Resume {
            store_id: self.store_id.as_bytes().to_vec(),
            revision: self.revision.0,
            digest: self.digest.as_bytes().to_vec(),
        }
    }

    fn put(&mut self, key: ObjectKey, body: &Body, views: &mut ViewChanges) {
        let old = match self.objects.entry(key) {
            Entry::Occupied(held) if held.get() == body => return,
            Entry::Occupied(mut held) => Some(held.insert(body.clone())),
            Entry::Vacant(free) => {
                free.insert(body.clone());
                None
            }
        };
        for body in [Some(body), old.as_ref()].into_iter().flatten() {
            self.digest.toggle(key.digest(body));
        }
        self.read(key, body, old, views);
    }

    /// What a new body means; `old` is the one before.
    fn read(&mut self, key: ObjectKey, body: &Body, old: Option<Body>, views: &mut ViewChanges) {
        let Some(view_key) = key.view() else { return };
        match view::decode(view_key.kind, body) {
            Ok(view) => {
                self.unreadable.remove(&key);
                views.upserts.push((view_key, view.into()));
            }
            Err(error) => {
                let before = self.unreadable.remove(&key);
                let since = before.as_ref().map_or(self.revision, |held| held.since);
                let last_good = before.map_or(old, |held| held.last_good);
                let unreadable = Unreadable {
                    since,
                    error: error.to_string(),
                    last_good,
                };
                self.unreadable.insert(key, unreadable);
            }
        }
    }

    fn forget(&mut self, key: ObjectKey, views: &mut ViewChanges) {
        let Some(old) = self.objects.remove(&key) else {
            return;
        };
        self.digest.toggle(key.digest(&old));
        self.unreadable.remove(&key);
        views.removed.extend(key.view());
    }
}
