//! What a subscriber does in the background: one session after the other.

mod link;
mod storage;

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use portolan_model::Revision;
use portolan_proto::node::v1 as wire;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Streaming;
use tonic::transport::Endpoint;
use tracing::{debug, info, warn};
use wire::node_sync_client::NodeSyncClient;

use crate::backoff::Backoff;
use crate::held::Held;
use crate::intake::{Break, Intake};
use crate::last_known_good::LastKnownGood;
use crate::rejections::Rejections;
use crate::{Applied, Config, HealthTable, Mark, Source, Status, Update};
use link::Link;
use storage::Storage;

/// How long a server may take to answer a new stream.
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
/// Messages on their way to the server.
const OUTGOING: usize = 8;
/// The largest frame that is taken; servers cut theirs far below.
const LARGEST_FRAME: usize = 4 << 20;
/// Pause between attempts while the server has another store: only an operator can change that.
const FOREIGN_STORE_PAUSE: Duration = Duration::from_secs(30);

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error("stopped")]
    Stop,
    #[error(transparent)]
    Break(#[from] Break),
    #[error("the server asks for another stream ({0:?})")]
    Resync(wire::resync::Reason),
    #[error("the server is about to end")]
    Drain { after: Duration, spread: Duration },
    #[error("{0}")]
    Lost(String),
}

/// The background of a subscriber.
pub(crate) struct Task {
    config: Config,
    endpoint: Endpoint,
    storage: Storage,
    intake: Intake,
    updates: mpsc::Sender<Update>,
    applied: watch::Receiver<Applied>,
    health: watch::Receiver<Option<HealthTable>>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
    rejections: Rejections,
    /// What the owner said last, together with `rejections`.
    done: Done,
    /// Of the latest update.
    mark: Mark,
    /// An update that the owner has no room for yet.
    pending: Option<Update>,
    backoff: Backoff,
}

/// The last update that was applied.
#[derive(Copy, Clone, Debug, Default)]
struct Done {
    mark: Mark,
    apply_us: u64,
}

type Ports = (
    mpsc::Sender<Update>,
    watch::Receiver<Applied>,
    watch::Receiver<Option<HealthTable>>,
);

impl Task {
    pub(crate) fn new(
        (config, endpoint): (Config, Endpoint),
        (files, held): (LastKnownGood, Option<Held>),
        (updates, applied, health): Ports,
        status: watch::Sender<Status>,
        stop: CancellationToken,
    ) -> Self {
        let intake = Intake::new(held, config.accept_store);
        Self {
            config,
            endpoint,
            storage: Storage::new(files),
            intake,
            updates,
            applied,
            health,
            status,
            stop,
            rejections: Rejections::default(),
            done: Done::default(),
            mark: Mark::default(),
            pending: None,
            backoff: Backoff::default(),
        }
    }

    /// Until it is stopped.
    pub(crate) async fn run(mut self) {
        self.remember();
        self.pause(None).await;
        while !self.stop.is_cancelled() {
            let end = match self.session().await {
                Ok(never) => match never {},
                Err(end) => end,
            };
            let wait = self.ended(&end);
            self.pause(Some(wait)).await;
        }
        self.store_all().await;
    }

    /// What the state directory remembers becomes the first update.
    fn remember(&mut self) {
        let Some(held) = self.intake.held() else {
            return;
        };
        let (revision, upserts) = (held.revision, held.views());
        info!(%revision, objects = held.objects.len(), "last known good state found");
        self.mark = Mark {
            number: 1,
            revision,
        };
        self.pending = Some(Update {
            mark: self.mark,
            source: Source::LastKnownGood,
            received: Instant::now(),
            from: Revision::ZERO,
            upserts,
            removed: Vec::new(),
            commits: Vec::new(),
        });
        self.note_held();
    }

    /// Waits for a while, or until every update so far was applied; updates and storage go on meanwhile.
    async fn pause(&mut self, wait: Option<Duration>) {
        let until = wait.map(|wait| Instant::now() + wait);
        loop {
            let now = Instant::now();
            let over = match until {
                Some(until) => until <= now,
                None => self.applied.borrow_and_update().mark == self.mark,
            };
            if over {
                self.take_applied();
                return;
            }
            let look = [until, self.storage.due()].into_iter().flatten().min();
            tokio::select! {
                () = self.stop.cancelled() => return,
                delivered = deliver(&self.updates, &mut self.pending), if self.pending.is_some() => {
                    if delivered.is_err() {
                        return self.stop.cancel();
                    }
                }
                changed = self.applied.changed() => match changed {
                    Ok(()) => self.take_applied(),
                    Err(_) => return self.stop.cancel(),
                },
                synced = self.storage.synced() => self.synced(synced),
                () = sleep_until(look.unwrap_or(now).into()), if look.is_some() => self.store_due().await,
            }
        }
    }

    /// One stream, from Hello to whatever ends it.
    async fn session(&mut self) -> Result<std::convert::Infallible, End> {
        let session = self.next_session().await;
        let (out, outgoing) = mpsc::channel(OUTGOING);
        let hello = wire::sync_request::Message::Hello(self.hello(session));
        let hello = wire::SyncRequest {
            message: Some(hello),
        };
        out.try_send(hello).expect("a new channel has room");
        self.status.send_modify(|status| status.session = session);
        let opening = timeout(OPEN_TIMEOUT, open(self.endpoint.clone(), outgoing));
        let frames = tokio::select! {
            () = self.stop.cancelled() => return Err(End::Stop),
            opened = opening => opened.unwrap_or_else(|_| Err(End::Lost("the server does not answer".to_owned())))?,
        };
        let mut link = Link::new(frames, out);
        loop {
            let event = self.next_event(&mut link).await?;
            self.handle(event, &mut link).await?;
        }
    }

