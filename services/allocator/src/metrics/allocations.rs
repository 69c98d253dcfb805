//! What was given out and what was not, split by who chose: static was asked for, dynamic was picked.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use portolan_model::{Claimed, Name, Reason, Refusal, State};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;

const STATIC: &str = "static";
const DYNAMIC: &str = "dynamic";

/// Counters of all clusters. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Allocations(Arc<Mutex<BTreeMap<Name, Counts>>>);

#[derive(Debug, Default)]
struct Counts {
    /// By range and scope.
    granted: BTreeMap<(String, &'static str), u64>,
    /// By reason and scope.
    refused: BTreeMap<(Reason, &'static str), u64>,
}

impl Allocations {
    /// Counts what was claimed, at the first range that it may be taken from.
    pub(crate) fn granted(&self, cluster: &Name, state: &State, claimed: Claimed, picked: bool) {
        let scope = if picked { DYNAMIC } else { STATIC };
        let mut all = self.lock();
        let counts = all.entry(cluster.clone()).or_default();
        *counts
            .granted
            .entry((range(state, claimed), scope))
            .or_default() += 1;
    }

    /// Counts a refusal, if it is one of an address or node port.
    pub(crate) fn refused(&self, cluster: &Name, refusal: &Refusal) {
        let Some(key) = reason(refusal) else { return };
        let mut all = self.lock();
        *all.entry(cluster.clone())
            .or_default()
            .refused
            .entry(key)
            .or_default() += 1;
    }

    /// Forgets a cluster.
    pub(crate) fn forget(&self, cluster: &Name) {
        self.lock().remove(cluster);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Name, Counts>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn range(state: &State, claimed: Claimed) -> String {
    match claimed {
        Claimed::Address(address) => {
            let ranges = state.ready_ranges().into_iter();
            let mut within = ranges.filter(|range| range.is_usable(address));
            within.next().map(|range| range.net().to_string())
        }
        Claimed::Port(_) => state.cluster().map(|c| c.spec.node_ports.to_string()),
    }
    .unwrap_or_default()
}

fn reason(refusal: &Refusal) -> Option<(Reason, &'static str)> {
    match refusal {
        Refusal::Exhausted { reason, .. } => matches!(
            *reason,
            Reason::ClusterIpExhausted | Reason::NodePortExhausted
        )
        .then_some((*reason, DYNAMIC)),
        Refusal::Precondition {
            reason,
            preconditions,
        } => {
            let field = &preconditions.first()?.subject;
            let asked = ["cluster_ips[", "node_port"];
            let is_asked = asked.iter().any(|asked| field.contains(asked));
            is_asked.then_some((*reason, STATIC))
        }
        _ => None,
    }
}

impl Collector for Allocations {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let all = self.lock();
        let granted = all
            .iter()
            .flat_map(|(cluster, counts)| rows(cluster, "range", &counts.granted));
        let help = "Addresses and node ports given out";
        series(&mut encoder, "allocations", help, granted)?;
        let refused = all
            .iter()
            .flat_map(|(cluster, counts)| rows(cluster, "reason", &counts.refused));
        let help = "Addresses and node ports refused";
        series(&mut encoder, "allocation_errors", help, refused)
    }
}

/// Labels and a value of a series.
type Row = ([(&'static str, String); 3], u64);

/// The counts of a cluster, by what the label names and by scope.
fn rows<K: ToString>(
    cluster: &Name,
    label: &'static str,
    counts: &BTreeMap<(K, &'static str), u64>,
) -> impl Iterator<Item = Row> {
    counts.iter().map(move |((key, scope), count)| {
        let labels = [
            ("cluster", cluster.to_string()),
            (label, key.to_string()),
            ("scope", (*scope).to_owned()),
        ];
        (labels, *count)
    })
}

fn series(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    rows: impl Iterator<Item = Row>,
) -> Result<(), fmt::Error> {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, count) in rows {
        ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}
