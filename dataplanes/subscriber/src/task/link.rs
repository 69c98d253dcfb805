//! One open stream: what comes, what goes, and what time asks for.

use std::time::{Duration, Instant};

use portolan_model::Revision;
use portolan_proto::node::v1 as wire;
use tokio::sync::mpsc;
use tokio::time::sleep_until;
use tonic::Streaming;
use tracing::info;
use wire::sync_request::Message as Outgoing;
use wire::sync_response::Message as Frame;

use super::end::{End, chain};
use super::opening::OPEN_TIMEOUT;
use super::{Done, Task, deliver};
use crate::intake::{Break, Step};
use crate::last_known_good::Synced;
use crate::outbox::Outbox;
use crate::{Mark, Source, Update};

/// An open stream.
pub(super) struct Link {
    frames: Streaming<wire::SyncResponse>,
    out: mpsc::Sender<wire::SyncRequest>,
    /// It is there from Welcome on.
    outbox: Option<Outbox>,
    opened: Instant,
}

/// Something to be done.
pub(super) enum Event {
    Frame(Frame),
    Applied,
    Readiness,
    Writable,
    Time,
    Delivered,
    Synced(Synced),
}

impl Link {
    pub(super) fn new(
        frames: Streaming<wire::SyncResponse>,
        out: mpsc::Sender<wire::SyncRequest>,
    ) -> Self {
        Self {
            frames,
            out,
            outbox: None,
            opened: Instant::now(),
        }
    }
}

impl Task {
    /// Waits for the next thing to do. While the owner has no room for an update, nothing is read.
    pub(super) async fn next_event(&mut self, link: &mut Link) -> Result<Event, End> {
        let now = Instant::now();
        let due = self.is_due(link, now);
        let look = match &link.outbox {
            Some(_) if due => None,
            Some(outbox) => Some(outbox.next_look(now)),
            None => Some(link.opened + OPEN_TIMEOUT),
        };
        let look = [look, self.storage.due()].into_iter().flatten().min();
        tokio::select! {
            () = self.stop.cancelled() => Err(End::Stop),
            frame = link.frames.message(), if self.pending.is_none() => received(frame),
            delivered = deliver(&self.updates, &mut self.pending), if self.pending.is_some() => {
                delivered.map(|()| Event::Delivered).map_err(|_| End::Stop)
            }
            changed = self.applied.changed() => changed.map(|()| Event::Applied).map_err(|_| End::Stop),
            changed = self.readiness.changed() => changed.map(|()| Event::Readiness).map_err(|_| End::Stop),
            permit = link.out.reserve(), if due => match permit {
                Ok(_) => Ok(Event::Writable),
                Err(_) => Err(End::Lost("the stream does not take messages any more".to_owned())),
            },
            synced = self.storage.synced() => Ok(Event::Synced(synced)),
            () = sleep_until(look.unwrap_or(now).into()), if look.is_some() => Ok(Event::Time),
        }
    }

    pub(super) async fn handle(&mut self, event: Event, link: &mut Link) -> Result<(), End> {
        let now = Instant::now();
        match event {
            Event::Frame(frame) => self.frame(frame, link, now).await?,
            Event::Applied => self.take_applied(),
            Event::Readiness => {
                if let (Some(outbox), Some(table)) =
                    (&mut link.outbox, &*self.readiness.borrow_and_update())
                {
                    outbox.reporter.noticed(table, now);
                }
            }
            Event::Writable => self.write(link, now),
            Event::Time => {
                if link.outbox.is_none() && now >= link.opened + OPEN_TIMEOUT {
                    return Err(End::Lost(
                        "the server does not welcome this node".to_owned(),
                    ));
                }
                self.store_due().await;
            }
            Event::Synced(synced) => self.synced(synced),
            Event::Delivered => {}
        }
        Ok(())
    }

    fn is_due(&self, link: &Link, now: Instant) -> bool {
        link.outbox.as_ref().is_some_and(|outbox| {
            outbox.ack_due(self.done.mark, self.rejections.is_news())
                || outbox.heartbeat_due(self.durable(outbox), now)
                || outbox.report_due(self.readiness.borrow().as_ref(), now)
        })
    }

    /// How far the disk holds what is programmed: what is not would not be said to be applied.
    fn durable(&self, outbox: &Outbox) -> Revision {
        let attempted = outbox.attempted(self.done.mark);
        self.storage.durable().min(attempted)
    }

