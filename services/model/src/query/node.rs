//! Nodes, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Kept, Listed, Value, column, ordering, text, texts, unscoped};
use crate::{Node, Scoped};

use Value::{Map, Text, Texts, Time};

impl Listed for Node {
    const NOUN: &'static str = "a node";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| text(n.meta.name.as_str()))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("zone", Text(|n| text(&n.spec.zone))),
                column("dataplane", Text(|n| text(&n.spec.dataplane))),
                column("address", Texts(|n| texts(&n.spec.addresses))),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for Node {}
