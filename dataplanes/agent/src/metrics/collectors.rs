//! Figures that others keep.

use std::fmt;
use std::sync::PoisonError;
use std::time::Duration;

use portolan_subscriber::Status;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use tokio::sync::watch;

use super::{Counters, figures};

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
        let stale = Duration::from_millis(status.stale_ms).as_secs_f64();
        let help = "How long the server had not seen its store";
        seconds(&mut encoder, "store_stale_seconds", help, stale)?;
        let age = status.last_contact;
        let age = age.map_or(-1.0, |at| at.elapsed().as_secs_f64());
        let help = "Time since the server was last heard, -1 if never";
        seconds(&mut encoder, "contact_age_seconds", help, age)
    }
}

type Figure = (&'static str, &'static str, u64);

#[rustfmt::skip]
fn gauges(status: &Status) -> [Figure; 7] {
    [
        ("connected", "Whether a stream is open", status.connected.into()),
        ("head_revision", "Head of the log as far as known", status.head.0),
        ("received_revision", "Revision that is held whole", status.revision.0),
        ("applied_revision", "Revision that was applied last", status.attempted.0),
        ("durable_revision", "Revision that a crash would leave", status.durable.0),
        ("rejected", "Objects that are not programmed as they should be", status.rejected as u64),
        ("unreadable", "Objects that this release can't read", status.unreadable as u64),
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
            let help = figures::help(name);
            // The encoder adds the suffix of counters itself.
            match name.strip_suffix("_total") {
                Some(bare) => counter(&mut encoder, &dataplane(bare), &help, *value)?,
                None => gauge(&mut encoder, &dataplane(name), &help, *value)?,
            }
        }
        Ok(())
    }
}

fn dataplane(name: &str) -> String {
    format!("dataplane_{name}")
}

fn seconds(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    value: f64,
) -> Result<(), fmt::Error> {
    let gauge = ConstGauge::new(value);
    let metric = encoder.encode_descriptor(name, help, None, gauge.metric_type())?;
    gauge.encode(metric)
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
