//! What can be asked of ranges for virtual addresses.

use ipnet::IpNet;
use portolan_model::Name;

use super::Delete;

/// What is asked of ranges for virtual addresses.
#[derive(Clone, Debug)]
pub enum ServiceCidrAction {
    /// Another range.
    Create {
        /// Its name.
        name: Name,
        /// One range, or one of each family.
        cidrs: Vec<IpNet>,
    },
    /// Delete a range.
    Delete {
        /// Its name.
        name: Name,
        /// Only allocate nothing from it any more; it goes by itself once nothing holds it.
        drain: bool,
        /// Conditions.
        delete: Delete,
    },
    /// Remove ranges that are drained: those of these that still may go.
    RemoveDrained {
        /// Their names.
        names: Vec<Name>,
    },
}
