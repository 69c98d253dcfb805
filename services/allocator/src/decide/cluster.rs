//! The cluster itself and its ranges.

use ipnet::IpNet;
use portolan_model::alloc::ServiceRange;
use portolan_model::{
    Change, Cluster, ClusterSpec, Family, Labels, Name, Namespace, NamespaceSpec, Object, Refusal,
    ServiceCidr, Violations,
};

use super::draft::Draft;
use crate::{Outcome, Verb};

/// The shortest IPv6 prefix: a wider range would need more than 64 bits of offset (KEP-1880 has the same bound).
const SHORTEST_V6: u8 = 64;
/// The shortest IPv4 prefix.
const SHORTEST_V4: u8 = 8;

/// What exists from the first start. Once there, nothing is changed.
pub(super) fn bootstrap(
    draft: &mut Draft,
    name: &Name,
    spec: &ClusterSpec,
    cidrs: &[IpNet],
) -> Outcome {
    if let Some(cluster) = draft.state().cluster() {
        let cluster = Object::from(cluster.clone());
        return draft.outcome(Verb::Unchanged, vec![cluster]);
    }
    let meta = draft.new_meta(name, Labels::new(), Labels::new());
    let cluster = Object::from(Cluster {
        meta,
        spec: spec.clone(),
    });
    draft.apply(Change {
        before: None,
        after: Some(cluster.clone()),
    });
    let default = Name::trusted("default");
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(Namespace {
        meta,
        spec: NamespaceSpec::default(),
    }));
    let meta = draft.new_meta(&default, Labels::new(), Labels::new());
    draft.apply(Change::create(ServiceCidr {
        meta,
        cidrs: cidrs.to_vec(),
        draining_since: None,
    }));
    draft.outcome(Verb::Created, vec![cluster])
}

/// Adds a range. Ranges may overlap: an address belongs to every range that contains it.
pub(super) fn create_service_cidr(
    draft: &mut Draft,
    name: &Name,
    cidrs: &[IpNet],
) -> Result<Outcome, Refusal> {
    if draft.state().service_cidr(name).is_some() {
        return Err(Refusal::AlreadyExists {
            resource: format!("serviceCidrs/{name}"),
        });
    }
    check_cidrs("service_cidr.spec.cidrs", cidrs)?;
    let endpoints = draft.state().endpoints_after(None, None);
    let inside = endpoints
        .into_iter()
        .find(|e| cidrs.iter().any(|cidr| cidr.contains(&e.address)));
    if let Some(endpoint) = inside {
        let description = format!(
            "the range contains {}, the address of endpoint {}: traffic would turn in a circle; move the endpoint first",
            endpoint.address,
            endpoint.key()
        );
        return Err(Refusal::precondition(
            "RANGE",
            "service_cidr.spec.cidrs",
            description,
        ));
    }
    let meta = draft.new_meta(name, Labels::new(), Labels::new());
    let service_cidr = Object::from(ServiceCidr {
        meta,
        cidrs: cidrs.to_vec(),
        draining_since: None,
    });
    draft.apply(Change {
        before: None,
        after: Some(service_cidr.clone()),
    });
    Ok(draft.outcome(Verb::Created, vec![service_cidr]))
}

fn check_cidrs(field: &str, cidrs: &[IpNet]) -> Result<(), Refusal> {
    let mut violations = Violations::new();
    if cidrs.is_empty() || cidrs.len() > 2 {
        violations.add(field, "one range, or one of each family, is needed");
    }
    if let [first, second] = cidrs
        && Family::of_net(first) == Family::of_net(second)
    {
        violations.add(
            format!("{field}[1]"),
            "must be of the other family; add a second ServiceCidr instead",
        );
    }
    for (i, cidr) in cidrs.iter().enumerate() {
        let shortest = if cidr.addr().is_ipv4() {
            SHORTEST_V4
        } else {
            SHORTEST_V6
        };
        if cidr.prefix_len() < shortest {
            violations.add(
                format!("{field}[{i}]"),
                format!("must not be wider than /{shortest}"),
            );
        } else if ServiceRange::new(*cidr).capacity() == 0 {
            violations.add(format!("{field}[{i}]"), "has no usable address");
        }
    }
    violations.into_result()
}
