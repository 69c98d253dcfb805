//! What every process is asked for: how much it takes of the machine, since when it runs, and which build it is.

use std::fmt;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

/// This process; read when it is asked for.
#[derive(Debug)]
pub(super) struct Process {
    /// Seconds since 1970.
    begun: f64,
}

impl Process {
    /// That begins now.
    pub(super) fn begun() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let begun = since.map_or(0.0, |since| since.as_secs_f64());
        Self { begun }
    }

    /// Names, helps and values; what the system does not tell is left out.
    fn gauges(&self) -> [(&'static str, &'static str, Option<f64>); 5] {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let files = fs::read_dir("/proc/self/fd").ok().map(Iterator::count);
        let most = getrlimit(Resource::RLIMIT_NOFILE)
            .ok()
            .map(|(soft, _)| soft);
        [
            (
                "process_start_time_seconds",
                "When the process began, in seconds since 1970",
                Some(self.begun),
            ),
            (
                "process_resident_memory_bytes",
                "Memory that the process has in RAM",
                bytes(&status, "VmRSS:"),
            ),
            (
                "process_virtual_memory_bytes",
                "Address space of the process",
                bytes(&status, "VmSize:"),
            ),
            (
                "process_open_fds",
                "Open files and sockets",
                files.map(figure),
            ),
            (
                "process_max_fds",
                "Files and sockets that may be open at once",
                most.map(figure),
            ),
        ]
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let help = "The build that runs";
        let mut builds =
            encoder.encode_descriptor("portolan_build_info", help, None, MetricType::Gauge)?;
        let labels = [("version", env!("CARGO_PKG_VERSION"))];
        ConstGauge::new(1).encode(builds.encode_family(&labels)?)?;
        if let Some(seconds) = processor_seconds() {
            let counter = ConstCounter::new(seconds);
            let help = "Processor time, in user and in system mode";
            let metric = encoder.encode_descriptor(
                "process_cpu_seconds",
                help,
                None,
                MetricType::Counter,
            )?;
            counter.encode(metric)?;
        }
        for (name, help, value) in self.gauges() {
            if let Some(value) = value {
                let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                ConstGauge::new(value).encode(metric)?;
            }
        }
        Ok(())
    }
}

fn processor_seconds() -> Option<f64> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok()?;
    let seconds =
        |time: nix::sys::time::TimeVal| figure(time.tv_sec()) + figure(time.tv_usec()) / 1e6;
    Some(seconds(usage.user_time()) + seconds(usage.system_time()))
}

/// Of `/proc/self/status`, whose figures are in kB of 1,024 bytes (proc(5)).
fn bytes(status: &str, name: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024.0)
}

/// Exact below 2^53.
fn figure(number: impl TryInto<u64>) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a figure for curves")]
    let figure = number.try_into().unwrap_or(u64::MAX) as f64;
    figure
}
