//! Several Services at once, all or none.

use portolan_model::limits::VIOLATIONS;
use portolan_model::{Object, Precondition, Refusal, Service, Violation};

use super::super::asked::Asked;
use super::super::draft::Draft;
use super::claims::used_ports;
use super::write;
use crate::{NewService, Outcome, Verb};

/// Creates every Service of a list; each is decided on what those before it lead to. Fields are named by their place in
/// the list, and what is wrong whatever the state is collected from all of them.
pub(super) fn create_all(draft: &mut Draft, services: &[NewService]) -> Result<Outcome, Refusal> {
    // What is picked for one must not be what another one asks for, wherever in the list they are.
    for NewService { params, .. } in services {
        let addresses = params.spec.cluster_ips.addresses();
        draft.reserve(addresses.iter().copied(), used_ports(&params.spec));
    }
    let mut objects = Vec::with_capacity(services.len());
    let mut warnings = Vec::new();
    let mut wrong = Vec::new();
    for (i, NewService { key, params }) in services.iter().enumerate() {
        let asked = Asked::<Service>::created(draft, key, params);
        match asked.and_then(|asked| write(draft, asked)) {
            Ok(outcome) => {
                objects.extend(outcome.objects);
                let place = |warning| format!("requests[{i}]: {warning}");
                warnings.extend(outcome.warnings.into_iter().map(place));
            }
            Err(Refusal::Invalid { violations }) => {
                wrong.extend(violations.into_iter().map(|violation| placed(i, violation)));
            }
            Err(refusal) if wrong.is_empty() => return Err(place(i, refusal)),
            // What is wrong in itself comes first; this may be gone once that is put right.
            Err(_) => {}
        }
    }
    if !wrong.is_empty() {
        wrong.truncate(VIOLATIONS.value);
        return Err(Refusal::Invalid { violations: wrong });
    }
    let objects: Vec<Object> = objects;
    let outcome = draft.outcome(Verb::Created, objects);
    Ok(Outcome {
        warnings,
        ..outcome
    })
}

fn placed(i: usize, violation: Violation) -> Violation {
    Violation {
        field: format!("requests[{i}].{}", violation.field),
        ..violation
    }
}

/// The refusal of one Service as that of the batch.
fn place(i: usize, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Precondition {
            reason,
            preconditions,
        } => {
            let placed = |precondition: Precondition| Precondition {
                subject: format!("requests[{i}].{}", precondition.subject),
                ..precondition
            };
            let preconditions = preconditions.into_iter().map(placed).collect();
            Refusal::Precondition {
                reason,
                preconditions,
            }
        }
        other => other,
    }
}
