//! Families and their policy (KEP-563): which a Service gets, and how it gains or loses its second one.
//!
//! There is no silent upgrade or downgrade: a cluster that becomes dual-stack changes no Service by that.

use std::net::IpAddr;

use portolan_model::{
    ClusterIps, Family, FamilyPolicy, Reason, Refusal, ServiceSpec, State, Violation,
};

use super::super::preconditions::cluster_spec;
use super::SPEC;

/// Fills in policy and families. `old` is the specification before, unless it had no addresses (ExternalName).
pub(super) fn settle(
    state: &State,
    spec: &mut ServiceSpec,
    old: Option<&ServiceSpec>,
) -> Result<(), Refusal> {
    let configured = &cluster_spec(state)?.families;
    if let Some(old) = old {
        keep(spec, old);
        // First, since nothing that follows would make sense of it.
        if old.cluster_ips.is_headless() != spec.cluster_ips.is_headless() {
            let violations = immutable(old, spec);
            return Err(Refusal::Immutable { violations });
        }
    }
    let policy = policy(spec, old);
    spec.family_policy = Some(policy);
    if let Some(old) = old {
        shorten(spec, old, policy)?;
        let untouched = spec.cluster_ips == old.cluster_ips && spec.families == old.families;
        let was_whole = !spec.families.is_empty() && is_by_hand(spec) == is_by_hand(old);
        if untouched && was_whole && old.family_policy == Some(policy) {
            return Ok(());
        }
    }
    choose(spec, configured, policy);
    require(spec, configured, policy)
}

/// Fills in the families that are left out.
fn choose(spec: &mut ServiceSpec, configured: &[Family], policy: FamilyPolicy) {
    if spec.families.is_empty() {
        spec.families = given(&spec.cluster_ips);
    }
    if spec.families.is_empty() {
        spec.families.extend(configured.first());
    }
    // A second address alone asks for its family.
    for family in given(&spec.cluster_ips) {
        if spec.families.len() < spec.cluster_ips.addresses().len()
            && !spec.families.contains(&family)
        {
            spec.families.push(family);
        }
    }
    if policy != FamilyPolicy::SingleStack && spec.families.len() == 1 {
        let other = other(spec.families[0]);
        if is_by_hand(spec) || configured.contains(&other) {
            spec.families.push(other);
        }
    }
}

/// Headless without a selector: the endpoints are somebody else's, of whatever family.
fn is_by_hand(spec: &ServiceSpec) -> bool {
    spec.cluster_ips.is_headless() && spec.selector.is_empty()
}

fn other(family: Family) -> Family {
    match family {
        Family::V4 => Family::V6,
        Family::V6 => Family::V4,
    }
}

fn given(addresses: &ClusterIps) -> Vec<Family> {
    let addresses = addresses.addresses().iter().copied();
    addresses.map(Family::of).collect()
}

/// Left out means: as it is. An address is only given up together with its Service, for an ExternalName, or as the
/// second one by policy.
fn keep(spec: &mut ServiceSpec, old: &ServiceSpec) {
    if spec.cluster_ips == ClusterIps::default() {
        spec.cluster_ips.clone_from(&old.cluster_ips);
    }
    if spec.families.is_empty() {
        spec.families.clone_from(&old.families);
    }
}

fn policy(spec: &ServiceSpec, old: Option<&ServiceSpec>) -> FamilyPolicy {
    let unset = match old {
        Some(old) => old.family_policy.unwrap_or(FamilyPolicy::SingleStack),
        None if is_by_hand(spec) => FamilyPolicy::RequireDualStack,
        None => FamilyPolicy::SingleStack,
    };
    spec.family_policy.unwrap_or(unset)
}

