//! What can be asked of Services.

use portolan_model::{Scoped, ServiceSpec};

use super::{Delete, Params, Put};

/// What is asked of Services.
#[derive(Clone, Debug)]
pub enum ServiceAction {
    /// Create or change one.
    Put {
        /// Its name.
        key: Scoped,
        /// What it shall be.
        put: Put<ServiceSpec>,
    },
    /// Create several, all or none.
    CreateAll(Vec<NewService>),
    /// Delete one, its endpoints, and release what it held.
    Delete {
        /// Its name.
        key: Scoped,
        /// Conditions.
        delete: Delete,
    },
}

/// One Service of several.
#[derive(Clone, Debug)]
pub struct NewService {
    /// Its name.
    pub key: Scoped,
    /// What it is asked to be.
    pub params: Params<ServiceSpec>,
}
