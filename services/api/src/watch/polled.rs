//! Watches of what no log orders: looked at regularly, and compared with what was there before (decision 29).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use portolan_model::query::Listed;
use portolan_model::{Scoped, Uid};
use portolan_proto::v1::WatchEventType;
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tonic::Status;

use super::BOOKMARK;
use crate::api::Stopping;
use crate::status;

/// Reads everything that fits.
pub(crate) type Read<T> = Box<dyn Fn() -> BoxFuture<'static, Result<Vec<T>, Status>> + Send + Sync>;

/// What happened; without an object for BOOKMARK and SYNCED.
pub(crate) type Polled<T> = (WatchEventType, Option<T>);

/// What is looked at, and how.
pub(crate) struct Poll<T> {
    pub(crate) read: Read<T>,
    pub(crate) pause: Duration,
    /// Who something is, where it is worth telling that it is there no longer. Another one under the same name is not what
    /// was there.
    pub(crate) identity: Option<fn(&T) -> Uid>,
    pub(crate) stopping: Stopping,
}

struct Poller<T> {
    poll: Poll<T>,
    ticks: Interval,
    known: BTreeMap<Scoped, T>,
    synced: bool,
    stopped: bool,
    told: Instant,
    ready: VecDeque<Polled<T>>,
}

/// What is there as ADDED events up to SYNCED, then what changes.
pub(crate) fn polled<T: Listed + Clone + PartialEq + Send + Sync>(
    poll: Poll<T>,
) -> impl Stream<Item = Result<Polled<T>, Status>> + Send {
    let mut ticks = tokio::time::interval(poll.pause);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let poller = Poller {
        poll,
        ticks,
        known: BTreeMap::new(),
        synced: false,
        stopped: false,
        told: Instant::now(),
        ready: VecDeque::new(),
    };
    futures_util::stream::unfold(Some(poller), async |poller| {
        let mut poller = poller?;
        match poller.next().await {
            Ok(event) => Some((Ok(event), Some(poller))),
            Err(status) => Some((Err(status), None)),
        }
    })
}

impl<T: Listed + Clone + PartialEq> Poller<T> {
    async fn next(&mut self) -> Result<Polled<T>, Status> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                self.told = Instant::now();
                return Ok(event);
            }
            if self.stopped {
                return Err(status::shutting_down());
            }
            if self.is_stopping().await {
                self.stopped = true;
                self.ready.push_back((WatchEventType::Bookmark, None));
            } else {
                let now = (self.poll.read)().await?;
                self.compare(now);
            }
        }
    }

    /// Waits for the next look, or for the end.
    async fn is_stopping(&mut self) -> bool {
        tokio::select! {
            biased;
            // A sender that is gone means the same.
            _ = self.poll.stopping.wait_for(|stopping| *stopping) => true,
            _ = self.ticks.tick() => false,
        }
    }

    fn is_another(&self, known: &T, it: &T) -> bool {
        let identity = self.poll.identity;
        identity.is_some_and(|uid| uid(known) != uid(it))
    }

    fn compare(&mut self, now: Vec<T>) {
        let now: BTreeMap<_, _> = now.into_iter().map(|it| (it.sort_key(), it)).collect();
        let before = std::mem::take(&mut self.known);
        for (key, it) in &now {
            let event_type = match before.get(key) {
                Some(known) if known == it => continue,
                Some(known) if self.is_another(known, it) => {
                    let gone = (WatchEventType::Deleted, Some(known.clone()));
                    self.ready.push_back(gone);
                    WatchEventType::Added
                }
                Some(_) => WatchEventType::Modified,
                None => WatchEventType::Added,
            };
            self.ready.push_back((event_type, Some(it.clone())));
        }
        if self.poll.identity.is_some() {
            let gone = before.into_iter().filter(|(key, _)| !now.contains_key(key));
            let gone = gone.map(|(_, it)| (WatchEventType::Deleted, Some(it)));
            self.ready.extend(gone);
        }
        self.known = now;
        if !self.synced {
            self.synced = true;
            self.ready.push_back((WatchEventType::Synced, None));
        }
        if self.ready.is_empty() && self.told.elapsed() >= BOOKMARK {
            self.ready.push_back((WatchEventType::Bookmark, None));
        }
    }
}
