//! Field violations, collected rather than thrown.

use std::fmt;

use crate::limits;

/// One field that breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path in the request, in proto field names: `service.spec.ports[1].node_port`.
    pub field: String,
    /// The rule, and how to put it right.
    pub description: String,
}

/// The path of a field: a text, or the `format_args!` of one, since it is wanted only if something is wrong.
pub trait FieldPath: fmt::Display + Copy {}
impl<P: fmt::Display + Copy> FieldPath for P {}

/// All violations of a request; at most one a field (the first, which later checks only follow from), at most 50.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one, unless the field has one already.
    pub fn add(&mut self, field: impl fmt::Display, description: impl Into<String>) {
        let field = field.to_string();
        if self.0.len() < limits::VIOLATIONS.value && !self.has(&field) {
            self.0.push(Violation {
                field,
                description: description.into(),
            });
        }
    }

    /// Whether the field has one.
    pub fn has(&self, field: &str) -> bool {
        self.0.iter().any(|v| v.field == field)
    }

    /// The value of `result`, or a violation and `None`.
    pub fn check<T, E: ToString>(
        &mut self,
        field: impl FieldPath,
        result: Result<T, E>,
    ) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    /// Adds others, under the same rules.
    pub fn extend(&mut self, others: Self) {
        for Violation { field, description } in others.0 {
            self.add(field, description);
        }
    }

    /// Drops those that `is_kept` does not hold for.
    pub fn retain(&mut self, is_kept: impl FnMut(&Violation) -> bool) {
        self.0.retain(is_kept);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In the order of their discovery.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// `Ok` if there is none.
    pub fn into_result(self) -> Result<(), crate::Refusal> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(crate::Refusal::Invalid { violations: self.0 })
        }
    }
}
