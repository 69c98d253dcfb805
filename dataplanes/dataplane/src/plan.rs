//! The difference between what should be and what is.

use portolan_model::{Family, Protocol};

use crate::{Capabilities, Frontend, FrontendKey, NodeState, Rejected, RejectionCode};

/// What a dataplane has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// New or changed, whole; done before anything is removed.
    pub put: Vec<(FrontendKey, Frontend)>,
    /// No longer wanted.
    pub remove: Vec<FrontendKey>,
    /// Wanted, but beyond the dataplane. An older version that it did program is removed.
    pub unsupported: Vec<Rejected>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }
}
