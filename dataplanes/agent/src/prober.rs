//! Probes the workloads of this node: one task for each, and one that keeps the table of what they found.

mod action;
mod grpc;
mod http;
mod tcp;
mod threshold;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_model::Uid;
use portolan_model::view::WorkloadView;
use portolan_subscriber::{HealthSender, HealthTable, Readiness};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

use crate::metrics::Metrics;
use workload::{Finding, Workload};

/// Probes under way at the same time; the others wait for their turn.
const PROBES_AT_ONCE: usize = 64;
/// Findings that wait to be taken down.
const FINDINGS: usize = 64;
/// How long the first report waits for first results: an agent that was just restarted must not say of every workload
/// that it does not serve.
const FIRST_RESULTS: Duration = Duration::from_secs(2);

/// The workloads that name this node.
pub(crate) type Targets = BTreeMap<Uid, WorkloadView>;

/// Handle of the prober; probing ends when it is dropped.
#[derive(Debug)]
pub(crate) struct Prober {
    targets: watch::Sender<Option<Targets>>,
}

impl Prober {
    /// Starts with nothing to probe, and nothing to report before it is told what there is.
    pub(crate) fn start(health: HealthSender, metrics: Metrics) -> Self {
        let (targets, receiver) = watch::channel(None);
        tokio::spawn(Board::new(health, metrics).run(receiver));
        Self { targets }
    }

    /// Whether it knows what to probe.
    pub(crate) fn is_told(&self) -> bool {
        self.targets.borrow().is_some()
    }

    /// Probes these from now on, and no others.
    pub(crate) fn set(&self, targets: Targets) {
        self.targets.send_replace(Some(targets));
    }
}

/// What is probed and what was found.
struct Board {
    health: HealthSender,
    metrics: Metrics,
    turns: Arc<Semaphore>,
    tasks: JoinSet<()>,
    probed: BTreeMap<Uid, Probed>,
    table: HealthTable,
    /// When the first report is sent at the latest; none when it was sent.
    hold: Option<Instant>,
    findings: mpsc::Sender<Finding>,
    found: mpsc::Receiver<Finding>,
}

struct Probed {
    view: watch::Sender<WorkloadView>,
    task: AbortHandle,
    has_result: bool,
}

impl Board {
    fn new(health: HealthSender, metrics: Metrics) -> Self {
        let (findings, found) = mpsc::channel(FINDINGS);
        Self {
            health,
            metrics,
            turns: Arc::new(Semaphore::new(PROBES_AT_ONCE)),
            tasks: JoinSet::new(),
            probed: BTreeMap::new(),
            table: HealthTable::new(),
            hold: None,
            findings,
            found,
        }
    }

    /// Until the handle is dropped.
    async fn run(mut self, mut targets: watch::Receiver<Option<Targets>>) {
        let mut told = false;
        loop {
            let hold = self.hold;
            tokio::select! {
                changed = targets.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    let targets = targets.borrow_and_update().clone().unwrap_or_default();
                    if !told {
                        told = true;
                        self.hold = Some(Instant::now() + FIRST_RESULTS);
                    }
                    self.set(targets);
                }
                Some(finding) = self.found.recv() => self.take_down(finding),
                () = sleep_until(hold.unwrap_or_else(Instant::now).into()), if hold.is_some() => self.hold = None,
                Some(_) = self.tasks.join_next() => continue,
            }
            self.publish();
        }
    }

    fn set(&mut self, targets: Targets) {
        self.probed.retain(|uid, probed| {
            let stays = targets.contains_key(uid);
            if !stays {
                probed.task.abort();
                self.table.remove(uid);
            }
            stays
        });
        for (uid, view) in targets {
            match self.probed.get(&uid) {
                Some(probed) if probed.view.borrow().probe_generation == view.probe_generation => {
                    probed.view.send_replace(view);
                }
                Some(probed) => {
                    probed.task.abort();
                    self.begin(uid, view);
                }
                None => self.begin(uid, view),
            }
        }
    }

    /// Starts from scratch: not serving until the probe says otherwise.
    fn begin(&mut self, uid: Uid, view: WorkloadView) {
        let readiness = Readiness {
            probe_generation: view.probe_generation,
            serving: false,
            since: Instant::now(),
            reason: "no probe has passed yet".to_owned(),
        };
        self.table.insert(uid, readiness);
        let (sender, view) = watch::channel(view);
        let workload = Workload {
            uid,
            view,
            turns: self.turns.clone(),
            findings: self.findings.clone(),
            metrics: self.metrics.clone(),
        };
        let probed = Probed {
            view: sender,
            task: self.tasks.spawn(workload.probe()),
            has_result: false,
        };
        self.probed.insert(uid, probed);
    }

    fn take_down(&mut self, finding: Finding) {
        let Some(probed) = self.probed.get_mut(&finding.uid) else {
            return;
        };
        // Of a probe that was replaced meanwhile.
        if probed.view.borrow().probe_generation != finding.readiness.probe_generation {
            return;
        }
        probed.has_result = true;
        self.table.insert(finding.uid, finding.readiness);
    }

    fn publish(&mut self) {
        if self.hold.is_some() && !self.probed.values().all(|probed| probed.has_result) {
            return;
        }
        self.hold = None;
        self.health.send(self.table.clone());
    }
}

#[cfg(test)]
mod tests;
