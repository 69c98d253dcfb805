//! What the distributor counts.

use std::sync::atomic::AtomicI64;

use portolan_proto::node::v1::resync::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

/// From 0.5 ms to a minute.
const PROGRAMMING_BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// Counters, a gauge and a histogram over all clusters of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Open streams that have begun.
    pub streams: Gauge<i64, AtomicI64>,
    /// Deliveries of a frame to a stream.
    pub frames: Counter,
    /// Bytes of frames, snapshots and bookmarks.
    pub bytes: Counter,
    /// Streams that began with a snapshot.
    pub snapshots: Counter,
    /// Streams that went on where they were.
    pub resumes: Counter,
    /// Streams that were told to connect again.
    pub resyncs: Family<Vec<(&'static str, &'static str)>, Counter>,
    /// Acks received.
    pub acks: Counter,
    /// Objects newly rejected by a node.
    pub rejections: Counter,
    /// Seconds from learning of a commit to a node's Ack.
    pub programming: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            streams: Gauge::default(),
            frames: Counter::default(),
            bytes: Counter::default(),
            snapshots: Counter::default(),
            resumes: Counter::default(),
            resyncs: Family::default(),
            acks: Counter::default(),
            rejections: Counter::default(),
            programming: Histogram::new(PROGRAMMING_BUCKETS),
        }
    }
}

impl Metrics {
    /// Makes them visible.
    pub fn register(&self, registry: &mut Registry) {
        let registry = registry.sub_registry_with_prefix("distributor");
        registry.register("streams", "Open node streams", self.streams.clone());
        registry.register("frames", "Frames delivered to streams", self.frames.clone());
        registry.register(
            "bytes",
            "Bytes of state delivered to streams",
            self.bytes.clone(),
        );
        registry.register(
            "snapshots",
            "Streams begun with a snapshot",
            self.snapshots.clone(),
        );
        registry.register("resumes", "Streams resumed", self.resumes.clone());
        registry.register(
            "resyncs",
            "Streams told to connect again",
            self.resyncs.clone(),
        );
        registry.register("acks", "Acknowledgements received", self.acks.clone());
        registry.register(
            "rejections",
            "Objects newly rejected by a node",
            self.rejections.clone(),
        );
        let help = "From learning of a commit to a node having applied it";
        registry.register("programming_seconds", help, self.programming.clone());
    }

    pub(crate) fn resync(&self, reason: Reason) {
        let word = match reason {
            Reason::Compacted => "compacted",
            Reason::Fork => "fork",
            Reason::Slow => "slow",
            Reason::Unspecified => "unspecified",
        };
        self.resyncs
            .get_or_create_owned(&vec![("reason", word)])
            .inc();
    }
}
