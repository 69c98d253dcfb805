//! What happens by itself, later: freeing released addresses and ports as soon as no node can forward for them any
//! more, and removing ranges that are drained.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_model::{ClaimState, Revision, State, Timestamp, Uid};

use crate::decide::is_drained;
use crate::{Action, Allocator, Context, Operation, QUARANTINE_CAP};

/// Pause between two looks. A look at an empty quarantine costs next to nothing.
const PAUSE: Duration = Duration::from_millis(250);
/// Claims per operation.
const BULK: usize = 2000;

/// Up to where each node would remember what it applied; a node that is not in it has acknowledged nothing.
pub type Acknowledged = HashMap<Uid, Revision>;

/// Looks again and again, for ever. `acknowledged` tells what nodes have durably applied without rejecting it.
pub async fn sweep(allocator: Allocator, acknowledged: impl Fn() -> Acknowledged + Send) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let (state, now) = (allocator.cache().state(), wall_clock());
        if let Some(action) = releasable(&state, &acknowledged(), now) {
            submit(&allocator, "ReleaseQuarantined", action).await;
        }
        if let Some(action) = removable(&state, now) {
            submit(&allocator, "RemoveDrained", action).await;
        }
    }
}

async fn submit(allocator: &Allocator, method: &'static str, action: Action) {
    let context = Context {
        method,
        principal: "portolan".to_owned(),
        ..Context::default()
    };
    if let Err(error) = allocator.submit(Operation { action, context }).await {
        tracing::debug!(method, error = %error, "put off");
    }
}

/// Ranges that are drained.
fn removable(state: &State, now: Timestamp) -> Option<Action> {
    let drained = state.service_cidrs().filter(|s| is_drained(state, s, now));
    let names: Vec<_> = drained.map(|s| s.meta.name.clone()).collect();
    (!names.is_empty()).then_some(Action::RemoveDrained { names })
}

/// What no registered node can still forward for, and what waited for too long.
fn releasable(state: &Arc<State>, acknowledged: &Acknowledged, now: Timestamp) -> Option<Action> {
    let forgotten = state
        .nodes()
        .map(|node| {
            acknowledged
                .get(&node.meta.uid)
                .copied()
                .unwrap_or_default()
        })
        .min()
        .unwrap_or(Revision(u64::MAX));
    let due = |claim: &ClaimState| match claim {
        ClaimState::Quarantined {
            released_in,
            released_at,
        } => {
            let capped = Duration::from_micros(now.micros_since(*released_at)) > QUARANTINE_CAP;
            if capped && *released_in > forgotten {
                tracing::warn!(
                    revision = released_in.0,
                    "released from quarantine by the cap, not by every node"
                );
            }
            (*released_in <= forgotten || capped).then_some(*released_in)
        }
        ClaimState::Held => None,
    };
    let addresses: Vec<_> = state
        .quarantined_addresses()
        .filter_map(|c| Some((c.address, due(&c.state)?)))
        .take(BULK)
        .collect();
    let ports: Vec<_> = state
        .quarantined_ports()
        .filter_map(|c| Some((c.port, due(&c.state)?)))
        .take(BULK)
        .collect();
    let nothing = addresses.is_empty() && ports.is_empty();
    (!nothing).then_some(Action::ReleaseQuarantined { addresses, ports })
}

/// Only compared with a bound of minutes, so this process's clock will do.
fn wall_clock() -> Timestamp {
    let micros = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_micros();
    Timestamp(i64::try_from(micros).unwrap_or(i64::MAX))
}
