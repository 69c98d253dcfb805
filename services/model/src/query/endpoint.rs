//! Endpoints, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Kept, Listed, Value, column, maybe, ordering, text};
use crate::{Endpoint, Origin, Scoped};

use Value::{Flag, Text, Time};

impl Listed for Endpoint {
    const NOUN: &'static str = "an endpoint";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|e| text(e.name.as_str()))),
                column("namespace", Text(|e| text(e.namespace.as_str()))),
                column("uid", Text(|e| Cow::Owned(e.uid.to_string()))),
                ordering("service", Text(|e| text(e.service.as_str()))),
                column(
                    "workload",
                    Text(|e| match &e.origin {
                        Origin::Workload { name: workload, .. } => text(workload.as_str()),
                        Origin::Source(_) => text(""),
                    }),
                ),
                column(
                    "source",
                    Text(|e| match &e.origin {
                        Origin::Source(source) => text(source),
                        Origin::Workload { .. } => text(""),
                    }),
                ),
                column("address", Text(|e| Cow::Owned(e.address.to_string()))),
                ordering("node", Text(|e| maybe(e.node.as_ref()))),
                column("zone", Text(|e| text(&e.zone))),
                column("ready", Flag(|e| e.ready)),
                column("serving", Flag(|e| e.serving)),
                column("terminating", Flag(|e| e.terminating)),
                ordering("create_time", Time(|e| e.created_at)),
                ordering("update_time", Time(|e| e.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        self.key()
    }
}

impl Kept for Endpoint {}