    /// Sends the most urgent message that is due.
    fn write(&mut self, link: &mut Link, now: Instant) {
        let Some(outbox) = &mut link.outbox else {
            return;
        };
        let Done { mark, apply_us } = self.done;
        let attempted = outbox.attempted(mark).0;
        let on_disk = self.durable(outbox);
        let durable = on_disk.0;
        let readiness = self.readiness.borrow();
        let message = if outbox.ack_due(mark, self.rejections.is_news()) {
            outbox.acked(mark, on_disk);
            let (rejected, cleared) = self.rejections.tell();
            Outgoing::Ack(wire::Ack {
                attempted,
                durable,
                rejected,
                cleared,
                apply_us,
            })
        } else if let Some(table) = readiness
            .as_ref()
            .filter(|table| outbox.report_due(Some(table), now))
        {
            Outgoing::Health(outbox.reporter.report(table, now))
        } else if outbox.heartbeat_due(on_disk, now) {
            outbox.beat(on_disk, now);
            Outgoing::Heartbeat(wire::Heartbeat { attempted, durable })
        } else {
            return;
        };
        let message = wire::SyncRequest {
            message: Some(message),
        };
        // There is room, as this is the only sender; a closed channel shows on the receiving side.
        let _ = link.out.try_send(message);
    }

    async fn frame(&mut self, frame: Frame, link: &mut Link, now: Instant) -> Result<(), End> {
        self.status
            .send_modify(|status| status.last_contact = Some(now));
        let Some(outbox) = &mut link.outbox else {
            let Frame::Welcome(welcome) = frame else {
                return Err(Break::Violation("the first frame is no Welcome").into());
            };
            return self.welcome(&welcome, link);
        };
        let step = match frame {
            Frame::Welcome(_) => return Err(Break::Violation("a second Welcome").into()),
            Frame::SnapshotBegin(begin) => {
                self.intake.snapshot_begin(&begin)?;
                None
            }
            Frame::Batch(batch) => self.intake.batch(batch)?,
            Frame::SnapshotEnd(end) => Some(self.intake.snapshot_end(&end)?),
            Frame::Bookmark(bookmark) => {
                let head = Revision(bookmark.revision);
                self.status.send_modify(|status| {
                    status.stale_ms = bookmark.stale_ms;
                    status.head = status.head.max(head);
                });
                self.intake.bookmark(&bookmark)?
            }
            Frame::Resync(resync) => return Err(End::Resync(resync.reason())),
            Frame::Drain(drain) => {
                return Err(End::Drain {
                    after: Duration::from_millis(drain.reconnect_after_ms.into()),
                    spread: Duration::from_millis(drain.spread_ms.into()),
                });
            }
            Frame::HealthAck(ack) => {
                outbox.reporter.acked(ack.seq);
                None
            }
        };
        if let Some(step) = step {
            self.step(step, outbox, now).await;
        }
        Ok(())
    }

    fn welcome(&mut self, welcome: &wire::Welcome, link: &mut Link) -> Result<(), End> {
        self.intake.welcome(welcome)?;
        let now = Instant::now();
        let same_store = self
            .status
            .borrow()
            .store_id
            .is_none_or(|own| own.as_bytes()[..] == welcome.store_id);
        let resumed = welcome.mode() == wire::welcome::Mode::Resume;
        info!(
            replica = welcome.replica,
            head = welcome.head_revision,
            resumed,
            "stream open"
        );
        self.rejections.forget_told();
        link.outbox = Some(Outbox::new(welcome, same_store, now));
        self.status.send_modify(|status| {
            status.connected = true;
            status.reconnects += u64::from(status.welcomed_at.is_some());
            status.welcomed_at = Some(now);
            status.resumes += u64::from(resumed);
            // Of another store the head may be lower.
            status.head = Revision(welcome.head_revision);
            status.refused_store = None;
            status.disconnected_because.clear();
        });
        Ok(())
    }

    /// A whole state: to the disk, then to the owner. Only the very first one goes to both at once: there is nothing older
    /// on the disk that a crash could bring back, so the owner need not wait. It is acknowledged after both.
    async fn step(&mut self, mut step: Step, outbox: &mut Outbox, received: Instant) {
        let is_first = step.from == Revision::ZERO;
        if !is_first {
            self.store(&step).await;
        }
        self.mark = Mark {
            number: self.mark.number + 1,
            revision: step.to,
        };
        let snapshot = step.source == Source::Snapshot;
        if snapshot {
            outbox.snapshot_taken(self.mark.number);
        }
        self.status
            .send_modify(|status| status.snapshots += u64::from(snapshot));
        self.note_held();
        self.pending = Some(Update {
            mark: self.mark,
            source: step.source,
            received,
            from: step.from,
            upserts: std::mem::take(&mut step.views.upserts),
            removed: std::mem::take(&mut step.views.removed),
            commits: std::mem::take(&mut step.commits),
        });
        if is_first {
            if let Ok(permit) = self.updates.try_reserve()
                && let Some(update) = self.pending.take()
            {
                permit.send(update);
            }
            self.store(&step).await;
        }
    }
}

fn received(frame: Result<Option<wire::SyncResponse>, tonic::Status>) -> Result<Event, End> {
    match frame {
        Ok(Some(wire::SyncResponse {
            message: Some(frame),
        })) => Ok(Event::Frame(frame)),
        // A sort of frame that this release does not know.
        Ok(Some(wire::SyncResponse { message: None })) => Ok(Event::Delivered),
        Ok(None) => Err(End::Lost("the server closed the stream".to_owned())),
        Err(status) => Err(End::Lost(chain(&status))),
    }
}
