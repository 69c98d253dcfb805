//! What can be asked of claims; nobody but the control plane itself and its operators does.

use std::collections::BTreeSet;

use portolan_model::{Claimed, Revision, Uid};

/// What is asked of claims.
#[derive(Clone, Debug)]
pub enum ClaimsAction {
    /// Put right those that don't fit the Services.
    Repair {
        /// Claims without a Service that are old enough to go, with the owner they name.
        orphans: BTreeSet<(Claimed, Uid)>,
    },
    /// Free what every node has forgotten, or what waited for too long.
    Release {
        /// Each with the revision that released it: what was claimed and released again meanwhile stays.
        claims: Vec<(Claimed, Revision)>,
    },
}
