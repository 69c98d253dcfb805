//! Which client keeps which backend (session affinity by client address).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use portolan_dataplane::{Frontend, ServiceRef};
use portolan_model::Uid;

use crate::pool::{Candidate, Choices};

/// Clients remembered a port of a Service, about 100 bytes each; beyond it new ones are balanced each time.
const MOST_CLIENTS: usize = 65_536;

/// Pause between two searches for clients whose time is over, so that a flood does not cause one with every connection.
const SWEEP_MS: u64 = 1_000;

/// The clients of one port of a Service.
#[derive(Debug, Default)]
struct Clients {
    kept: HashMap<IpAddr, Kept>,
    swept: u64,
}

#[derive(Debug)]
struct Kept {
    endpoint: Uid,
    address: SocketAddr,
    /// Milliseconds of the last connection.
    last: u64,
}

/// The memory of one frontend: shared by all frontends of the same port of a Service, as clients see one Service.
#[derive(Debug)]
pub(crate) struct Affinity {
    clients: Arc<Mutex<Clients>>,
    timeout_ms: u64,
}

impl Affinity {
    /// The backend that a client keeps, if it may still be chosen and did not fail lately. Its time starts again.
    pub(crate) fn kept<'a>(
        &self,
        client: IpAddr,
        choices: &'a Choices,
        now: u64,
    ) -> Option<&'a Arc<Candidate>> {
        let mut clients = lock(&self.clients);
        let kept = clients.kept.get_mut(&client.to_canonical())?;
        if now.saturating_sub(kept.last) >= self.timeout_ms {
            return None;
        }
        let candidate = choices.find(kept.endpoint, kept.address)?;
        if candidate.is_passed_over(now) {
            return None;
        }
        kept.last = now;
        Some(candidate)
    }

    /// From now on the client keeps this backend.
    pub(crate) fn keep(&self, client: IpAddr, candidate: &Candidate, now: u64) {
        let mut clients = lock(&self.clients);
        let client = client.to_canonical();
        let is_full = clients.kept.len() >= MOST_CLIENTS && !clients.kept.contains_key(&client);
        if is_full && now.saturating_sub(clients.swept) >= SWEEP_MS {
            clients.swept = now;
            let timeout = self.timeout_ms;
            clients
                .kept
                .retain(|_, kept| now.saturating_sub(kept.last) < timeout);
        } else if is_full {
            return;
        }
        if clients.kept.len() < MOST_CLIENTS || clients.kept.contains_key(&client) {
            let kept = Kept {
                endpoint: candidate.endpoint(),
                address: candidate.address(),
                last: now,
            };
            clients.kept.insert(client, kept);
        }
    }
}

/// A port of a Service.
type Port = (Uid, String);

/// Finds the memory of a port of a Service among all frontends that have one.
#[derive(Debug, Default)]
pub(crate) struct Affinities {
    known: Mutex<HashMap<Port, Weak<Mutex<Clients>>>>,
}

impl Affinities {
    /// What a frontend needs to remember; nothing if clients are balanced each time.
    pub(crate) fn of(&self, frontend: &Frontend) -> Option<Arc<Affinity>> {
        (frontend.affinity_seconds > 0).then(|| {
            Arc::new(Affinity {
                clients: self.clients(&frontend.service),
                timeout_ms: u64::from(frontend.affinity_seconds) * 1_000,
            })
        })
    }

    fn clients(&self, port: &ServiceRef) -> Arc<Mutex<Clients>> {
        let mut known = lock(&self.known);
        let key = (port.uid, port.port.clone());
        if let Some(clients) = known.get(&key).and_then(Weak::upgrade) {
            return clients;
        }
        known.retain(|_, clients| clients.strong_count() > 0);
        let clients = Arc::default();
        known.insert(key, Arc::downgrade(&clients));
        clients
    }
}

/// Nothing panics while it holds one of these locks, and a table left half changed would only balance a client anew.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use portolan_dataplane::testing::{backend, frontend};

    use super::*;
    use crate::pool::Pools;

    fn affine(backends: &[u8]) -> (Frontend, Pools) {
        let backends: Vec<_> = backends
            .iter()
            .map(|n| backend(*n, ([10, 0, 0, *n], 80).into()))
            .collect();
        let mut frontend = frontend(1, &backends);
        frontend.affinity_seconds = 10;
        let pools = Pools::new(&frontend, &Pools::default());
        (frontend, pools)
    }

    #[test]
    fn a_client_keeps_its_backend_while_it_may_and_comes_in_time() {
        let (frontend, pools) = affine(&[1, 2]);
        let affinities = Affinities::default();
        let affinity = affinities.of(&frontend).unwrap();
        let both = pools.for_source(|| false);
        let first = both.pick(0, None).unwrap();
        let client: IpAddr = [192, 0, 2, 1].into();
        affinity.keep(client, first, 0);
        let (_, fewer) = affine(&[if first.address().ip() == IpAddr::from([10, 0, 0, 1]) {
            2
        } else {
            1
        }]);
        let rest = fewer.for_source(|| false);
        let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
        let stranger: IpAddr = [192, 0, 2, 2].into();
        for (row, client, choices, now, keeps) in [
            ("at once", client, both, 0, true),
            ("through an IPv6 socket", mapped, both, 0, true),
            ("just in time", client, both, 9_999, true),
            ("the time starts anew", client, both, 19_998, true),
            ("too late", client, both, 29_998, false),
            ("another client", stranger, both, 0, false),
            ("its backend is gone", client, rest, 20_000, false),
        ] {
            let kept = affinity.kept(client, choices, now);
            assert_eq!(
                kept.map(|c| c.address()),
                keeps.then(|| first.address()),
                "{row}"
            );
        }
        first.failed(20_000);
        assert!(affinity.kept(client, both, 20_001).is_none(), "it failed");
    }

    #[test]
    fn all_frontends_of_a_port_share_their_clients() {
        let (mut frontend, pools) = affine(&[1, 2]);
        let affinities = Affinities::default();
        let one = affinities.of(&frontend).unwrap();
        let other = affinities.of(&frontend).unwrap();
        let choices = pools.for_source(|| false);
        let client: IpAddr = [192, 0, 2, 1].into();
        one.keep(client, choices.pick(0, None).unwrap(), 0);
        assert!(other.kept(client, choices, 1).is_some());
        frontend.service.port = "admin".to_owned();
        let elsewhere = affinities.of(&frontend).unwrap();
        assert!(elsewhere.kept(client, choices, 1).is_none());
        frontend.affinity_seconds = 0;
        assert!(affinities.of(&frontend).is_none());
    }

    #[test]
    fn a_flood_of_clients_is_forgotten_in_time_and_never_outgrows_its_room() {
        let (frontend, pools) = affine(&[1]);
        let affinity = Affinities::default().of(&frontend).unwrap();
        let only = pools.for_source(|| false).pick(0, None).unwrap();
        let most = u32::try_from(MOST_CLIENTS).unwrap();
        for number in 0..most + 10 {
            affinity.keep(IpAddr::V4(number.into()), only, 0);
        }
        assert_eq!(lock(&affinity.clients).kept.len(), MOST_CLIENTS);
        affinity.keep([203, 0, 113, 1].into(), only, 10_000);
        assert_eq!(lock(&affinity.clients).kept.len(), 1);
    }
}
