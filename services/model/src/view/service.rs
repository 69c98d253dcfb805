//! The projection of a Service together with its endpoints.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::endpoint::{EndpointView, endpoint_view};
use super::frontend::frontends;
use super::usable::Usable;
use super::{ServiceView, View, ViewKey, ViewKind};
use crate::{Endpoint, Grants, Service, State};

/// Names the proxy that cares for a Service. Kubernetes' own proxy takes any value for another's.
const PROXY_NAME: &str = "service.kubernetes.io/service-proxy-name";

/// Ours.
const OWN_NAME: &str = "portolan";

/// On a Service, whatever its value: no proxy cares for it.
const HEADLESS: &str = "service.kubernetes.io/headless";

/// The label by which a Service is not for Portolan's nodes: they leave it alone, while it keeps its addresses and
/// endpoints.
pub fn leaves_alone(service: &Service) -> Option<&'static str> {
    let labels = &service.meta.labels;
    if labels.get(PROXY_NAME).is_some_and(|name| name != OWN_NAME) {
        return Some(PROXY_NAME);
    }
    labels.contains_key(HEADLESS).then_some(HEADLESS)
}

/// A Service and its endpoints as nodes see them.
pub(super) fn project_service(
    state: &State,
    service: &Service,
    views: &mut BTreeMap<ViewKey, View>,
) {
    let grants = Grants::of(state, &service.namespace);
    let admitted =
        |endpoint: &&Arc<Endpoint>| grants.as_ref().is_none_or(|g| g.admit(endpoint).is_ok());
    let endpoints = state.endpoints_of(service).filter(admitted);
    let endpoints: Vec<_> = endpoints.map(AsRef::as_ref).collect();
    let usable = Usable::of(service, &endpoints);
    for endpoint in &endpoints {
        let key = ViewKey::new(ViewKind::Endpoint, endpoint.uid);
        let view = endpoint_view(service, endpoint, &usable);
        views.insert(key, View::Endpoint(view));
    }
    let mut view = ServiceView::of(service, frontends(service, &usable));
    if leaves_alone(service).is_some() {
        view.frontends.clear();
    }
    let key = ViewKey::new(ViewKind::Service, service.meta.uid);
    views.insert(key, View::Service(view));
}

/// A Service with all these endpoints, for its names: with what nodes leave alone, and what they are not told of.
pub(crate) fn whole_views(
    service: &Service,
    endpoints: &[&Endpoint],
) -> (ServiceView, Vec<EndpointView>) {
    let usable = Usable::of(service, endpoints);
    let views = endpoints.iter();
    let views = views.map(|endpoint| endpoint_view(service, endpoint, &usable));
    let view = ServiceView::of(service, frontends(service, &usable));
    (view, views.collect())
}
