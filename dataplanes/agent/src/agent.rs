//! The loop.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use portolan_dataplane::Dataplane;
use portolan_model::Name;
use portolan_subscriber::{Applied, CommitInfo, Config, Mark, Status, Subscriber, Update};
use prometheus_client::registry::Registry;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep_until};
use tracing::{Instrument, info, warn};

use crate::capabilities::on_the_wire;
use crate::http::{Watched, router};
use crate::metrics::Metrics;
use crate::prober::Prober;
use crate::reconciler::Reconciler;
use crate::retry::Retry;
use crate::trace::apply_span;
use crate::{AgentConfig, AgentError, AgentStatus};

/// Between audits: what was changed behind the agent's back is put right within this.
const AUDIT_EVERY: Duration = Duration::from_secs(30);
/// Between looks at the dataplane's own counters.
const COUNT_EVERY: Duration = Duration::from_secs(5);

/// A plugin's agent, started but not running yet.
pub struct Agent<D> {
    reconciler: Reconciler<D>,
    node: Name,
    subscriber: Subscriber,
    updates: mpsc::Receiver<Update>,
    prober: Prober,
    metrics: Metrics,
    retry: Retry,
    /// The last update that was applied.
    mark: Option<Mark>,
    leave_after: Option<Duration>,
    status: watch::Sender<AgentStatus>,
}

/// Runs an agent until `shutdown`, with metrics and health where the configuration says. The dataplane is left as it is
/// then: it forwards on while its process lives, or beyond if it is in the kernel.
pub async fn run<D: Dataplane>(
    config: AgentConfig,
    dataplane: D,
    shutdown: impl Future<Output = ()> + Send,
) -> Result<(), AgentError> {
    let listener = match config.metrics_listen {
        Some(address) => {
            let listener = TcpListener::bind(address).await;
            Some(listener.map_err(|source| AgentError::Listen { address, source })?)
        }
        None => None,
    };
    let mut registry = portolan_process::metrics::registry();
    let agent = Agent::start(config, dataplane, &mut registry).await?;
    let Some(listener) = listener else {
        agent.run(shutdown).await;
        return Ok(());
    };
    let watched = Watched {
        registry: Arc::new(registry),
        kind: agent.reconciler.kind(),
        agent: agent.status(),
        stream: agent.stream(),
    };
    tokio::select! {
        served = axum::serve(listener, router(watched)) => {
            // It accepts for ever.
            warn!(?served, "metrics are served no longer");
        }
        () = agent.run(shutdown) => {}
    }
    Ok(())
}

impl<D: Dataplane> Agent<D> {
    /// Locks and reads the state directory, and registers the metrics.
    pub async fn start(
        config: AgentConfig,
        dataplane: D,
        registry: &mut Registry,
    ) -> Result<Self, AgentError> {
        let node = Name::trusted(config.node.as_str());
        let mut description = config.description;
        let can = dataplane.capabilities();
        can.kind.clone_into(&mut description.dataplane);
        description.capabilities = Some(on_the_wire(&can));
        let (subscriber, updates) = Subscriber::start(Config {
            server: config.server,
            cluster: config.cluster,
            node: config.node,
            description,
            agent_version: env!("CARGO_PKG_VERSION").to_owned(),
            state_dir: config.state_dir,
            accept_store: config.accept_store,
        })
        .await?;
        let metrics = Metrics::register(registry, subscriber.status());
        Ok(Self {
            reconciler: Reconciler::new(dataplane, node.clone()),
            node,
            prober: Prober::start(subscriber.readiness(), metrics.clone()),
            subscriber,
            updates,
            metrics,
            retry: Retry::default(),
            mark: None,
            leave_after: config.leave_after,
            status: watch::Sender::default(),
        })
    }

    /// How the agent is doing, now and later.
    pub fn status(&self) -> watch::Receiver<AgentStatus> {
        self.status.subscribe()
    }

    /// How its stream is doing, now and later.
    pub fn stream(&self) -> watch::Receiver<Status> {
        self.subscriber.status()
    }

    /// Runs until `shutdown`, then brings the last known good state to the disk.
    pub async fn run(mut self, shutdown: impl Future<Output = ()> + Send) {
        tokio::pin!(shutdown);
        let mut audit = interval(AUDIT_EVERY);
        let mut count = interval(COUNT_EVERY);
        for timer in [&mut audit, &mut count] {
            timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        loop {
            let retry = self.retry.at();
            tokio::select! {
                () = &mut shutdown => break,
                update = self.updates.recv() => match update {
                    Some(update) => self.apply(update).await,
                    // Its task panicked, which was reported; what is programmed stays.
                    None => break,
                },
                () = sleep_until(retry.unwrap_or_else(Instant::now).into()), if retry.is_some() => self.try_again().await,
                _ = audit.tick() => self.audit().await,
                _ = count.tick() => self.count(),
            }
        }
        if let Some(time) = self.leave_after {
            self.leave(time).await;
        } else {
            info!("stopping; what is programmed stays");
        }
        self.subscriber.stop().await;
    }

    /// Applies an update together with those that came after it while the one before was applied.
    async fn apply(&mut self, update: Update) {
        let received = update.received;
        let span = apply_span(&update);
        let mut mark = update.mark;
        let mut commits = update.commits.clone();
        let mut touched = self.reconciler.accept(update);
        for _ in 0..self.updates.len() {
            let Ok(update) = self.updates.try_recv() else {
                break;
            };
            mark = update.mark;
            commits.extend_from_slice(&update.commits);
            touched.merge(self.reconciler.accept(update));
        }
        let probes = !touched.workloads.is_empty();
        self.reconciler.change(touched).instrument(span).await;
        self.mark = Some(mark);
        self.applied(received.elapsed(), &commits);
        if probes || !self.prober.is_told() {
            self.probe();
        }
    }

    /// Leaves the node to another dataplane.
    async fn leave(&mut self, time: Duration) {
        info!(?time, "leaving; established connections have their time");
        self.reconciler.drain().await;
        tokio::time::sleep(time).await;
        self.reconciler.cleanup().await;
    }

    fn count(&self) {
        self.metrics.count(self.reconciler.counters());
        let (internal, external) = self.reconciler.silent_for();
        self.metrics.silent_for(internal, external);
    }

    async fn try_again(&mut self) {
        self.retry.begin();
        self.reconciler.retry().await;
        self.tell(0);
    }

    async fn audit(&mut self) {
        let health = self.reconciler.health().await;
        self.status.send_if_modified(|status| {
            let changed = status.health != health;
            status.health = health;
            changed
        });
        // Before the first whole state there is nothing to compare with.
        if self.mark.is_some() {
            self.reconciler.audit().await;
            self.tell(0);
        }
    }

    fn applied(&mut self, took: Duration, commits: &[CommitInfo]) {
        self.metrics.applied(took, commits);
        self.tell(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }

    /// Says how things stand after something was done.
    fn tell(&mut self, apply_us: u64) {
        let Some(mark) = self.mark else { return };
        self.retry
            .note(self.reconciler.is_failing(), Instant::now());
        let rejected = self.reconciler.rejected();
        self.status.send_modify(|status| {
            status.applied = Some(mark.revision());
            status.rejected = rejected.len();
        });
        self.subscriber.applied(Applied {
            mark,
            rejected,
            apply_us,
        });
    }

    /// Probes what is to be probed from now on.
    fn probe(&mut self) {
        let views = self.reconciler.views();
        let workloads = views.probed(&self.node);
        self.prober
            .set(workloads.map(|(uid, view)| (uid, view.clone())).collect());
    }
}
