//! What is known of a connection that requests come on: enough to tell one that is in use from one that only takes up
//! room.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, Semaphore};

/// How long a connection may stay open without a first request.
const SILENCE: Duration = Duration::from_secs(10);
/// How long a peer may leave its answers where they are, beside what the slowest link is given for those under way.
const UNREAD: Duration = Duration::from_secs(5);
/// Octets a second that every peer has to take.
const SLOWEST: u64 = 64 * 1024;
/// Large answers that one connection is given at once.
const LARGE_ANSWERS: usize = 4;

/// A connection, as requests and the server see it.
pub struct Connection {
    opened: Instant,
    crowd: Arc<Crowd>,
    cut: Notify,
    usage: Mutex<Usage>,
    pub(super) large: Arc<Semaphore>,
}

/// How many connections are in use, out of how many may be by others than nodes and health.
pub struct Crowd {
    in_use: AtomicUsize,
    most: usize,
}

struct Usage {
    /// Open requests.
    requests: usize,
    /// Whether there was any request.
    begun: bool,
    /// When the last request began or ended.
    last: Instant,
    /// Octets of requests that are held.
    held: i64,
    /// Answers that wait for the peer to take them.
    unread: usize,
    /// Octets of those that were handed to the transport.
    handed: u64,
    /// When the peer took something for the last time.
    taken: Instant,
    /// It is about to end.
    is_cut: bool,
}

/// Why a connection should be cut.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Idleness {
    /// It was opened and never used.
    Silent,
    /// Its answers are not read.
    Unread,
}

/// A request that is open; dropping it is its end.
pub(super) struct OpenRequest(Arc<Connection>);

/// An answer on its way to the peer; dropping it is its end.
pub(super) struct Delivery {
    connection: Arc<Connection>,
    handed: u64,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            in_use: AtomicUsize::new(0),
            most,
        })
    }
}

impl Connection {
    /// A new one, which is in use whenever it has an open request.
    pub fn new(now: Instant, crowd: Arc<Crowd>) -> Arc<Self> {
        Arc::new(Self {
            opened: now,
            crowd,
            cut: Notify::new(),
            usage: Mutex::new(Usage {
                requests: 0,
                begun: false,
                last: now,
                held: 0,
                unread: 0,
                handed: 0,
                taken: now,
                is_cut: false,
            }),
            large: Arc::new(Semaphore::new(LARGE_ANSWERS)),
        })
    }

    /// Ends it.
    pub fn cut(&self) {
        self.usage().is_cut = true;
        self.cut.notify_one();
    }

    /// Done when it has to end.
    pub async fn was_cut(&self) {
        self.cut.notified().await;
    }

    /// Whether so many connections are in use that what is left is for nodes and health.
    pub(super) fn is_crowded(&self) -> bool {
        self.crowd.in_use.load(Ordering::Relaxed) > self.crowd.most
    }

    /// Whether there ever was a request, and since when none is open; `None` while one is, and for one that ends anyway.
    pub fn idle(&self) -> Option<(bool, Instant)> {
        let usage = self.usage();
        (usage.requests == 0 && !usage.is_cut).then_some((usage.begun, usage.last))
    }

    /// What is wrong with it, if anything is.
    pub fn idleness(&self, now: Instant) -> Option<Idleness> {
        let usage = self.usage();
        let is_silent = !usage.begun && now.saturating_duration_since(self.opened) > SILENCE;
        let allowed = UNREAD + Duration::from_secs(usage.handed / SLOWEST);
        let is_unread = usage.unread > 0 && now.saturating_duration_since(usage.taken) > allowed;
        match (is_silent, is_unread) {
            (true, _) => Some(Idleness::Silent),
            (_, true) => Some(Idleness::Unread),
            _ => None,
        }
    }

    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> OpenRequest {
        let mut usage = self.usage();
        if usage.requests == 0 {
            self.crowd.in_use.fetch_add(1, Ordering::Relaxed);
        }
        usage.requests += 1;
        usage.begun = true;
        usage.last = Instant::now();
        OpenRequest(self.clone())
    }

    /// An answer waits for the peer to take it.
    pub(super) fn deliver(self: &Arc<Self>) -> Delivery {
        let mut usage = self.usage();
        if usage.unread == 0 {
            usage.taken = Instant::now();
        }
        usage.unread += 1;
        Delivery {
            connection: self.clone(),
            handed: 0,
        }
    }

    /// Takes room for octets of a request, if that leaves the connection within its share.
    pub(super) fn hold(&self, octets: i64, share: i64) -> bool {
        let mut usage = self.usage();
        let fits = usage.held + octets <= share;
        if fits {
            usage.held += octets;
        }
        fits
    }

    /// Gives back what [`Self::hold`] took.
    pub(super) fn release(&self, octets: i64) {
        self.usage().held -= octets;
    }

    fn usage(&self) -> MutexGuard<'_, Usage> {
        // Nothing that holds it can panic half-way.
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for OpenRequest {
    fn drop(&mut self) {
        let mut usage = self.0.usage();
        usage.requests -= 1;
        usage.last = Instant::now();
        if usage.requests == 0 {
            self.0.crowd.in_use.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Delivery {
    /// The transport asks for more: whatever it was handed before is on its way.
    pub(super) fn took(&mut self) {
        let mut usage = self.connection.usage();
        usage.handed -= std::mem::take(&mut self.handed);
        usage.taken = Instant::now();
    }

    /// The transport is handed octets.
    pub(super) fn hand(&mut self, octets: u64) {
        self.handed += octets;
        self.connection.usage().handed += octets;
    }
}

impl Drop for Delivery {
    fn drop(&mut self) {
        let mut usage = self.connection.usage();
        usage.handed -= self.handed;
        usage.unread -= 1;
        usage.taken = Instant::now();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_never_asks_or_never_reads_is_told_from_who_is_slow() {
        let start = Instant::now();
        let later = |seconds| start + Duration::from_secs(seconds);
        let connection = Connection::new(start, Crowd::new(0));
        assert_eq!(connection.idleness(later(9)), None);
        assert_eq!(connection.idleness(later(11)), Some(Idleness::Silent));
        assert_eq!(connection.idle(), Some((false, start)));

        let open = connection.begin();
        assert_eq!(
            (connection.idleness(later(60)), connection.idle()),
            (None, None)
        );
        let mut delivery = connection.deliver();
        assert_eq!(connection.idleness(later(4)), None);
        assert_eq!(connection.idleness(later(7)), Some(Idleness::Unread));
        // 2 MiB take a slow link half a minute.
        delivery.hand(2 << 20);
        assert_eq!(connection.idleness(later(30)), None);
        assert_eq!(connection.idleness(later(39)), Some(Idleness::Unread));
        delivery.took();
        assert_eq!(connection.idleness(later(7)), Some(Idleness::Unread));
        drop(delivery);
        assert_eq!(connection.idleness(later(600)), None);
        drop(open);
        assert!(matches!(connection.idle(), Some((true, _))));
        assert!(!connection.is_crowded());
    }

    #[tokio::test]
    async fn a_cut_is_not_missed() {
        let connection = Connection::new(Instant::now(), Crowd::new(0));
        connection.cut();
        connection.was_cut().await;
    }
}
