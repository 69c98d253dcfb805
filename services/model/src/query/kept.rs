//! Where the resources of the committed state are, and what else turns their columns.

use std::sync::Arc;

use super::Kept;
use crate::{
    Change, Endpoint, Kind, Name, Namespace, Node, Object, Scoped, Service, ServiceCidr, State,
    Workload,
};

impl Kept for Service {
    const KIND: Kind = Kind::Service;

    fn of(object: &Object) -> Option<&Arc<Self>> {
        match object {
            Object::Service(service) => Some(service),
            _ => None,
        }
    }

    fn after<'a>(
        state: &'a State,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Self>> + 'a> {
        Box::new(state.services_after(namespace, after))
    }

    fn touched(state: &State, change: &Change) -> Vec<Arc<Self>> {
        match change.object() {
            Object::Endpoint(endpoint) => {
                let service = state.service_by_uid(endpoint.service_uid);
                service.cloned().into_iter().collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Kept for Workload {
    const KIND: Kind = Kind::Workload;

    fn of(object: &Object) -> Option<&Arc<Self>> {
        match object {
            Object::Workload(workload) => Some(workload),
            _ => None,
        }
    }

    fn after<'a>(
        state: &'a State,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Self>> + 'a> {
        Box::new(state.workloads_after(namespace, after))
    }

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

impl Kept for Endpoint {
    const KIND: Kind = Kind::Endpoint;

    fn of(object: &Object) -> Option<&Arc<Self>> {
        match object {
            Object::Endpoint(endpoint) => Some(endpoint),
            _ => None,
        }
    }

    fn after<'a>(
        state: &'a State,
        namespace: Option<&Name>,
        after: Option<&Scoped>,
    ) -> Box<dyn Iterator<Item = &'a Arc<Self>> + 'a> {
        Box::new(state.endpoints_after(namespace, after))
    }
}

/// Of what lives in no namespace, and is few.
macro_rules! unscoped {
    ($($noun:ident: $all:ident;)*) => {$(
        impl Kept for $noun {
            const KIND: Kind = Kind::$noun;

            fn of(object: &Object) -> Option<&Arc<Self>> {
                match object {
                    Object::$noun(it) => Some(it),
                    _ => None,
                }
            }

            fn after<'a>(
                state: &'a State,
                _namespace: Option<&Name>,
                after: Option<&Scoped>,
            ) -> Box<dyn Iterator<Item = &'a Arc<Self>> + 'a> {
                let after = after.map(|after| after.name.clone());
                let is_later = move |it: &&Arc<Self>| after.as_ref().is_none_or(|after| it.meta.name > *after);
                Box::new(state.$all().filter(is_later))
            }
        }
    )*};
}
unscoped! {
    Node: nodes;
    Namespace: namespaces;
    ServiceCidr: service_cidrs;
}
