//! Repeated requests: the same id and body get the first result again.

use portolan_model::{Change, Kind, Refusal, Request, State, Timestamp};

use super::draft::Draft;
use crate::{Context, Outcome, Verb};

/// How long a request id is remembered: an hour, as AIP-155 wants at least.
const KEPT_MICROS: i64 = 3_600 * 1_000_000;
/// Old ones that go with each new one, so that their number falls while requests come.
const FORGET_AT_ONCE: usize = 16;

/// The outcome of an earlier request with this id, if there was one.
pub(super) fn find(state: &State, context: &Context) -> Result<Option<Outcome>, Refusal> {
    let Some(request) = context.request_id.and_then(|id| state.request(id)) else {
        return Ok(None);
    };
    if request.body_hash != context.body_hash {
        return Err(Refusal::invalid(
            "request_id",
            format!(
                "{} was used for another request before; choose a new UUID",
                request.id
            ),
        ));
    }
    let object = Kind::from_number(request.kind).and_then(|kind| state.object(kind, &request.path));
    Ok(Some(Outcome {
        revision: request.revision,
        verb: Verb::Unchanged,
        objects: object.into_iter().collect(),
        warnings: Vec::new(),
        discrepancies: Vec::new(),
    }))
}

/// Notes that a request was done.
pub(super) fn remember(draft: &mut Draft, context: &Context, outcome: &Outcome) {
    let (Some(id), Some(object)) = (context.request_id, outcome.objects.first()) else {
        return;
    };
    let old: Vec<_> = draft
        .state()
        .expired_requests(draft.now())
        .take(FORGET_AT_ONCE)
        .cloned()
        .collect();
    for request in old {
        draft.apply(Change::delete(request));
    }
    let request = Request {
        id,
        body_hash: context.body_hash.clone(),
        kind: object.kind().number(),
        path: object.path(),
        revision: draft.inputs().revision,
        expires_at: Timestamp(draft.now().0 + KEPT_MICROS),
    };
    draft.apply(Change::create(request));
}
