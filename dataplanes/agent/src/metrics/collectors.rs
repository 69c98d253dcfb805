//! Figures that others keep.

use std::fmt;
use std::sync::PoisonError;

use portolan_subscriber::Status;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

use super::Counters;

/// The stream's status.
#[derive(Debug)]
pub(super) struct StreamStatus(pub(super) watch::Receiver<Status>);

/// The dataplane's own figures.
#[derive(Debug)]
pub(super) struct DataplaneCounters(pub(super) Counters);

impl Collector for StreamStatus {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let status = self.0.borrow().clone();
        for (name, help, value) in gauges(&status) {
            gauge(&mut encoder, name, help, value)?;
        }
        for (name, help, value) in counters(&status) {
            counter(&mut encoder, name, help, value)?;
        }
        let age = status
            .last_contact
            .map_or(-1.0, |at| at.elapsed().as_secs_f64());
        let help = "Time since the server was last heard, -1 if never";
        let age = ConstGauge::new(age);
        let metric =
            encoder.encode_descriptor("contact_age_seconds", help, None, age.metric_type())?;
        age.encode(metric)
    }
}

type Figure = (&'static str, &'static str, u64);

#[rustfmt::skip]
fn gauges(status: &Status) -> [Figure; 8] {
    [
        ("connected", "Whether a stream is open", status.connected.into()),
        ("head_revision", "Head of the log as far as known", status.head.0),
        ("received_revision", "Revision that is held whole", status.revision.0),
        ("applied_revision", "Revision that was applied last", status.attempted.0),
        ("durable_revision", "Revision that a crash would leave", status.durable.0),
        ("rejected", "Objects that are not programmed as they should be", status.rejected as u64),
        ("unreadable", "Objects that this release can't read", status.unreadable as u64),
        ("store_stale_milliseconds", "How long the server had not seen its store", status.stale_ms),
    ]
}

#[rustfmt::skip]
fn counters(status: &Status) -> [Figure; 5] {
    [
        ("reconnects", "Streams after the first", status.reconnects),
        ("resumes", "Streams that went on where the one before ended", status.resumes),
        ("snapshots", "Snapshots taken", status.snapshots),
        ("digest_mismatches", "States that differed from the server's", status.digest_mismatches),
        ("storage_failures", "Failed writes to the state directory", status.storage_failures),
    ]
}

impl Collector for DataplaneCounters {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let counters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, value) in counters.iter() {
            // The encoder adds the suffix of counters itself.
            match name.strip_suffix("_total") {
                Some(name) => counter(&mut encoder, &dataplane(name), "Of the dataplane", *value)?,
                None => gauge(&mut encoder, &dataplane(name), "Of the dataplane", *value)?,
            }
        }
        Ok(())
    }
}

fn dataplane(name: &str) -> String {
    format!("dataplane_{name}")
}

fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX));
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
}

fn counter(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: u64,
) -> Result<(), fmt::Error> {
    let counter = ConstCounter::new(value);
    let metric = encoder.encode_descriptor(name, help, None, counter.metric_type())?;
    counter.encode(metric)
}
