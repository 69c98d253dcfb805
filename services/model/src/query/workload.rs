//! Workloads, as lists name them.

use std::borrow::Cow;
use std::sync::Arc;

use super::columns::{Column, Kept, Listed, Value, column, maybe, ordering, text, texts};
use crate::{Change, Object, Scoped, State, Workload};

use Value::{Derived, Flag, Map, Text, Texts, Time};

impl Listed for Workload {
    const NOUN: &'static str = "a workload";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|w| text(w.meta.name.as_str()))),
                column("namespace", Text(|w| text(w.namespace.as_str()))),
                column("uid", Text(|w| Cow::Owned(w.meta.uid.to_string()))),
                column("labels", Map(|w| &w.meta.labels)),
                ordering("node", Text(|w| maybe(w.spec.node.as_ref()))),
                column("address", Texts(|w| texts(&w.spec.addresses))),
                column("draining", Flag(|w| w.spec.draining)),
                column(
                    "ready",
                    Derived(|state, w| !w.spec.draining && state.is_serving(w)),
                ),
                ordering("create_time", Time(|w| w.meta.created_at)),
                ordering("update_time", Time(|w| w.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        self.key()
    }
}

impl Kept for Workload {
    fn touched(state: &State, change: &Change) -> Vec<Arc<Self>> {
        match (&change.before, &change.after) {
            // Who probes a workload depends on whether its node is there.
            (None, Some(Object::Node(node))) | (Some(Object::Node(node)), None) => {
                state.workloads_on(&node.meta.name).cloned().collect()
            }
            _ => Vec::new(),
        }
    }
}
