//! Probes the workloads of this node: one task for each, and one that keeps the table of their readiness.

mod action;
mod grpc;
mod http;
mod outcome;
mod tcp;
mod threshold;
mod workload;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_model::Uid;
use portolan_model::view::WorkloadView;
use portolan_subscriber::{Readiness, ReadinessSender, ReadinessTable};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep_until;

use crate::metrics::Metrics;
use workload::Workload;

/// Probes under way at the same time; the others wait for their turn.
const PROBES_AT_ONCE: usize = 64;
/// Results that wait to be taken down.
const RESULTS: usize = 64;
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
    pub(crate) fn start(readiness: ReadinessSender, metrics: Metrics) -> Self {
        let (targets, receiver) = watch::channel(None);
        tokio::spawn(Board::new(readiness, metrics).run(receiver));
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

/// What is probed, and the readiness that results.
struct Board {
    readiness: ReadinessSender,
    metrics: Metrics,
    turns: Arc<Semaphore>,
    tasks: JoinSet<()>,
    probed: BTreeMap<Uid, Probed>,
    table: ReadinessTable,
    /// When the first report is sent at the latest; none when it was sent.
    hold: Option<Instant>,
    /// What the tasks send to; `found` is the other end.
    results: mpsc::Sender<(Uid, Readiness)>,
    found: mpsc::Receiver<(Uid, Readiness)>,
}

struct Probed {
    view: watch::Sender<WorkloadView>,
    task: AbortHandle,
    has_result: bool,
}

impl Board {
    fn new(readiness: ReadinessSender, metrics: Metrics) -> Self {
        let (results, found) = mpsc::channel(RESULTS);
        Self {
            readiness,
            metrics,
            turns: Arc::new(Semaphore::new(PROBES_AT_ONCE)),
            tasks: JoinSet::new(),
            probed: BTreeMap::new(),
            table: ReadinessTable::new(),
            hold: None,
            results,
            found,
        }
    }

    /// Runs until the handle is dropped.
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
                Some((uid, readiness)) = self.found.recv() => self.take_down(uid, readiness),
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
            results: self.results.clone(),
            metrics: self.metrics.clone(),
        };
        let probed = Probed {
            view: sender,
            task: self.tasks.spawn(workload.probe()),
            has_result: false,
        };
        self.probed.insert(uid, probed);
    }

    fn take_down(&mut self, uid: Uid, readiness: Readiness) {
        let Some(probed) = self.probed.get_mut(&uid) else {
            return;
        };
        // Of a probe that was replaced meanwhile.
        if probed.view.borrow().probe_generation != readiness.probe_generation {
            return;
        }
        probed.has_result = true;
        self.table.insert(uid, readiness);
    }

    fn publish(&mut self) {
        if self.hold.is_some() && !self.probed.values().all(|probed| probed.has_result) {
            return;
        }
        self.hold = None;
        self.readiness.send(self.table.clone());
    }
}

#[cfg(test)]
mod tests;
