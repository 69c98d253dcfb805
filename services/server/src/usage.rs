//! How full ranges are, told when metrics are asked for.

use std::fmt;

use portolan_api::Clusters;
use portolan_model::{Name, State};
use portolan_proto::convert::cluster::status;
use portolan_proto::v1::RangeUsage;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Figures of the ranges of all clusters.
pub(super) struct Usage(pub(super) Clusters);

type Figure = (&'static str, &'static str, fn(&RangeUsage) -> u64);

const FIGURES: [Figure; 3] = [
    ("range_used", "Addresses or node ports held", |usage| {
        usage.used
    }),
    (
        "range_quarantined",
        "Addresses or node ports released, but not yet free",
        |usage| usage.quarantined,
    ),
    ("range_free", "Addresses or node ports free", |usage| {
        usage.capacity - usage.used - usage.quarantined
    }),
];

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Usage")
    }
}

impl Collector for Usage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let clusters = self.0.all().into_iter();
        let all: Vec<(Name, Vec<RangeUsage>)> = clusters
            .map(|(name, cluster)| (name, usages(&cluster.state())))
            .collect();
        for (name, help, figure) in FIGURES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (cluster, usages) in &all {
                for usage in usages {
                    let labels = [("cluster", cluster.as_str()), ("range", &usage.range)];
                    #[expect(clippy::cast_precision_loss, reason = "a figure for curves")]
                    let gauge = ConstGauge::new(figure(usage) as f64);
                    gauge.encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

/// Of every range, and of the node ports.
fn usages(state: &State) -> Vec<RangeUsage> {
    let Some(cluster) = state.cluster() else {
        return Vec::new();
    };
    let status = status(state, cluster);
    let ports = status.node_ports.map(|ports| RangeUsage {
        range: cluster.spec.node_ports.to_string(),
        used: ports.used.into(),
        quarantined: ports.quarantined.into(),
        capacity: ports.capacity.into(),
    });
    let mut usages: Vec<_> = status.service_ranges.into_iter().chain(ports).collect();
    // Two ranges of one cluster may be equal; a series can't be there twice.
    usages.sort_by(|a, b| a.range.cmp(&b.range));
    usages.dedup_by(|a, b| a.range == b.range);
    usages
}
