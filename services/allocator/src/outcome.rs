//! What became of a request.

use portolan_model::{Object, Revision};

use crate::Discrepancy;

/// An operation that was done.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The revision that shows it; of an unchanged object the one it was decided on.
    pub revision: Revision,
    /// What happened.
    pub verb: Verb,
    /// What was written: the resource itself first. Of a delete: its last state.
    pub objects: Vec<Object>,
    /// What was accepted, but has no effect.
    pub warnings: Vec<String>,
    /// Of a repair: what did not fit.
    pub discrepancies: Vec<Discrepancy>,
}

/// What happened to a resource.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It is new.
    Created,
    /// It changed.
    Configured,
    /// It is as it was; no revision was made.
    Unchanged,
    /// It is gone.
    Deleted,
}

impl Verb {
    /// The word users know from `kubectl apply`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Configured => "configured",
            Self::Unchanged => "unchanged",
            Self::Deleted => "deleted",
        }
    }
}
