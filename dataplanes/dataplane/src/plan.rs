//! The difference between what should be and what is.

use std::collections::BTreeSet;
use std::sync::Arc;

use portolan_model::view::WhenEmpty;
use portolan_model::{Family, Protocol};

use crate::{Capabilities, Frontend, FrontendKey, NodeState, Pool, Rejected, RejectionCode};

/// What a dataplane has to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// New or changed, whole; done before anything is removed.
    pub put: Vec<(FrontendKey, Arc<Frontend>)>,
    /// No longer wanted.
    pub remove: Vec<FrontendKey>,
    /// Wanted, but beyond the dataplane. An older version that it did program is removed.
    pub unsupported: Vec<Rejected>,
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.remove.is_empty()
    }
}

/// What leads from `observed` to `desired`, as far as the dataplane can go.
pub fn plan(desired: &NodeState, observed: &NodeState, capabilities: &Capabilities) -> Plan {
    let mut plan = Plan::default();
    for (key, frontend) in desired {
        plan.want(*key, frontend, observed, capabilities);
    }
    let gone = observed.keys().filter(|key| !desired.contains_key(key));
    plan.remove.extend(gone);
    plan
}

/// The same for some keys only: the cost is that of the change.
pub fn plan_keys(
    keys: &BTreeSet<FrontendKey>,
    desired: &NodeState,
    observed: &NodeState,
    capabilities: &Capabilities,
) -> Plan {
    let mut plan = Plan::default();
    for key in keys {
        match desired.get(key) {
            Some(frontend) => plan.want(*key, frontend, observed, capabilities),
            None if observed.contains_key(key) => plan.remove.push(*key),
            None => {}
        }
    }
    plan
}

impl Plan {
    fn want(
        &mut self,
        key: FrontendKey,
        frontend: &Arc<Frontend>,
        observed: &NodeState,
        capabilities: &Capabilities,
    ) {
        let missing = missing(key, frontend, capabilities);
        if !missing.is_empty() {
            self.unsupported
                .push(unsupported(key, frontend, &missing, capabilities.kind));
            if observed.contains_key(&key) {
                self.remove.push(key);
            }
            return;
        }
        let wanted = carried(frontend, capabilities);
        if observed.get(&key) != Some(&wanted) {
            self.put.push((key, wanted));
        }
    }
}

/// A frontend as a dataplane with these capabilities carries it, and as it will be observed: without `drop` an empty
/// pool rejects, without `inside` there is one pool for all sources. Both still forward, so neither is a rejection.
pub fn carried(frontend: &Arc<Frontend>, capabilities: &Capabilities) -> Arc<Frontend> {
    let drops = |pool: &Pool| !capabilities.drop && pool.when_empty == WhenEmpty::Drop;
    let two_pools = !capabilities.inside && frontend.inside.is_some();
    if !drops(&frontend.pool) && !frontend.inside.as_deref().is_some_and(drops) && !two_pools {
        return Arc::clone(frontend);
    }
    let mut frontend = Frontend::clone(frontend);
    frontend.inside = frontend.inside.filter(|_| capabilities.inside);
    if !capabilities.drop {
        for pool in frontend.pools_mut() {
            pool.when_empty = WhenEmpty::Reject;
        }
    }
    Arc::new(frontend)
}

/// What a frontend needs and the dataplane lacks, each with its remedy.
fn missing(key: FrontendKey, frontend: &Frontend, can: &Capabilities) -> Vec<String> {
    let family = Family::of(key.address);
    let mut missing = Vec::new();
    if !can.families.contains(&family) {
        missing.push(format!("{family} (ask for the other family in ipFamilies)"));
    }
    if !can.protocols.contains(&key.protocol) {
        let known: Vec<_> = can.protocols.iter().map(Protocol::to_string).collect();
        missing.push(format!(
            "{} (use one of {})",
            key.protocol,
            known.join(", ")
        ));
    }
    if frontend.affinity_seconds != 0 && !can.affinity {
        missing.push("session affinity (set sessionAffinity: None)".to_owned());
    }
    if !frontend.source_ranges.is_empty() && !can.source_ranges {
        missing.push("source ranges (remove loadBalancerSourceRanges)".to_owned());
    }
    missing
}

fn unsupported(key: FrontendKey, frontend: &Frontend, missing: &[String], kind: &str) -> Rejected {
    Rejected {
        key,
        code: RejectionCode::UnsupportedFeature,
        message: format!(
            "{} at {key} needs what the {kind} dataplane of this node can't do: {}; or run another dataplane here",
            frontend.service,
            missing.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests;
