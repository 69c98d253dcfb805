//! Events: what happened, for people.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::query::columns::{Column, Listed, Value, column, ordering, text};
use crate::{Digest, Name, Scoped, Timestamp, Uid};

use Value::{Text, Time, Word};

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

impl Listed for Event {
    const NOUN: &'static str = "an event";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("object", Text(|e| text(&e.object))),
                column("object_uid", Text(|e| Cow::Owned(e.object_uid.to_string()))),
                column(
                    "type",
                    Word(&["NORMAL", "WARNING"], |e| match e.event_type {
                        EventType::Normal => "NORMAL",
                        EventType::Warning => "WARNING",
                    }),
                ),
                ordering("reason", Text(|e| text(&e.reason))),
                column("component", Text(|e| text(&e.component))),
                column("message", Text(|e| text(&e.message))),
                ordering("first_time", Time(|e| e.first_at)),
                ordering("last_time", Time(|e| e.last_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        let parts = [&self.reason, &self.component, &self.message];
        let parts = parts.map(String::as_bytes);
        Scoped::new(
            Name::trusted(self.object_uid.to_string()),
            Name::trusted(Digest::of(&parts).to_string()),
        )
    }
}
