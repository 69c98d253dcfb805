//! Why a request is refused, by what the caller does next.

use crate::{ClaimOwner, Reason, Violation};

/// A refusal. The text says what was wrong; reasons and subjects are for programs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Wrong whatever the stored state: mend the request.
    #[error("{}", describe(violations))]
    Invalid {
        /// Every field that is wrong.
        violations: Vec<Violation>,
    },
    /// An attempt to change what can't be changed: delete and create again.
    #[error("{}", describe(violations))]
    Immutable {
        /// Every field concerned.
        violations: Vec<Violation>,
    },
    /// Well-formed, but the present state forbids it: change that first.
    #[error("{}", preconditions.iter().map(|p| p.description.as_str()).collect::<Vec<_>>().join("; "))]
    Precondition {
        /// The word for programs.
        reason: Reason,
        /// What stands in the way.
        preconditions: Vec<Precondition>,
    },
    /// Absent.
    #[error("{resource} not found{}", if remedy.is_empty() { String::new() } else { format!("; {remedy}") })]
    NotFound {
        /// Path of what is absent, for example `namespaces/production`.
        resource: String,
        /// What to do; may be empty.
        remedy: String,
    },
    /// The name is taken.
    #[error("{resource} already exists")]
    AlreadyExists {
        /// Path of what exists.
        resource: String,
    },
    /// A range is full.
    #[error("{description}")]
    Exhausted {
        /// What is exhausted.
        reason: Reason,
        /// The range.
        subject: String,
        /// What is full, with the exact counts.
        description: String,
        /// Held.
        used: u64,
        /// Released, not yet free.
        quarantined: u64,
        /// In all.
        capacity: u64,
    },
    /// Somebody else was faster: read again, then decide again.
    #[error("{description}")]
    Conflict {
        /// What differs, for programs.
        reason: Reason,
        /// What differs, for people.
        description: String,
    },
    /// More than one transaction may carry.
    #[error("the operation would write {rows} rows; at most {limit} are allowed in one: split it")]
    TooLarge {
        /// Rows it would write.
        rows: usize,
        /// Rows allowed.
        limit: usize,
    },
}

/// Something that stands in the way of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Precondition {
    /// What kind of obstacle it is.
    pub kind: Reason,
    /// The request's field, or the resource concerned.
    pub subject: String,
    /// What is in the way, and how to put it right.
    pub description: String,
    /// Resource below the cluster that holds what was asked for.
    pub holder: Option<String>,
}

impl Precondition {
    /// The same, with the Service that holds what was asked for.
    #[must_use]
    pub fn held_by(self, owner: &ClaimOwner) -> Self {
        Self {
            holder: Some(owner.resource()),
            ..self
        }
    }
}

impl Refusal {
    /// A single violation.
    pub fn invalid(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Invalid {
            violations: vec![Violation {
                field: field.into(),
                description: description.into(),
            }],
        }
    }

    /// A single field that can't be changed.
    pub fn immutable(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::Immutable {
            violations: vec![Violation {
                field: field.into(),
                description: description.into(),
            }],
        }
    }

    /// A single precondition whose kind is its reason.
    pub fn precondition(
        kind: Reason,
        subject: impl Into<String>,
        description: impl Into<String>,
    ) -> Self {
        let precondition = Precondition {
            kind,
            subject: subject.into(),
            description: description.into(),
            holder: None,
        };
        Self::Precondition {
            reason: kind,
            preconditions: vec![precondition],
        }
    }

    /// Absent, with nothing better to say.
    pub fn not_found(resource: impl Into<String>) -> Self {
        Self::NotFound {
            resource: resource.into(),
            remedy: String::new(),
        }
    }
}

fn describe(violations: &[Violation]) -> String {
    violations
        .iter()
        .map(|v| format!("{}: {}", v.field, v.description))
        .collect::<Vec<_>>()
        .join("; ")
}
