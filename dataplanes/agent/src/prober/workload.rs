//! Probes one workload, time and again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_model::Uid;
use portolan_model::view::WorkloadView;
use portolan_subscriber::Readiness;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tracing::{debug, info};

use super::action;
use super::outcome::Outcome;
use super::threshold::Thresholds;
use crate::metrics::{Metrics, ProbeResult};

/// One workload and where its readiness is told: for the first result, and whenever it turns.
pub(super) struct Workload {
    pub(super) uid: Uid,
    /// Its addresses may change; another probe means another task.
    pub(super) view: watch::Receiver<WorkloadView>,
    pub(super) turns: Arc<Semaphore>,
    pub(super) results: mpsc::Sender<(Uid, Readiness)>,
    pub(super) metrics: Metrics,
}

impl Workload {
    pub(super) async fn probe(self) {
        let (delay, period) = {
            let probe = &self.view.borrow().probe;
            let seconds = |seconds: u32| Duration::from_secs(seconds.into());
            (
                seconds(probe.initial_delay_seconds),
                seconds(probe.period_seconds.max(1)),
            )
        };
        sleep(delay).await;
        let mut ticks = interval(period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut thresholds = Thresholds::default();
        let mut told = None;
        loop {
            ticks.tick().await;
            let view = self.view.borrow().clone();
            let outcome = self.attempt(&view).await;
            let probe = &view.probe;
            let serving =
                thresholds.count(&outcome, probe.success_threshold, probe.failure_threshold);
            if told == Some(serving) || matches!(outcome, Outcome::Unknown(_)) {
                continue;
            }
            told = Some(serving);
            if self.tell(&view, serving, outcome).await.is_err() {
                return;
            }
        }
    }

    /// One probe, when it has its turn: waiting is not the workload's fault.
    async fn attempt(&self, view: &WorkloadView) -> Outcome {
        let Ok(_turn) = self.turns.acquire().await else {
            return Outcome::Unknown("the prober ends".to_owned());
        };
        let limit = Duration::from_secs(view.probe.timeout_seconds.max(1).into());
        let outcome = timeout(limit, action::attempt(view)).await;
        let outcome =
            outcome.unwrap_or_else(|_| Outcome::Fail(format!("no answer within {limit:?}")));
        self.metrics.probed(match &outcome {
            Outcome::Pass => ProbeResult::Pass,
            Outcome::Fail(_) => ProbeResult::Fail,
            Outcome::Unknown(_) => ProbeResult::Unknown,
        });
        debug!(workload = %view.name, ?outcome, "probed");
        outcome
    }

    async fn tell(
        &self,
        view: &WorkloadView,
        serving: bool,
        outcome: Outcome,
    ) -> Result<(), mpsc::error::SendError<(Uid, Readiness)>> {
        let reason = match outcome {
            Outcome::Fail(reason) if !serving => reason,
            // A pass below the threshold.
            _ if !serving => "too few probes in a row have passed".to_owned(),
            _ => String::new(),
        };
        info!(workload = %view.name, namespace = %view.namespace, serving, reason, "readiness");
        let readiness = Readiness {
            probe_generation: view.probe_generation,
            serving,
            since: Instant::now(),
            reason,
        };
        self.results.send((self.uid, readiness)).await
    }
}
