//! What deciding needs to know of a resource beside what the model says of it.

use std::sync::Arc;

use portolan_model::{Meta, NameKey, Refusal, Resource, State, Violations, validate};

use super::draft::Draft;
use super::preconditions::check_namespace;
use crate::Params;

/// A resource that is created, changed and deleted by the steps of `write`.
pub(super) trait Decided: Resource {
    /// The field that requests have it in: `node` in `node.spec.zone`.
    const FIELD: &'static str;

    /// An object as it shall be; what nobody asks for it has from the one before.
    fn made(key: &Self::Key, meta: Meta, spec: Self::Spec, before: Option<&Self>) -> Self;

    /// Collects what can be said against a specification alone.
    fn rules(spec: &Self::Spec, violations: &mut Violations);

    /// What is accepted, but has no effect.
    fn warnings(_spec: &Self::Spec) -> Vec<String> {
        Vec::new()
    }

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
pub(super) fn rules<N: Decided>(params: &Params<N::Spec>, violations: &mut Violations) {
    let field = N::FIELD;
    validate::labels(format_args!("{field}.labels"), &params.labels, violations);
    let annotations = format_args!("{field}.annotations");
    validate::annotations(annotations, &params.annotations, violations);
    N::rules(&params.spec, violations);
}

/// What an object lies in must exist.
pub(super) fn check_parent(state: &State, key: &impl NameKey) -> Result<(), Refusal> {
    let namespace = key.namespace();
    namespace.map_or(Ok(()), |namespace| check_namespace(state, namespace))
}
