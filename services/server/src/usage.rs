//! How full ranges are, told when metrics are asked for.

use std::collections::BTreeMap;
use std::fmt;

use portolan_api::Clusters;
use portolan_model::{Fill, Name, State};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// Figures of the ranges of all clusters.
pub(super) struct Usage(pub(super) Clusters);

type Figure = (&'static str, &'static str, fn(Fill) -> u64);

const FIGURES: [Figure; 3] = [
    ("range_used", "Addresses or node ports held", |fill| {
        fill.used
    }),
    (
        "range_quarantined",
        "Addresses or node ports released, but not yet free",
        |fill| fill.quarantined,
    ),
    ("range_free", "Addresses or node ports free", Fill::free),
];

impl fmt::Debug for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Usage")
    }
}

impl Collector for Usage {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let clusters = self.0.all().into_iter();
        let all: Vec<(Name, BTreeMap<String, Fill>)> = clusters
            .map(|(name, cluster)| (name, fills(&cluster.state())))
            .collect();
        for (name, help, figure) in FIGURES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (cluster, fills) in &all {
                for (range, fill) in fills {
                    let labels = [("cluster", cluster.as_str()), ("range", range)];
                    #[expect(clippy::cast_precision_loss, reason = "a figure for curves")]
                    let gauge = ConstGauge::new(figure(*fill) as f64);
                    gauge.encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}

/// Of every range, and of the node ports. Two ranges of one cluster may be equal; a series can't be there twice.
fn fills(state: &State) -> BTreeMap<String, Fill> {
    let Some(cluster) = state.cluster() else {
        return BTreeMap::new();
    };
    let ports = cluster.spec.node_ports;
    let mut fills = BTreeMap::from([(ports.to_string(), state.port_fill(ports))]);
    for range in state.service_ranges() {
        fills.insert(range.net().to_string(), state.address_fill(&range));
    }
    fills
}
