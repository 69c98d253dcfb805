//! What happened so far, counted where it happens.

use std::sync::atomic::{AtomicU64, Ordering};

/// Relaxed throughout: each figure stands alone.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) connections: AtomicU64,
    pub(crate) connections_active: AtomicU64,
    /// Connections reset because no backend could be reached.
    pub(crate) connections_reset: AtomicU64,
    /// Connections reset because one of their ends was gone without a word.
    pub(crate) connections_vanished: AtomicU64,
    /// Connections reset because nothing moved for too long.
    pub(crate) connections_idle: AtomicU64,
    pub(crate) connect_failures: AtomicU64,
    /// Connections that the first backend refused and another took.
    pub(crate) connect_retries: AtomicU64,
    pub(crate) udp_sessions: AtomicU64,
    pub(crate) udp_sessions_active: AtomicU64,
    /// Sessions that made room for others before their time.
    pub(crate) udp_sessions_evicted: AtomicU64,
    pub(crate) udp_datagrams_dropped: AtomicU64,
    /// Datagrams of clients that the kernel dropped, as a frontend's buffer was full.
    pub(crate) udp_datagrams_overflowed: AtomicU64,
}

impl Counters {
    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let read = |figure: &AtomicU64| figure.load(Ordering::Relaxed);
        vec![
            ("connections_total", read(&self.connections)),
            ("connections_active", read(&self.connections_active)),
            ("connections_reset_total", read(&self.connections_reset)),
            (
                "connections_vanished_total",
                read(&self.connections_vanished),
            ),
            ("connections_idle_total", read(&self.connections_idle)),
            ("connect_failures_total", read(&self.connect_failures)),
            ("connect_retries_total", read(&self.connect_retries)),
            ("udp_sessions_total", read(&self.udp_sessions)),
            ("udp_sessions_active", read(&self.udp_sessions_active)),
            (
                "udp_sessions_evicted_total",
                read(&self.udp_sessions_evicted),
            ),
            (
                "udp_datagrams_dropped_total",
                read(&self.udp_datagrams_dropped),
            ),
            (
                "udp_datagrams_overflowed_total",
                read(&self.udp_datagrams_overflowed),
            ),
        ]
    }
}

pub(crate) fn count(figure: &AtomicU64) {
    figure.fetch_add(1, Ordering::Relaxed);
}

pub(crate) fn add(figure: &AtomicU64, many: usize) {
    figure.fetch_add(u64::try_from(many).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Takes back what was counted as active.
pub(crate) fn uncount(figure: &AtomicU64) {
    figure.fetch_sub(1, Ordering::Relaxed);
}
