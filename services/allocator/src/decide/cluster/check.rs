//! What a cluster's settings may be, and how they may change.

use ipnet::IpNet;
use portolan_model::limits::RANGES;
use portolan_model::{
    ClusterSpec, Family, Name, PortRange, Precondition, Reason, Refusal, State, Violations,
};

const SPEC: &str = "cluster.spec";
/// Owners that a refusal names.
const MAX_NAMED: usize = 10;

/// Rules that hold whatever is stored.
pub(super) fn rules(spec: &ClusterSpec, violations: &mut Violations) {
    let PortRange { first, last } = spec.node_ports;
    if first == 0 || last < first {
        violations.add(
            format!("{SPEC}.node_port_range"),
            format!("{first}-{last} is no range of ports; first must be at least 1, and last not below it"),
        );
    }
    if let Err(error) = Name::subdomain(&spec.dns_domain) {
        violations.add(format!("{SPEC}.dns_domain"), error.to_string());
    }
    let families = &spec.families;
    if families.is_empty()
        || (families.len() > 1 && families[0] == families[1])
        || families.len() > 2
    {
        violations.add(
            format!("{SPEC}.ip_families"),
            "must name one family, or both in the order of preference",
        );
    }
    for (field, ranges) in [
        ("endpoint_ranges", &spec.endpoint_ranges),
        ("workload_ranges", &spec.workload_ranges),
    ] {
        RANGES.check(format_args!("{SPEC}.{field}"), ranges.len(), violations);
    }
}

/// A new cluster has addresses of exactly the families that it names.
pub(super) fn check_families(spec: &ClusterSpec, cidrs: &[IpNet]) -> Result<(), Refusal> {
    let given: Vec<_> = cidrs.iter().map(Family::of_net).collect();
    let fits = spec.families.len() == given.len()
        && spec.families.iter().all(|family| given.contains(family));
    if fits {
        return Ok(());
    }
    Err(Refusal::invalid(
        format!("{SPEC}.ip_families"),
        format!(
            "{} do not fit service_cidrs, which are of {}; name the same families, or leave them out",
            list(&spec.families),
            list(&given)
        ),
    ))
}

/// Rules on the way from what is stored to what is asked.
pub(super) fn check_change(
    state: &State,
    old: &ClusterSpec,
    new: &ClusterSpec,
) -> Result<(), Refusal> {
    if !new.families.starts_with(&old.families) {
        return Err(Refusal::immutable(
            format!("{SPEC}.ip_families"),
            format!(
                "{} can't become {}: a second family may be added behind the first, and none taken away or moved",
                list(&old.families),
                list(&new.families)
            ),
        ));
    }
    let ready = state.ready_ranges();
    let mut added = new.families[old.families.len()..].iter();
    if let Some(family) = added.find(|family| ready.iter().all(|range| range.family() != **family))
    {
        return Err(Refusal::precondition(
            Reason::Range,
            format!("{SPEC}.ip_families"),
            format!("the cluster has no ServiceCIDR of family {family}; create one first"),
        ));
    }
    // Whoever is outside already was let in by an earlier release, or by hand.
    if new.node_ports == old.node_ports {
        return Ok(());
    }
    check_node_ports(state, new.node_ports)
}

/// Ports that somebody holds stay in the range.
fn check_node_ports(state: &State, range: PortRange) -> Result<(), Refusal> {
    let outside = state
        .port_claims()
        .filter(|claim| claim.state.is_held() && !range.contains(claim.port));
    let preconditions: Vec<_> = outside
        .take(MAX_NAMED)
        .map(|claim| Precondition {
            kind: Reason::NodePortInUse,
            subject: format!("{SPEC}.node_port_range"),
            description: format!(
                "node port {} of Service {} lies outside {range}; change or delete the Service first",
                claim.port,
                claim.owner.key()
            ),
            holder: Some(claim.owner.resource()),
        })
        .collect();
    if preconditions.is_empty() {
        return Ok(());
    }
    Err(Refusal::Precondition {
        reason: Reason::NodePortInUse,
        preconditions,
    })
}

fn list(families: &[Family]) -> String {
    families
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}
