//! Choosing a backend.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use portolan_dataplane::{Backend, Frontend, Pool};
use portolan_model::Uid;

/// How long a backend that refused a connection is passed over while others are left. Short: readiness is the prober's
/// to tell, this only bridges the time until it does.
const PASS_OVER_MS: u64 = 5_000;

/// A backend with the memory of its last failure, kept while pools around it change.
#[derive(Debug)]
pub(crate) struct Candidate {
    endpoint: Uid,
    address: SocketAddr,
    /// Milliseconds of [`crate::engine::Engine::now`] until which it is passed over.
    passed_over_until: AtomicU64,
}

impl Candidate {
    fn new(backend: &Backend) -> Self {
        Self {
            endpoint: backend.endpoint,
            address: backend.socket_addr(),
            passed_over_until: AtomicU64::new(0),
        }
    }

    pub(crate) fn endpoint(&self) -> Uid {
        self.endpoint
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it is passed over for a while. Whether that is news.
    pub(crate) fn failed(&self, now: u64) -> bool {
        let until = now + PASS_OVER_MS;
        self.passed_over_until.swap(until, Ordering::Relaxed) <= now
    }

    pub(crate) fn is_passed_over(&self, now: u64) -> bool {
        self.passed_over_until.load(Ordering::Relaxed) > now
    }
}

/// The backends of one pool, ready for weighted draws.
#[derive(Debug, Default)]
pub(crate) struct Choices {
    candidates: Vec<Arc<Candidate>>,
    /// Running sums of the weights: candidate i owns the numbers from `ends[i - 1]` up to `ends[i]`.
    ends: Vec<u64>,
}

impl Choices {
    fn new(pool: &Pool, previous: &Pools) -> Self {
        let mut choices = Self::default();
        let mut end = 0;
        for backend in &pool.backends {
            end += u64::from(backend.weight.max(1));
            choices.ends.push(end);
            let known = previous.find(backend).cloned();
            let candidate = known.unwrap_or_else(|| Arc::new(Candidate::new(backend)));
            choices.candidates.push(candidate);
        }
        choices
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.candidates.is_empty()
    }

    /// A random backend by weight, other than `avoid`; one that failed lately only if there is no other.
    pub(crate) fn pick(&self, now: u64, avoid: Option<&Candidate>) -> Option<&Arc<Candidate>> {
        let total = *self.ends.last()?;
        let allowed = |c: &Candidate| avoid.is_none_or(|a| a.endpoint != c.endpoint);
        let good = |c: &Candidate| allowed(c) && !c.is_passed_over(now);
        let drawn = self.at(rand::random_range(0..total));
        if good(drawn) {
            return Some(drawn);
        }
        self.pick_among(good).or_else(|| self.pick_among(allowed))
    }

    /// A random one by weight among those that pass; looks at all of them.
    fn pick_among(&self, passes: impl Fn(&Candidate) -> bool) -> Option<&Arc<Candidate>> {
        let starts = [0].iter().chain(&self.ends);
        let weights = self.ends.iter().zip(starts).map(|(end, start)| end - start);
        let passing = || {
            self.candidates
                .iter()
                .zip(weights.clone())
                .filter(|(c, _)| passes(c))
        };
        let total: u64 = passing().map(|(_, weight)| weight).sum();
        let mut number = rand::random_range(0..total.max(1));
        for (candidate, weight) in passing() {
            match number.checked_sub(weight) {
                Some(rest) => number = rest,
                None => return Some(candidate),
            }
        }
        None
    }

    fn at(&self, number: u64) -> &Arc<Candidate> {
        &self.candidates[self.ends.partition_point(|end| *end <= number)]
    }

    /// The same endpoint at the same address, whatever its weight.
    pub(crate) fn find(&self, endpoint: Uid, address: SocketAddr) -> Option<&Arc<Candidate>> {
        // Pools are in order of the uid.
        let found = self
            .candidates
            .binary_search_by_key(&endpoint, |c| c.endpoint);
        let candidate = &self.candidates[found.ok()?];
        (candidate.address == address).then_some(candidate)
    }

    pub(crate) fn offers(&self, candidate: &Candidate) -> bool {
        self.find(candidate.endpoint, candidate.address).is_some()
    }
}

/// The pools of a frontend.
#[derive(Debug, Default)]
pub(crate) struct Pools {
    outside: Choices,
    /// For sources inside, where they have a list of their own.
    inside: Option<Choices>,
}

impl Pools {
    pub(crate) fn new(frontend: &Frontend, previous: &Self) -> Self {
        let inside = frontend.inside.as_deref();
        Self {
            outside: Choices::new(&frontend.pool, previous),
            inside: inside.map(|pool| Choices::new(pool, previous)),
        }
    }

    /// Nobody can be served.
    pub(crate) fn is_empty(&self) -> bool {
        self.outside.is_empty() && self.inside.as_ref().is_none_or(Choices::is_empty)
    }

    /// The list for a source; whether that is inside is asked only where it matters.
    pub(crate) fn for_source(&self, is_inside: impl FnOnce() -> bool) -> &Choices {
        match &self.inside {
            Some(choices) if is_inside() => choices,
            _ => &self.outside,
        }
    }

    fn find(&self, backend: &Backend) -> Option<&Arc<Candidate>> {
        let lists = [Some(&self.outside), self.inside.as_ref()];
        let mut found = lists.into_iter().flatten();
        found.find_map(|choices| choices.find(backend.endpoint, backend.socket_addr()))
    }
}

#[cfg(test)]
mod tests;
