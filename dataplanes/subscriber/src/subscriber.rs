//! The handle that an owner has.

use std::time::Duration;

use portolan_model::Revision;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::{CancellationToken, DropGuard};
use tonic::transport::Endpoint;

use crate::last_known_good::LastKnownGood;
use crate::task::{Ports, Remembered, Task};
use crate::{Applied, Config, ReadinessTable, StartError, Status, Update};

/// Updates that wait for the owner. When they do, the stream is no longer read, and the server merges what follows.
const WAITING_UPDATES: usize = 4;
/// A dead connection is noticed within ten seconds, the sum of these two, even when nothing is to be said.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(4);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// A running subscription. It ends when this is dropped; what is on disk is complete only after [`Self::stop`].
#[derive(Debug)]
pub struct Subscriber {
    applied: watch::Sender<Applied>,
    readiness: watch::Sender<Option<ReadinessTable>>,
    status: watch::Receiver<Status>,
    task: JoinHandle<()>,
    stop: DropGuard,
}

impl Subscriber {
    /// Reads the state directory and starts. The first update is what was found there, if anything; the server is
    /// called when that was applied.
    pub async fn start(config: Config) -> Result<(Self, mpsc::Receiver<Update>), StartError> {
        let endpoint = endpoint(&config.server)?;
        let dir = config.state_dir.clone();
        let (files, copy) = tokio::task::spawn_blocking(move || LastKnownGood::open(&dir))
            .await
            .expect("reading files does not panic")?;
        let (updates, receiver) = mpsc::channel(WAITING_UPDATES);
        let (applied, applied_rx) = watch::channel(Applied::default());
        let (readiness, readiness_rx) = watch::channel(None);
        let (status_tx, status) = watch::channel(Status {
            store_id: copy.as_ref().map(|copy| copy.store_id),
            revision: copy.as_ref().map_or(Revision::ZERO, |copy| copy.revision),
            durable: files.durable(),
            ..Status::default()
        });
        let stop = CancellationToken::new();
        let ports = Ports {
            updates,
            applied: applied_rx,
            readiness: readiness_rx,
            status: status_tx,
            stop: stop.clone(),
        };
        let task = Task::new(config, endpoint, Remembered { files, copy }, ports);
        let subscriber = Self {
            applied,
            readiness,
            status,
            task: tokio::spawn(task.run()),
            stop: stop.drop_guard(),
        };
        Ok((subscriber, receiver))
    }

    /// Says what became of the updates up to a mark. The latest call counts; what was rejected is always the whole list.
    pub fn applied(&self, applied: Applied) {
        self.applied.send_replace(applied);
    }

    /// Where to say which workloads are ready.
    pub fn readiness(&self) -> ReadinessSender {
        ReadinessSender(self.readiness.clone())
    }

    /// How it is doing, now and later.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// Leaves the stream and brings the state to the disk.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic of the task was reported when it happened; there is nothing left to stop then.
        let _ = self.task.await;
    }
}

/// Takes the readiness of a node's workloads.
#[derive(Clone, Debug)]
pub struct ReadinessSender(pub(crate) watch::Sender<Option<ReadinessTable>>);

impl ReadinessSender {
    /// Says which workloads are ready: always the whole table. Before the first call nothing is reported.
    pub fn send(&self, table: ReadinessTable) {
        self.0.send_replace(Some(table));
    }
}

fn endpoint(server: &str) -> Result<Endpoint, StartError> {
    let endpoint =
        Endpoint::from_shared(server.to_owned()).map_err(|source| StartError::Server {
            server: server.to_owned(),
            source,
        })?;
    Ok(endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true))
}
