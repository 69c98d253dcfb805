//! What can be asked of namespaces.

use portolan_model::{Name, NamespaceSpec};

use super::{Delete, Put};

/// What is asked of a namespace.
#[derive(Clone, Debug)]
pub enum NamespaceAction {
    /// Create or change it.
    Put {
        /// Its name.
        name: Name,
        /// What it shall be.
        put: Put<NamespaceSpec>,
    },
    /// Delete it.
    Delete {
        /// Its name.
        name: Name,
        /// With everything in it.
        force: bool,
        /// Conditions.
        delete: Delete,
    },
}