/// A Service loses its second family only by the policy `SingleStack`.
fn shorten(spec: &mut ServiceSpec, old: &ServiceSpec, policy: FamilyPolicy) -> Result<(), Refusal> {
    if spec.cluster_ips.is_headless() {
        // Nothing is allocated, so families may change freely; the lists alone can't say that one goes.
        if policy == FamilyPolicy::SingleStack && spec.families == old.families {
            spec.families.truncate(1);
        }
        return Ok(());
    }
    let addresses = spec.cluster_ips.addresses();
    let had: Vec<IpAddr> = old.cluster_ips.addresses().to_vec();
    if policy == FamilyPolicy::SingleStack {
        if addresses == had || addresses.len() < had.len() {
            let first = addresses.iter().take(1).copied().collect();
            spec.cluster_ips = ClusterIps::Addresses(first);
            if spec.families == old.families {
                spec.families.truncate(1);
            }
        } else if spec.families.len() < old.families.len() {
            let first = addresses.iter().take(1).copied().collect();
            spec.cluster_ips = ClusterIps::Addresses(first);
        }
        return Ok(());
    }
    if addresses.len() < had.len() || spec.families.len() < old.families.len() {
        return Err(Refusal::invalid(
            format!("{SPEC}.ip_family_policy"),
            "must be SingleStack for the second family to go",
        ));
    }
    Ok(())
}

/// The families must be configured, and `RequireDualStack` needs two.
fn require(spec: &ServiceSpec, configured: &[Family], policy: FamilyPolicy) -> Result<(), Refusal> {
    if is_by_hand(spec) {
        return Ok(());
    }
    if policy == FamilyPolicy::RequireDualStack && configured.len() < 2 {
        let description = format!(
            "the cluster is configured for {} only; use PreferDualStack or SingleStack, or give the cluster a second family",
            configured
                .first()
                .map_or_else(String::new, ToString::to_string)
        );
        return Err(Refusal::precondition(
            Reason::DualStack,
            format!("{SPEC}.ip_family_policy"),
            description,
        ));
    }
    let foreign = spec
        .families
        .iter()
        .enumerate()
        .find(|(_, family)| !configured.contains(family));
    let Some((i, family)) = foreign else {
        return Ok(());
    };
    let subject = if spec.cluster_ips.addresses().get(i).copied().map(Family::of) == Some(*family) {
        format!("{SPEC}.cluster_ips[{i}]")
    } else {
        format!("{SPEC}.ip_families[{i}]")
    };
    Err(Refusal::precondition(
        Reason::FamilyNotConfigured,
        subject,
        format!(
            "the cluster is not configured for {family}; leave it out, or give the cluster that family"
        ),
    ))
}

/// What can't be changed in place, position by position.
pub(super) fn immutable(old: &ServiceSpec, new: &ServiceSpec) -> Vec<Violation> {
    let fixed = |field: String, description: String| Violation { field, description };
    if old.cluster_ips.is_headless() != new.cluster_ips.is_headless() {
        let is = if old.cluster_ips.is_headless() {
            "headless"
        } else {
            "not headless"
        };
        return vec![fixed(
            format!("{SPEC}.cluster_ips"),
            format!("can't be changed: the Service is {is}; delete it and create it again"),
        )];
    }
    if old.cluster_ips.is_headless() {
        return Vec::new();
    }
    let pairs = old
        .cluster_ips
        .addresses()
        .iter()
        .zip(new.cluster_ips.addresses());
    let addresses = pairs.enumerate().filter(|(_, (old, new))| old != new).map(|(i, (old, _))| {
        fixed(
            format!("{SPEC}.cluster_ips[{i}]"),
            format!("can't be changed: the Service has {old}; leave it out, or delete the Service and create it again"),
        )
    });
    let addresses: Vec<_> = addresses.collect();
    if !addresses.is_empty() {
        return addresses;
    }
    let pairs = old.families.iter().zip(&new.families);
    let families = pairs
        .enumerate()
        .filter(|(_, (old, new))| old != new)
        .map(|(i, (old, _))| {
            fixed(
                format!("{SPEC}.ip_families[{i}]"),
                format!("can't be changed: it is {old}; delete the Service and create it again"),
            )
        });
    families.collect()
}
