//! What nodes hold if they are in step: every view's body, and the digest over all of them.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use portolan_model::limits::VIEW;
use portolan_model::view::{ViewKey, ViewKind, project, touched};
use portolan_model::{Change, Digest, Object, Rejection, RejectionCode, Revision, State};
use portolan_proto::convert::view::{digest, encode};
use rpds::RedBlackTreeMapSync;

/// New bodies by key; `None`: gone.
pub(crate) type Delta = BTreeMap<ViewKey, Option<Bytes>>;

/// All bodies at a revision. Clones share structure, so that a snapshot can be made of one while it moves on.
#[derive(Clone)]
pub(crate) struct Projection {
    revision: Revision,
    bodies: RedBlackTreeMapSync<ViewKey, Bytes>,
    /// What is too large for a message, as every node's rejection: nodes hold none of it, so nothing of it is in the digest.
    withheld: RedBlackTreeMapSync<ViewKey, Rejection>,
    digest: Digest,
}

impl Projection {
    /// Of a whole state.
    pub(crate) fn of(state: &State) -> Self {
        let mut projection = Self {
            revision: state.revision(),
            bodies: RedBlackTreeMapSync::new_sync(),
            withheld: RedBlackTreeMapSync::new_sync(),
            digest: Digest::EMPTY,
        };
        for (key, view) in project(state) {
            let body = projection.admit(key, Some(encode(&view)), state.revision());
            projection.set(key, body);
        }
        projection
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    pub(crate) fn digest(&self) -> Digest {
        self.digest
    }

    /// What nodes are not sent since it is too large.
    pub(crate) fn withheld(&self) -> impl Iterator<Item = &Rejection> {
        self.withheld.values()
    }

    pub(crate) fn bodies(&self) -> &RedBlackTreeMapSync<ViewKey, Bytes> {
        &self.bodies
    }

    /// Moves on to `after`, which `changes` lead to, and adds to `delta` what a node has to be told: what has other
    /// bytes now, and everything that was changed itself, even if it is back where it was. Returns how many views it
    /// took.
    pub(crate) fn advance<'a>(
        &mut self,
        after: &State,
        changes: impl Iterator<Item = &'a Change> + Clone,
        delta: &mut Delta,
    ) -> usize {
        let own: BTreeSet<ViewKey> = changes
            .clone()
            .flat_map(|change| change.before.iter().chain(&change.after))
            .filter_map(own_view)
            .collect();
        let touched = touched(after, changes);
        let count = touched.len();
        for (key, view) in touched {
            let body = view.as_ref().map(encode);
            let body = self.admit(key, body, after.revision());
            let is_new = self.bodies.get(&key) != body.as_ref();
            if is_new {
                self.set(key, body.clone());
            }
            if is_new || key.kind == ViewKind::Cluster || own.contains(&key) {
                delta.insert(key, body);
            }
        }
        self.revision = after.revision();
        count
    }

    /// Keeps back what no message has room for: to a node it is not there.
    fn admit(&mut self, key: ViewKey, body: Option<Bytes>, at: Revision) -> Option<Bytes> {
        let size = body.as_ref().map_or(0, Bytes::len);
        if size <= VIEW.value {
            if self.withheld.contains_key(&key) {
                self.withheld.remove_mut(&key);
            }
            return body;
        }
        let since = self.withheld.get(&key).map_or(at, |known| known.since);
        let message = format!(
            "{} for the stream of nodes, so no node is sent it; make the object smaller",
            VIEW.exceeded(size)
        );
        tracing::error!(kind = %key.kind, uid = %key.uid, "withheld from all nodes: {message}");
        let rejection = Rejection {
            object: key,
            since,
            code: RejectionCode::LimitExceeded,
            message,
        };
        self.withheld.insert_mut(key, rejection);
        None
    }

    fn set(&mut self, key: ViewKey, body: Option<Bytes>) {
        if let Some(held) = self.bodies.get(&key) {
            self.digest.toggle(digest(key, held));
        }
        match body {
            Some(body) => {
                self.digest.toggle(digest(key, &body));
                self.bodies.insert_mut(key, body);
            }
            None => drop(self.bodies.remove_mut(&key)),
        }
    }
}

/// The view that shows an object itself; nobody is shown a workload without a probe.
fn own_view(object: &Object) -> Option<ViewKey> {
    let is_hidden = match object {
        Object::Workload(workload) => workload.spec.probe.is_none() || workload.spec.node.is_none(),
        _ => false,
    };
    object.view().filter(|_| !is_hidden)
}
