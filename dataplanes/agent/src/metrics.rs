//! What an agent measures itself; what others count is read when it is asked for.

mod collectors;
mod figures;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use portolan_model::Timestamp;
use portolan_subscriber::{CommitInfo, Status};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;
use tokio::sync::watch;

use collectors::{DataplaneCounters, StreamStatus};

/// Counters of a dataplane as read last.
pub(crate) type Counters = Arc<Mutex<Vec<(&'static str, u64)>>>;

/// Metrics of one agent.
#[derive(Clone, Debug)]
pub(crate) struct Metrics {
    apply: Histogram,
    latency: Histogram,
    probes: Family<ProbeLabels, Counter>,
    without_local: Family<PolicyLabels, Gauge>,
    counters: Counters,
}

type PolicyLabels = [(&'static str, &'static str); 1];

/// How a probe ended.
#[derive(Copy, Clone, Debug)]
pub(crate) enum ProbeResult {
    Pass,
    Fail,
    /// The prober itself failed, which says nothing about the workload.
    Unknown,
}

impl ProbeResult {
    fn labels(self) -> ProbeLabels {
        let result = match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Unknown => "unknown",
        };
        [("result", result)]
    }
}

type ProbeLabels = [(&'static str, &'static str); 1];

impl Metrics {
    /// Registers everything under `portolan_agent`.
    pub(crate) fn register(registry: &mut Registry, status: watch::Receiver<Status>) -> Self {
        let registry = registry.sub_registry_with_prefix("portolan_agent");
        let metrics = Self {
            // 0.1 ms to 26 s, and 1 ms to 262 s.
            apply: Histogram::new(exponential_buckets(0.0001, 4.0, 10)),
            latency: Histogram::new(exponential_buckets(0.001, 4.0, 10)),
            probes: Family::default(),
            without_local: Family::default(),
            counters: Counters::default(),
        };
        registry.register(
            "apply_seconds",
            "Time from the receipt of an update until it was applied",
            metrics.apply.clone(),
        );
        registry.register(
            "programming_latency_seconds",
            "Time from commit to applied, by the clocks of store and node",
            metrics.latency.clone(),
        );
        // Counters exist from the start, so that a rate sees their first step.
        for result in [ProbeResult::Pass, ProbeResult::Fail, ProbeResult::Unknown] {
            drop(metrics.probes.get_or_create(&result.labels()));
        }
        registry.register(
            "probes",
            "Readiness probes by result",
            metrics.probes.clone(),
        );
        registry.register(
            "services_without_local_endpoint",
            "Services with a Local policy that have usable endpoints on other nodes only",
            metrics.without_local.clone(),
        );
        registry.register_collector(Box::new(StreamStatus(status)));
        registry.register_collector(Box::new(DataplaneCounters(metrics.counters.clone())));
        metrics
    }

    pub(crate) fn applied(&self, took: Duration, commits: &[CommitInfo]) {
        self.apply.observe(took.as_secs_f64());
        let now = now();
        for commit in commits {
            let latency = Duration::from_micros(now.micros_since(commit.committed_at));
            self.latency.observe(latency.as_secs_f64());
        }
    }

    pub(crate) fn probed(&self, result: ProbeResult) {
        self.probes.get_or_create(&result.labels()).inc();
    }

    /// Services that this node is silent for, by the policy.
    pub(crate) fn silent_for(&self, internal: usize, external: usize) {
        for (policy, services) in [("internal", internal), ("external", external)] {
            let gauge = self.without_local.get_or_create(&[("policy", policy)]);
            gauge.set(i64::try_from(services).unwrap_or(i64::MAX));
        }
    }

    pub(crate) fn count(&self, counters: Vec<(&'static str, u64)>) {
        *self.counters.lock().unwrap_or_else(PoisonError::into_inner) = counters;
    }
}

fn now() -> Timestamp {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH);
    Timestamp(unix.map_or(0, |since| {
        i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
    }))
}
