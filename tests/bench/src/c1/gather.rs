//! Who has received what, and when the last one had.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::sync::Notify;

/// Collects the receipts of one commit at a time.
pub(super) struct Gather {
    nodes: usize,
    /// The revision that is waited for; what came before is late, and not counted.
    expected: AtomicU64,
    arrived: AtomicUsize,
    last: AtomicI64,
    committed: AtomicI64,
    /// Bytes of the message, for the floor.
    size: AtomicUsize,
    complete: Notify,
}

impl Gather {
    pub(super) fn new(nodes: usize) -> Self {
        Self {
            nodes,
            expected: AtomicU64::new(0),
            arrived: AtomicUsize::new(0),
            last: AtomicI64::new(0),
            committed: AtomicI64::new(0),
            size: AtomicUsize::new(0),
            complete: Notify::new(),
        }
    }

    /// Forgets the previous commit, and waits for this one.
    pub(super) fn expect(&self, revision: u64) {
        self.arrived.store(0, SeqCst);
        self.last.store(0, SeqCst);
        self.expected.store(revision, SeqCst);
    }

    /// The revision that is waited for.
    pub(super) fn expected(&self) -> u64 {
        self.expected.load(SeqCst)
    }

    /// One node has it.
    pub(super) fn receive(&self, at: i64, committed: i64, size: usize) {
        self.last.fetch_max(at, SeqCst);
        self.committed.store(committed, SeqCst);
        self.size.store(size, SeqCst);
        if self.arrived.fetch_add(1, SeqCst) + 1 == self.nodes {
            self.complete.notify_one();
        }
    }

    /// Waits for the last node; gives when the commit was made, and when that node had it.
    pub(super) async fn complete(&self) -> (i64, i64) {
        self.complete.notified().await;
        (self.committed.load(SeqCst), self.last.load(SeqCst))
    }

    pub(super) fn arrived(&self) -> usize {
        self.arrived.load(SeqCst)
    }

    pub(super) fn size(&self) -> usize {
        self.size.load(SeqCst)
    }
}

/// Microseconds since 1970, on the clock that the server's commits carry.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
