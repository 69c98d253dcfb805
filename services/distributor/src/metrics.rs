//! What the distributor counts.

use std::sync::atomic::AtomicI64;

use portolan_proto::node::v1::resync::Reason;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::start::SnapshotCause;

/// From 0.5 ms to a minute.
const PROGRAMMING_BUCKETS: [f64; 16] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0,
];

/// A label `reason`.
type Reasoned = Vec<(&'static str, &'static str)>;

/// Counters, a gauge and a histogram over all clusters of a process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    /// Open streams that have begun.
    pub streams: Gauge<i64, AtomicI64>,
    /// Deliveries of a frame to a stream.
    pub frames: Counter,
    /// Bytes of frames, snapshots and bookmarks.
    pub bytes: Counter,
    /// Streams that began with a snapshot, and why.
    pub snapshots: Family<Reasoned, Counter>,
    /// Streams that went on where they were.
    pub resumes: Counter,
    /// Streams that were told to connect again.
    pub resyncs: Family<Reasoned, Counter>,
    /// Acks received.
    pub acks: Counter,
    /// Objects newly rejected by a node.
    pub rejections: Counter,
    /// Seconds from learning of a commit to a node's Ack.
    pub programming: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let snapshots = Family::<Reasoned, Counter>::default();
        for cause in SnapshotCause::ALL {
            // Told as 0, so that a first one is seen as a rise.
            drop(snapshots.get_or_create(&reason(cause.word())));
        }
        Self {
            streams: Gauge::default(),
            frames: Counter::default(),
            bytes: Counter::default(),
            snapshots,
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
            "Streams begun with a snapshot, by what the node held",
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

    pub(crate) fn snapshot(&self, cause: SnapshotCause) {
        let labels = reason(cause.word());
        self.snapshots.get_or_create_owned(&labels).inc();
    }

    pub(crate) fn resync(&self, why: Reason) {
        let word = match why {
            Reason::Compacted => "compacted",
            Reason::Fork => "fork",
            Reason::Slow => "slow",
            Reason::Unspecified => "unspecified",
        };
        self.resyncs.get_or_create_owned(&reason(word)).inc();
    }
}

fn reason(word: &'static str) -> Reasoned {
    vec![("reason", word)]
}
