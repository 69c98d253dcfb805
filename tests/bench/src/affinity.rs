//! Which processors processes run on.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Has this thread stay on a processor.
pub(crate) fn pin(cpu: usize) -> nix::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set)
}

/// Processes that have to share one processor, until this is dropped.
///
/// With two, the figure of a round trip is where the kernel puts whom: every step that crosses them wakes the other one by an
/// interrupt, and the same relay takes 36 µs or 112 µs. On one it is the work that is done, and in which order.
pub(crate) struct OneProcessor {
    pids: Vec<u32>,
    /// How many there were before.
    all: usize,
}

impl OneProcessor {
    /// Moves all their threads there.
    pub(crate) fn of(pids: Vec<u32>) -> anyhow::Result<Self> {
        // Asked now: it counts those that this thread may run on.
        let all = std::thread::available_parallelism().map_or(1, Into::into);
        let held = Self { pids, all };
        held.restrict(1)?;
        Ok(held)
    }

    /// To the first so many processors.
    fn restrict(&self, processors: usize) -> anyhow::Result<()> {
        let mut set = CpuSet::new();
        for cpu in 0..processors {
            set.set(cpu)?;
        }
        for pid in &self.pids {
            for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
                let name = thread?.file_name();
                let thread = name.to_string_lossy().parse()?;
                sched_setaffinity(Pid::from_raw(thread), &set)?;
            }
        }
        Ok(())
    }
}

impl Drop for OneProcessor {
    fn drop(&mut self) {
        // A process that has ended runs nowhere.
        let _ = self.restrict(self.all);
    }
}
