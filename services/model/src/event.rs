//! Events: what happened, for people.

use serde::{Deserialize, Serialize};

use crate::{Timestamp, Uid};

/// Whether somebody should look.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// As it should be.
    Normal,
    /// Somebody should look.
    Warning,
}

/// Something that happened. Repeats of (object, reason, component, message) are counted, not listed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Resource name below the cluster, for example `namespaces/default/services/web`.
    pub object: String,
    /// The resource's identity.
    pub object_uid: Uid,
    /// Whether somebody should look.
    pub event_type: EventType,
    /// CamelCase word that programs may compare.
    pub reason: String,
    /// Sentence for people.
    pub message: String,
    /// Who says so.
    pub component: String,
    /// How often.
    pub count: u64,
    /// First time.
    pub first_at: Timestamp,
    /// Last time.
    pub last_at: Timestamp,
}