    async fn next_session(&mut self) -> u64 {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH);
        let unix_ms = unix.map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(0));
        let (session, written) = self
            .storage
            .blocking(move |files| files.next_session(unix_ms))
            .await;
        if let Err(error) = written {
            self.storage_failed("the session", &error);
        }
        session
    }

    fn hello(&mut self, session: u64) -> wire::Hello {
        let description = &self.config.description;
        let addresses = |list: &[std::net::IpAddr]| {
            let bytes = list.iter().copied();
            bytes
                .map(portolan_proto::convert::view::address_bytes)
                .collect()
        };
        wire::Hello {
            cluster: self.config.cluster.clone(),
            node: self.config.node.clone(),
            session,
            resume: self.intake.restart(),
            description: Some(wire::NodeDescription {
                addresses: addresses(&description.addresses),
                zone: description.zone.clone(),
                node_port_addresses: addresses(&description.node_port_addresses),
                dataplane: description.dataplane.clone(),
                capabilities: description.capabilities.clone(),
            }),
            agent_version: self.config.agent_version.clone(),
            projection_version: portolan_model::view::PROJECTION_VERSION,
            oldest_projection_version: portolan_model::view::OLDEST_PROJECTION_VERSION,
        }
    }

    /// Draws the conclusions from the end of a session and says how long to wait.
    fn ended(&mut self, end: &End) -> Duration {
        let before = self.status.borrow().clone();
        let lived = before
            .welcomed_at
            .filter(|_| before.connected)
            .map_or(Duration::ZERO, |at| at.elapsed());
        let because = end.to_string();
        let wait = match end {
            End::Stop => Duration::ZERO,
            End::Drain { after, spread } => *after + spread.mul_f64(rand::random()),
            End::Break(Break::ForeignStore(_)) => FOREIGN_STORE_PAUSE,
            _ => self.backoff.next(lived, rand::random()),
        };
        if matches!(end, End::Stop) {
            debug!("leaving the stream");
        } else if before.disconnected_because == because {
            debug!(?wait, "no stream: {because}");
        } else {
            warn!(server = self.config.server, ?wait, "no stream: {because}");
        }
        if let End::Break(reason) = end {
            self.intake.left(reason);
        }
        self.status.send_modify(|status| {
            status.connected = false;
            status.disconnected_because = because;
            status.digest_mismatches += u64::from(matches!(end, End::Break(Break::Digest(_))));
            if let End::Break(Break::ForeignStore(store_id)) = end {
                status.refused_store = Some(*store_id);
            }
        });
        wait
    }

    /// Looks at what the owner said last.
    fn take_applied(&mut self) {
        let applied = self.applied.borrow_and_update();
        let revision = applied.mark.revision;
        let rejected = applied
            .rejected
            .iter()
            .map(|(key, reason)| (*key, revision, reason.clone()));
        let unreadable = self.intake.held().into_iter().flat_map(Held::unreadable);
        self.rejections.set(rejected.chain(unreadable));
        self.done = Done {
            mark: applied.mark,
            apply_us: applied.apply_us,
        };
        let rejected = self.rejections.len();
        self.status.send_if_modified(|status| {
            let changed = (status.attempted, status.rejected) != (revision, rejected);
            (status.attempted, status.rejected) = (revision, rejected);
            changed
        });
    }

    fn note_held(&self) {
        let (held, durable) = (self.intake.held(), self.storage.durable());
        self.status.send_modify(|status| {
            if let Some(held) = held {
                status.store_id = Some(held.store_id);
                status.revision = held.revision;
                status.head = status.head.max(held.revision);
                status.unreadable = held.unreadable.len();
            }
            status.durable = durable;
        });
    }
}

/// Hands over the update that waits, when there is room. Nothing is lost if this is given up.
async fn deliver(
    updates: &mpsc::Sender<Update>,
    pending: &mut Option<Update>,
) -> Result<(), SendError<()>> {
    let permit = updates.reserve().await?;
    if let Some(update) = pending.take() {
        permit.send(update);
    }
    Ok(())
}

async fn open(
    endpoint: Endpoint,
    outgoing: mpsc::Receiver<wire::SyncRequest>,
) -> Result<Streaming<wire::SyncResponse>, End> {
    let lost = |error: &dyn std::error::Error| End::Lost(chain(error));
    let channel = endpoint.connect().await.map_err(|error| lost(&error))?;
    let mut client = NodeSyncClient::new(channel).max_decoding_message_size(LARGEST_FRAME);
    let opened = client.sync(ReceiverStream::new(outgoing)).await;
    Ok(opened.map_err(|error| lost(&error))?.into_inner())
}

/// An error with its causes, as tonic's own text says little ("transport error").
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let inner = error.to_string();
        if !text.contains(&inner) {
            text = format!("{text}: {inner}");
        }
        cause = error.source();
    }
    text
}
