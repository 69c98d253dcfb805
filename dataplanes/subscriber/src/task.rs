//! What a subscriber does in the background: one session after the other.

mod end;
mod link;
mod opening;
mod storage;

use std::time::{Duration, Instant};

use portolan_model::Revision;
use portolan_proto::node::v1 as wire;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tonic::transport::Endpoint;
use tracing::info;

use crate::backoff::Backoff;
use crate::intake::Intake;
use crate::last_known_good::LastKnownGood;
use crate::rejections::Rejections;
use crate::store_copy::StoreCopy;
use crate::{Applied, Config, Mark, ReadinessTable, Source, Status, Update};
use end::End;
use link::Link;
use opening::{OPEN_TIMEOUT, open};
use storage::Storage;

/// Messages on their way to the server.
const OUTGOING: usize = 8;
/// The background of a subscriber.
pub(crate) struct Task {
    config: Config,
    endpoint: Endpoint,
    storage: Storage,
    intake: Intake,
    updates: mpsc::Sender<Update>,
    applied: watch::Receiver<Applied>,
    readiness: watch::Receiver<Option<ReadinessTable>>,
    status: watch::Sender<Status>,
    stop: CancellationToken,
    rejections: Rejections,
    /// What the owner said last, together with `rejections`.
    done: Done,
    /// The mark of the latest update.
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

/// What the state directory has.
pub(crate) struct Remembered {
    pub(crate) files: LastKnownGood,
    pub(crate) copy: Option<StoreCopy>,
}

/// The subscriber's ends of what leads to and from its owner.
pub(crate) struct Ports {
    pub(crate) updates: mpsc::Sender<Update>,
    pub(crate) applied: watch::Receiver<Applied>,
    pub(crate) readiness: watch::Receiver<Option<ReadinessTable>>,
    pub(crate) status: watch::Sender<Status>,
    pub(crate) stop: CancellationToken,
}

impl Task {
    pub(crate) fn new(
        config: Config,
        endpoint: Endpoint,
        remembered: Remembered,
        ports: Ports,
    ) -> Self {
        let Remembered { files, copy } = remembered;
        let Ports {
            updates,
            applied,
            readiness,
            status,
            stop,
        } = ports;
        let intake = Intake::new(copy, config.accept_store);
        Self {
            config,
            endpoint,
            storage: Storage::new(files),
            intake,
            updates,
            applied,
            readiness,
            status,
            stop,
            rejections: Rejections::default(),
            done: Done::default(),
            mark: Mark::default(),
            pending: None,
            backoff: Backoff::default(),
        }
    }

    /// Runs until it is stopped.
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

    /// Looks at what the owner said last.
    fn take_applied(&mut self) {
        let applied = self.applied.borrow_and_update();
        let revision = applied.mark.revision;
        let rejected = applied
            .rejected
            .iter()
            .map(|(key, reason)| (*key, revision, reason.clone()));
        let unreadable = self
            .intake
            .held()
            .into_iter()
            .flat_map(StoreCopy::unreadable);
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
