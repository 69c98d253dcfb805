//! `validate_only` and repetition: the same answer without the effect.

use std::collections::BTreeSet;

use portolan_allocator::{Decision, Inputs, Operation, Outcome, Verb, decide};
use portolan_model::{Claimed, ClusterIps, Object, Refusal, Service, State};

use super::claims::is_asked;

/// A dry run is refused exactly when the real call is, for the same reason, whatever is picked; else it shows the
/// same, but for what is picked.
pub(crate) fn check(
    state: &State,
    operation: &Operation,
    inputs: Inputs,
    real: &Result<Decision, Refusal>,
) {
    let mut asked = operation.clone();
    asked.context.validate_only = true;
    for seed in [inputs.seed, !inputs.seed] {
        let shown = decide(state, &asked, Inputs { seed, ..inputs });
        match (real, shown) {
            (Err(real), Err(shown)) => assert_eq!(*real, shown, "the same refusal"),
            (Ok(real), Ok(shown)) => compare(operation, state, &real.outcome, &shown.outcome),
            (Ok(_), Err(refusal)) => panic!("only the dry run is refused: {refusal}"),
            (Err(refusal), Ok(_)) => panic!("only the real call is refused: {refusal}"),
        }
    }
}

fn compare(operation: &Operation, before: &State, real: &Outcome, shown: &Outcome) {
    assert_eq!(real.verb, shown.verb);
    assert_eq!(real.revision, shown.revision);
    assert_eq!(real.warnings, shown.warnings);
    assert_eq!(real.discrepancies, shown.discrepancies);
    assert_eq!(real.objects.len(), shown.objects.len());
    for (real, shown) in real.objects.iter().zip(&shown.objects) {
        match (real, shown) {
            (Object::Service(real), Object::Service(shown)) => {
                let mut real = expected(operation, before, real);
                if before.service(&real.key()).is_none() {
                    real.meta.uid = shown.meta.uid;
                }
                assert_eq!(real, **shown);
            }
            _ => assert_eq!(real.path(), shown.path()),
        }
    }
}

/// The Service without what is neither asked for nor held before.
fn expected(operation: &Operation, before: &State, real: &Service) -> Service {
    let held: BTreeSet<Claimed> = before
        .service(&real.key())
        .map(|old| values(old))
        .unwrap_or_default();
    let owner = portolan_model::ClaimOwner {
        uid: real.meta.uid,
        namespace: real.namespace.clone(),
        name: real.meta.name.clone(),
    };
    let stays = |claimed: Claimed| {
        held.contains(&claimed) || is_asked(before, &operation.action, &owner, claimed)
    };
    let mut service = real.clone();
    if let ClusterIps::Addresses(addresses) = &mut service.spec.cluster_ips {
        addresses.retain(|address| stays(Claimed::Address(*address)));
    }
    for port in &mut service.spec.ports {
        port.node_port = port.node_port.filter(|p| stays(Claimed::Port(*p)));
    }
    let health = service.spec.health_check_node_port;
    service.spec.health_check_node_port = health.filter(|p| stays(Claimed::Port(*p)));
    service
}

fn values(service: &Service) -> BTreeSet<Claimed> {
    let spec = &service.spec;
    let addresses = spec.cluster_ips.addresses().iter();
    let addresses = addresses.map(|a| Claimed::Address(*a));
    let ports = spec.ports.iter().filter_map(|p| p.node_port);
    let ports = ports.chain(spec.health_check_node_port);
    addresses.chain(ports.map(Claimed::Port)).collect()
}

/// I8: the same request again has the same answer and no effect; another one under its id is refused.
pub(crate) fn check_repeated(
    state: &State,
    operation: &Operation,
    inputs: Inputs,
    first: &Outcome,
) {
    let remembered = operation
        .context
        .request_id
        .and_then(|id| state.request(id));
    let Some(request) = remembered.filter(|r| r.revision == inputs.revision) else {
        return;
    };
    let again = decide(state, operation, inputs).unwrap_or_else(|refusal| panic!("{refusal}"));
    assert!(again.changes.is_empty(), "{:?}", again.changes);
    assert_eq!(again.outcome.revision, first.revision);
    if first.verb != Verb::Deleted {
        assert_eq!(again.outcome.objects.first(), first.objects.first());
    }
    let mut other = operation.clone();
    other.context.body_hash.push('x');
    let refused = decide(state, &other, inputs).err();
    let Some(Refusal::Invalid { violations }) = refused else {
        panic!("another request under {} is taken: {refused:?}", request.id);
    };
    assert_eq!(violations[0].field, "request_id");
}
