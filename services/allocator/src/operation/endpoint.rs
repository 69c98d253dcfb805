//! What can be asked of endpoints that are written by hand.

use std::net::IpAddr;

use portolan_model::{EndpointPort, Name, Scoped};

use super::Delete;

/// What is asked of endpoints that are written by hand.
#[derive(Clone, Debug)]
pub enum EndpointAction {
    /// Replace those that a source gave a Service.
    Replace {
        /// The Service; it has no selector.
        service: Scoped,
        /// Who writes.
        source: String,
        /// The whole list.
        endpoints: Vec<EndpointParams>,
    },
    /// Delete one.
    Delete {
        /// Its name.
        key: Scoped,
        /// Conditions.
        delete: Delete,
    },
}

/// A hand-written endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointParams {
    /// Where traffic goes.
    pub address: IpAddr,
    /// Which ports it serves.
    pub ports: Vec<EndpointPort>,
    /// The node it runs on.
    pub node: Option<Name>,
    /// Its zone.
    pub zone: String,
    /// Its own name in DNS.
    pub hostname: Option<String>,
    /// May be chosen.
    pub ready: bool,
    /// Answers.
    pub serving: bool,
    /// About to end.
    pub terminating: bool,
    /// Share of traffic beside its equals.
    pub weight: u32,
}
