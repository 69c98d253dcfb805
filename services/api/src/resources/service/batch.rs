//! Several Services in one request (AIP-231, AIP-233).

use std::sync::Arc;

use portolan_allocator::{Action, NewService, Operation, ServiceAction};
use portolan_model::limits::BATCH;
use portolan_model::{FieldPath, Name, Noun, Scoped, Service, State, Violations};
use portolan_proto::convert::name;
use portolan_proto::v1;
use tonic::{Request, Response, Status};

use crate::api::Api;
use crate::cluster::Cluster;
use crate::context::{context, respond};
use crate::resource::{Exposed, View, whole};
use crate::shape::{not_found, parse, required};

/// Creates all of them or none.
pub(super) async fn create(
    api: &Api,
    request: &Request<v1::BatchCreateServicesRequest>,
) -> Result<Response<v1::BatchCreateServicesResponse>, Status> {
    let m = request.get_ref();
    let (cluster, services, context) = parse(|v| {
        bounded("requests", m.requests.len(), v)?;
        let parent = name::namespaces("parent", &m.parent, v);
        let context = context(
            "BatchCreateServices",
            request,
            &m.request_id,
            m.validate_only,
            v,
        );
        let parent = parent?;
        let entries = m.requests.iter().enumerate();
        let services: Vec<_> = entries
            .filter_map(|(i, entry)| {
                let field = format_args!("requests[{i}]");
                new_service(field, entry, &parent.cluster, parent.key.as_ref(), v)
            })
            .collect();
        Some((parent.cluster, services, context))
    })?;
    let access = &api.cluster(&cluster)?;
    let keys: Vec<_> = services.iter().map(|service| service.key.clone()).collect();
    let operation = Operation {
        action: Action::Service(ServiceAction::CreateAll(services)),
        context,
    };
    let outcome = access.submit(operation).await?;
    let state = access.state();
    // A repetition of a request finds its Services by their names.
    let answered: Vec<_> = if outcome.objects.len() == keys.len() {
        outcome.objects.iter().filter_map(Service::of).collect()
    } else {
        keys.iter().filter_map(|key| state.service(key)).collect()
    };
    let services = messages(access, &state, answered.into_iter());
    let response = v1::BatchCreateServicesResponse { services };
    Ok(respond(response, outcome.verb))
}

fn new_service(
    field: impl FieldPath,
    entry: &v1::CreateServiceRequest,
    cluster: &Name,
    namespace: Option<&Name>,
    violations: &mut Violations,
) -> Option<NewService> {
    for (name, is_set) in [
        ("validate_only", entry.validate_only),
        ("request_id", !entry.request_id.is_empty()),
    ] {
        if is_set {
            let rule = "must be left to the batch, which is one request";
            violations.add(format_args!("{field}.{name}"), rule);
        }
    }
    let path = format_args!("{field}.parent");
    let parent = match (namespace, entry.parent.is_empty()) {
        (Some(namespace), true) => Some(namespace.clone()),
        (namespace, _) => {
            let parent = name::namespace(path, &entry.parent, violations)?;
            let fits = parent.cluster == *cluster && namespace.is_none_or(|n| *n == parent.key);
            if !fits {
                violations.add(path, "must be, or lie in, the parent of the batch");
            }
            Some(parent.key)
        }
    };
    let id = name::new_label(
        format_args!("{field}.service_id"),
        &entry.service_id,
        violations,
    );
    let path = format_args!("{field}.service");
    let sent = required(path, entry.service.as_ref(), violations);
    let params = sent.map(|sent| whole::<Service>(&path.to_string(), sent, violations));
    Some(NewService {
        key: Scoped::new(parent?, id?),
        params: params?,
    })
}

/// Reads all of them as of one revision.
pub(super) async fn get(
    api: &Api,
    m: &v1::BatchGetServicesRequest,
) -> Result<Response<v1::BatchGetServicesResponse>, Status> {
    let (cluster, keys) = parse(|v| {
        bounded("names", m.names.len(), v)?;
        let parent = name::namespaces("parent", &m.parent, v)?;
        let mut keys = Vec::new();
        for (i, text) in m.names.iter().enumerate() {
            let field = format!("names[{i}]");
            let Some(asked) = name::in_namespace(&field, text, "services", v) else {
                continue;
            };
            let namespace = parent.key.as_ref();
            let fits = namespace.is_none_or(|n| *n == asked.key.namespace);
            if asked.cluster != parent.cluster || !fits {
                v.add(field, "must lie in the parent");
            }
            keys.push(asked.key);
        }
        Some((parent.cluster, keys))
    })?;
    let access = &api.cluster(&cluster)?;
    let state = access.state_at(m.min_revision).await?;
    let mut found = Vec::with_capacity(keys.len());
    for (key, name) in keys.iter().zip(&m.names) {
        found.push(state.service(key).ok_or_else(|| not_found(name))?);
    }
    let services = messages(access, &state, found.into_iter());
    Ok(Response::new(v1::BatchGetServicesResponse {
        services,
        revision: state.revision().0,
    }))
}

/// Comes before all else: of a list that is too long no entry is looked into.
fn bounded(field: impl FieldPath, entries: usize, violations: &mut Violations) -> Option<()> {
    if (1..=BATCH.value).contains(&entries) {
        return Some(());
    }
    let description = format!("has {entries} entries; must have 1 to {}", BATCH.value);
    violations.add(field, description);
    None
}

fn messages<'a>(
    access: &Cluster,
    state: &State,
    services: impl Iterator<Item = &'a Arc<Service>>,
) -> Vec<v1::Service> {
    let view = View::new(access, state);
    services.map(|service| service.shown(&view)).collect()
}
