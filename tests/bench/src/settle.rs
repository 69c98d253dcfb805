//! What has to be over before a stall can be blamed on what is measured.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::machine::kernel_ticks;

/// Between two looks.
const LOOK: Duration = Duration::from_millis(200);
/// Ticks of 10 ms of all processors, a look, below which the kernel has nothing to do.
const IDLE: u64 = 3;
/// How long that is waited for; a machine that others keep busy shows in its load.
const DEADLINE: Duration = Duration::from_secs(10);
const PAGE: usize = 4096;

/// Waits until the kernel has removed what the round before left: it frees the elements of a namespace's sets in one go, 70 ms
/// at 200,000 Services, in which nobody else has that processor.
pub(crate) fn wait() {
    let began = Instant::now();
    let mut before = kernel_ticks();
    while began.elapsed() < DEADLINE {
        sleep(LOOK);
        let now = kernel_ticks();
        if now.saturating_sub(before) < IDLE {
            return;
        }
        before = now;
    }
}

/// Has the hypervisor give this much memory to the machine. It does so when a page is touched first, which takes a while: a table
/// of 8 MiB, which the kernel clears in one go, then takes 23 ms.
pub(crate) fn touch(bytes: usize) {
    let mut memory = vec![0_u8; bytes];
    for page in memory.chunks_mut(PAGE) {
        page[0] = 1;
    }
    std::hint::black_box(&memory);
}
