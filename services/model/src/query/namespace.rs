//! Namespaces, as lists name them.

use std::borrow::Cow;

use super::columns::{Column, Kept, Listed, Value, column, ordering, text, unscoped};
use crate::{Namespace, Scoped};

use Value::{Map, Text, Time};

impl Listed for Namespace {
    const NOUN: &'static str = "a namespace";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|n| text(n.meta.name.as_str()))),
                column("uid", Text(|n| Cow::Owned(n.meta.uid.to_string()))),
                column("labels", Map(|n| &n.meta.labels)),
                ordering("create_time", Time(|n| n.meta.created_at)),
                ordering("update_time", Time(|n| n.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        unscoped(&self.meta.name)
    }
}

impl Kept for Namespace {}
