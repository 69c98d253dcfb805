//! What writing needs to know of a noun that has labels, annotations and a specification.

use std::sync::Arc;

use portolan_model::{Meta, Name, Refusal, Scoped, State, Violations, validate};
use serde::Serialize;

use super::draft::Draft;
use super::preconditions::check_namespace;
use crate::Params;

/// A noun whose objects are created, changed and deleted by the steps of `write`.
pub(super) trait Noun: Sized {
    /// How its objects are named.
    type Key: Key;
    /// What can be asked of them.
    type Spec: Clone + PartialEq + Serialize;

    /// The field that requests have it in: `node` in `node.spec.zone`.
    const FIELD: &'static str;
    /// The collection of its objects: `nodes` in `nodes/n1`.
    const COLLECTION: &'static str;

    fn find(state: &State, key: &Self::Key) -> Option<Arc<Self>>;

    fn parts(&self) -> (&Meta, &Self::Spec);

    /// An object as it shall be; what nobody asks for it has from the one before.
    fn made(key: &Self::Key, meta: Meta, spec: Self::Spec, before: Option<&Self>) -> Self;

    /// Collects what can be said against a specification alone.
    fn rules(spec: &Self::Spec, violations: &mut Violations);

    /// Refuses what the state has something against.
    fn check(
        _draft: &Draft,
        _key: &Self::Key,
        _wanted: &Self::Spec,
        _before: Option<&Self>,
    ) -> Result<(), Refusal> {
        Ok(())
    }

    /// Takes away what must be gone before the object is.
    fn release(_draft: &mut Draft, _before: &Self) {}

    /// Brings in line what depends on an object that was written or deleted.
    fn follow(
        _draft: &mut Draft,
        _key: &Self::Key,
        _before: Option<&Self>,
        _after: Option<&Arc<Self>>,
    ) {
    }
}

/// Collects what can be said against what is asked alone.
pub(super) fn rules<N: Noun>(params: &Params<N::Spec>, violations: &mut Violations) {
    let field = N::FIELD;
    validate::labels(format_args!("{field}.labels"), &params.labels, violations);
    let annotations = format_args!("{field}.annotations");
    validate::annotations(annotations, &params.annotations, violations);
    N::rules(&params.spec, violations);
}

/// The name of an object within its cluster.
pub(super) trait Key {
    fn name(&self) -> &Name;

    /// Path below the cluster.
    fn path(&self, collection: &str) -> String;

    /// What the object lies in must exist.
    fn check_parent(&self, state: &State) -> Result<(), Refusal>;
}

impl Key for Name {
    fn name(&self) -> &Name {
        self
    }

    fn path(&self, collection: &str) -> String {
        format!("{collection}/{self}")
    }

    fn check_parent(&self, _: &State) -> Result<(), Refusal> {
        Ok(())
    }
}

impl Key for Scoped {
    fn name(&self) -> &Name {
        &self.name
    }

    fn path(&self, collection: &str) -> String {
        format!("namespaces/{}/{collection}/{}", self.namespace, self.name)
    }

    fn check_parent(&self, state: &State) -> Result<(), Refusal> {
        check_namespace(state, &self.namespace)
    }
}
