//! Services, as lists name them.

use std::borrow::Cow;
use std::sync::Arc;

use crate::query::columns::{Column, Kept, Listed, Value, column, ordering, text, texts};
use crate::{Change, Object, Scoped, Service, ServiceType, State};

use Value::{Derived, Flag, Map, Text, Texts, Time, Word};

impl Listed for Service {
    const NOUN: &'static str = "a Service";

    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                ordering("name", Text(|s| text(s.meta.name.as_str()))),
                column("namespace", Text(|s| text(s.namespace.as_str()))),
                column("uid", Text(|s| Cow::Owned(s.meta.uid.to_string()))),
                column("labels", Map(|s| &s.meta.labels)),
                column(
                    "type",
                    Word(
                        &["CLUSTER_IP", "NODE_PORT", "LOAD_BALANCER", "EXTERNAL_NAME"],
                        |s| match s.spec.kind {
                            ServiceType::ClusterIP => "CLUSTER_IP",
                            ServiceType::NodePort => "NODE_PORT",
                            ServiceType::LoadBalancer => "LOAD_BALANCER",
                            ServiceType::ExternalName => "EXTERNAL_NAME",
                        },
                    ),
                ),
                column("headless", Flag(|s| s.spec.cluster_ips.is_headless())),
                column("has_selector", Flag(|s| s.spec.has_selector())),
                column(
                    "has_endpoints",
                    Derived(|state, s| state.endpoints_of(s).next().is_some()),
                ),
                column(
                    "ready",
                    Derived(|state, s| state.endpoints_of(s).any(|e| e.ready)),
                ),
                column(
                    "cluster_ip",
                    Texts(|s| texts(s.spec.cluster_ips.addresses())),
                ),
                ordering("create_time", Time(|s| s.meta.created_at)),
                ordering("update_time", Time(|s| s.meta.updated_at)),
            ]
        }
    }

    fn sort_key(&self) -> Scoped {
        self.key()
    }
}

impl Kept for Service {
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
