//! Changes of what is kept.

use std::fmt;

use crate::{Kind, Object};

/// A change of one object, whole before and after: never an instruction. At least one side is there, and where both
/// are, kind and path agree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// `None`: it is new.
    pub before: Option<Object>,
    /// `None`: it is gone.
    pub after: Option<Object>,
}

impl Change {
    /// A new object.
    pub fn create(after: impl Into<Object>) -> Self {
        Self {
            before: None,
            after: Some(after.into()),
        }
    }

    /// Another value of an object.
    pub fn update(before: impl Into<Object>, after: impl Into<Object>) -> Self {
        Self {
            before: Some(before.into()),
            after: Some(after.into()),
        }
    }

    /// An object that is gone.
    pub fn delete(before: impl Into<Object>) -> Self {
        Self {
            before: Some(before.into()),
            after: None,
        }
    }

    /// The newest value there is.
    pub fn object(&self) -> &Object {
        self.after
            .as_ref()
            .or(self.before.as_ref())
            .expect("a change has at least one side")
    }

    /// What it concerns.
    pub fn kind(&self) -> Kind {
        self.object().kind()
    }

    /// The change that takes this one back.
    pub fn inverse(&self) -> Self {
        Self {
            before: self.after.clone(),
            after: self.before.clone(),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match (&self.before, &self.after) {
            (None, _) => "create",
            (_, None) => "delete",
            _ => "update",
        };
        write!(f, "{verb} {}", self.object().resource())
    }
}
