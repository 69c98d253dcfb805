//! Writes of resources that have labels, annotations and a specification.

use std::fmt;
use std::sync::Arc;

use portolan_model::{Labels, Meta, Uid, Violations};

/// What a resource is asked to be, or is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<S> {
    /// Labels.
    pub labels: Labels,
    /// Annotations.
    pub annotations: Labels,
    /// Specification; what is to be allocated is left out.
    pub spec: S,
}

impl<S: Clone> Params<S> {
    /// What asks for a resource that is there.
    pub fn of(meta: &Meta, spec: &S) -> Self {
        Self {
            labels: meta.labels.clone(),
            annotations: meta.annotations.clone(),
            spec: spec.clone(),
        }
    }
}

/// A write of a resource about which nothing else can be asked.
#[derive(Clone, Debug)]
pub enum Write<K, S> {
    /// Create or change it.
    Put {
        /// Its name.
        key: K,
        /// What it shall be.
        put: Put<S>,
    },
    /// Delete it, and what follows from it.
    Delete {
        /// Its name.
        key: K,
        /// Conditions.
        delete: Delete,
    },
}

/// Creates a resource, or changes it.
#[derive(Clone, Debug)]
pub enum Put<S> {
    /// It must not exist.
    Create(Params<S>),
    /// It must exist, unless `allow_missing`.
    Update {
        /// How it changes.
        update: Update<S>,
        /// Create it otherwise.
        allow_missing: bool,
    },
}

/// How a resource changes.
#[derive(Clone, Debug)]
pub struct Update<S> {
    /// From what is stored to what is wanted.
    pub merge: Arc<dyn Merge<S>>,
    /// Conditions.
    pub preconditions: Preconditions,
}

/// From what is stored to what is wanted. It is asked when the write is decided, so that of those who write different
/// parts at once everybody keeps what they wrote (decision 33), and depends on nothing but what it is given.
pub trait Merge<S>: fmt::Debug + Send + Sync {
    /// What the whole resource shall be, given what is stored; what is created is taken as a whole (AIP-134). Collects
    /// what was sent and can't be.
    fn wanted(&self, stored: Option<&Params<S>>, wrong: &mut Violations) -> Params<S>;

    /// Collects what [`Merge::wanted`] would find wrong if what is stored were sent.
    fn recheck(&self, stored: &Params<S>, wrong: &mut Violations);

    /// Whether the write says what a field of the resource shall be, rather than leave it as it is stored.
    fn means(&self, path: &str) -> bool;

    /// Whether the field of a violation is wanted as it is stored: the key of a map, else a whole field.
    fn is_kept(&self, field: &str, stored: &Params<S>, wanted: &Params<S>) -> bool;
}

/// Conditions of a delete.
#[derive(Clone, Debug, Default)]
pub struct Delete {
    /// Absence is success.
    pub allow_missing: bool,
    /// What must hold of what is there.
    pub preconditions: Preconditions,
}

/// What a request says about the resource that it was made for.
#[derive(Clone, Debug, Default)]
pub struct Preconditions {
    /// Must match if set.
    pub etag: Option<String>,
    /// Must match if set.
    pub expected_uid: Option<Uid>,
}
