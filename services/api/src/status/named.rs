//! Names in details, as the API gives them (AIP-122, AIP-193). Refusals name what is below their cluster.

use portolan_model::Refusal;
use portolan_proto::DOMAIN;

/// How names below a cluster begin; ranges and fields, which refusals name too, never do.
const BELOW: [&str; 3] = ["namespaces/", "nodes/", "serviceCidrs/"];

/// The same refusal with the whole names of resources.
pub(super) fn full(cluster: &str, refusal: &Refusal) -> Refusal {
    let mut refusal = refusal.clone();
    match &mut refusal {
        Refusal::NotFound { resource: name, .. }
        | Refusal::AlreadyExists { resource: name }
        | Refusal::Exhausted { subject: name, .. } => complete(cluster, name),
        Refusal::Precondition { preconditions, .. } => {
            for precondition in preconditions {
                complete(cluster, &mut precondition.subject);
                if let Some(holder) = &mut precondition.holder {
                    complete(cluster, holder);
                }
            }
        }
        Refusal::Invalid { .. }
        | Refusal::Immutable { .. }
        | Refusal::Conflict { .. }
        | Refusal::TooLarge { .. } => {}
    }
    refusal
}

fn complete(cluster: &str, name: &mut String) {
    if BELOW.iter().any(|collection| name.starts_with(collection)) {
        name.insert_str(0, &format!("clusters/{cluster}/"));
    }
}

/// `portolan.dev/ServiceCidr` of `clusters/default/serviceCidrs/more`, as the .proto files annotate it.
pub(super) fn resource_type(name: &str) -> String {
    let collection = name.rsplit('/').nth(1).unwrap_or_default();
    let mut letters = collection.strip_suffix('s').unwrap_or(collection).chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    let kind: String = first.into_iter().chain(letters).collect();
    format!("{DOMAIN}/{kind}")
}
