//! On what was measured.

use std::collections::BTreeMap;
use std::fs::read_to_string;

use serde::Serialize;

/// The machine, as far as it explains a figure.
#[derive(Debug, Serialize)]
pub(crate) struct Machine {
    kernel: String,
    cpus: usize,
    cpu_model: String,
    memory_mib: u64,
    /// Of the last minute, when the run began: others at work.
    load: String,
    /// Of the bench and all that it starts: below 0 it goes before the others.
    niceness: String,
}

/// Further circumstances: versions, settings.
pub(crate) type Facts = BTreeMap<String, String>;

impl Machine {
    pub(crate) fn look() -> Self {
        let load = read("/proc/loadavg");
        Self {
            kernel: read("/proc/sys/kernel/osrelease"),
            cpus: std::thread::available_parallelism().map_or(1, Into::into),
            cpu_model: field("/proc/cpuinfo", "model name").unwrap_or_default(),
            memory_mib: kib("/proc/meminfo", "MemTotal").unwrap_or_default() / 1024,
            load: load.split(' ').next().unwrap_or_default().to_owned(),
            niceness: stat("self")
                .and_then(|fields| fields.get(19).cloned())
                .unwrap_or_default(),
        }
    }
}

/// Resident memory of a process, in KiB.
pub(crate) fn resident_kib(pid: u32) -> Option<u64> {
    kib(&format!("/proc/{pid}/status"), "VmRSS")
}

/// The most resident memory that a process had so far, in KiB.
pub(crate) fn peak_kib(pid: u32) -> Option<u64> {
    kib(&format!("/proc/{pid}/status"), "VmHWM")
}

/// Processor time of a process so far, in milliseconds: fields 14 and 15 of `proc_pid_stat(5)`, in ticks of 10 ms.
pub(crate) fn cpu_ms(pid: u32) -> Option<u64> {
    let fields = stat(&pid.to_string())?;
    let ticks = |field: usize| fields.get(field)?.parse::<u64>().ok();
    Some((ticks(14)? + ticks(15)?) * 10)
}

/// Time that the kernel was at work so far on all processors, in ticks of 10 ms: `system` and `softirq` of `proc_stat(5)`.
pub(crate) fn kernel_ticks() -> u64 {
    let text = read("/proc/stat");
    let fields: Vec<_> = text
        .lines()
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .collect();
    let ticks = [3, 7].map(|field| fields.get(field)?.parse::<u64>().ok());
    ticks.into_iter().flatten().sum()
}

/// Processes that a process started, its own threads aside.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let listed = read(&format!("/proc/{pid}/task/{pid}/children"));
    let pids = listed.split_ascii_whitespace();
    pids.filter_map(|pid| pid.parse().ok()).collect()
}

/// The fields of `proc_pid_stat(5)` by their number there; what comes before the third is left empty.
fn stat(pid: &str) -> Option<Vec<String>> {
    let text = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let unread = std::iter::repeat_n("", 3);
    Some(unread.chain(fields).map(str::to_owned).collect())
}

fn kib(path: &str, name: &str) -> Option<u64> {
    field(path, name)?.split(' ').next()?.parse().ok()
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = read_to_string(path).ok()?;
    let (_, value) = text
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)?;
    Some(value.trim().to_owned())
}

fn read(path: &str) -> String {
    read_to_string(path).unwrap_or_default().trim().to_owned()
}
