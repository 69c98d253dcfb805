//! Events, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Listed, Value, column, ordering, text};
use crate::{Digest, Event, EventType, Name, Scoped};

use Value::{Text, Time, Word};

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
