//! Families and their policy (KEP-563): which a Service gets, and how it gains or loses its second one.
//!
//! There is no silent upgrade or downgrade: a cluster that becomes dual-stack changes no Service by that.

use portolan_model::{
    ClusterIps, Family, FamilyPolicy, Reason, Refusal, ServiceSpec, State, Violation, Violations,
    validate,
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
    let policy = policy(spec, old);
    spec.family_policy = Some(policy);
    if let Some(old) = old {
        shorten(spec, old, policy);
        let untouched = spec.cluster_ips == old.cluster_ips && spec.families == old.families;
        let was_whole = !spec.families.is_empty() && is_by_hand(spec) == is_by_hand(old);
        if untouched && was_whole && old.family_policy == Some(policy) {
            return Ok(());
        }
    }
    let asked = spec.families.len().max(spec.cluster_ips.addresses().len());
    if policy == FamilyPolicy::SingleStack && asked > 1 {
        // Wrong whatever the cluster has: the rules about a specification say so.
        return Ok(());
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

/// Left out means: as it is, and of a list that is as what it begins with. An address is only given up together with its
/// Service, for an ExternalName, or as the second one by policy.
pub(super) fn keep(spec: &mut ServiceSpec, old: &ServiceSpec) {
    let keeps_second = spec.family_policy != Some(FamilyPolicy::SingleStack);
    if let (ClusterIps::Addresses(given), ClusterIps::Addresses(had)) =
        (&spec.cluster_ips, &old.cluster_ips)
    {
        if given.is_empty() || (keeps_second && had.starts_with(given)) {
            spec.cluster_ips.clone_from(&old.cluster_ips);
        }
    } else if spec.cluster_ips == ClusterIps::default() {
        spec.cluster_ips.clone_from(&old.cluster_ips);
    }
    // Of a headless Service nothing is allocated, and families may change freely.
    let keeps_second = keeps_second && !old.cluster_ips.is_headless();
    if spec.families.is_empty() || (keeps_second && old.families.starts_with(&spec.families)) {
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
fn shorten(spec: &mut ServiceSpec, old: &ServiceSpec, policy: FamilyPolicy) {
    if policy != FamilyPolicy::SingleStack {
        return;
    }
    if spec.cluster_ips.is_headless() {
        // Nothing is allocated, so families may change freely; the lists alone can't say that one goes.
        if spec.families == old.families {
            spec.families.truncate(1);
        }
        return;
    }
    let addresses = spec.cluster_ips.addresses();
    let had = old.cluster_ips.addresses();
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

/// What is wrong with new addresses, whatever there was before.
pub(super) fn check_alone(old: &ServiceSpec, spec: &ServiceSpec) -> Result<(), Refusal> {
    if spec.cluster_ips == old.cluster_ips {
        return Ok(());
    }
    let mut alone = spec.clone();
    alone.family_policy = None;
    if alone.families == old.families {
        alone.families.clear();
    }
    let (mut wrong, field) = (Violations::new(), format!("{SPEC}.cluster_ips"));
    validate::service(SPEC, &alone, &mut wrong);
    wrong.retain(|violation| violation.field.starts_with(&field));
    wrong.into_result()
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
    let pairs = old.cluster_ips.addresses().iter();
    let pairs = pairs.zip(new.cluster_ips.addresses()).enumerate();
    let addresses = pairs.filter(|(_, (old, new))| old != new).map(|(i, (old, _))| {
        fixed(
            format!("{SPEC}.cluster_ips[{i}]"),
            format!("can't be changed: the Service has {old}; leave it out, or delete the Service and create it again"),
        )
    });
    let pairs = old.families.iter().zip(&new.families).enumerate();
    let families = pairs.filter(|(_, (old, new))| old != new).map(|(i, (old, _))| {
        fixed(
            format!("{SPEC}.ip_families[{i}]"),
            format!("can't be changed: it is {old}; leave it out, or delete the Service and create it again"),
        )
    });
    addresses.chain(families).collect()
}
