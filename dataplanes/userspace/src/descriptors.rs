//! How many sockets the process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Above this a socket table gains nothing here, and Linux refuses more than `fs.nr_open` (1,048,576 by default).
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// An idle connection is two sockets and about 2 KiB here; one that waits for a slow reader holds 16 KiB more, or a pipe. This
/// many take 1.2 GiB at the worst, and what the kernel grants their sockets.
const MOST_CONNECTIONS: u64 = 65_536;

/// Each may hold 256 KiB of the kernel's memory: 1 GiB at the worst.
const MOST_PIPES: u64 = 4_096;

const MOST_SESSIONS: u64 = 65_536;

/// Raises the soft limit to the hard one, and as root that one, too: the low limits exist for `select`, which is not used
/// here.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft >= MOST_DESCRIPTORS {
            return Ok(());
        }
        let highest = hard.max(MOST_DESCRIPTORS);
        setrlimit(Resource::RLIMIT_NOFILE, MOST_DESCRIPTORS, highest)
            .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard.min(MOST_DESCRIPTORS), hard))
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How many connections may be relayed at once: five eighths of the descriptors in pairs. An eighth each is for pipes and
/// for UDP sessions, so that listeners and the agent keep theirs.
pub(crate) fn most_connections() -> usize {
    share(5, 16, MOST_CONNECTIONS)
}

/// How many pipes may be in use at once; each has two descriptors.
pub(crate) fn most_pipes() -> usize {
    share(1, 16, MOST_PIPES)
}

/// How many UDP sessions there may be; each is a socket and 300 bytes.
pub(crate) fn most_sessions() -> usize {
    share(1, 8, MOST_SESSIONS)
}

fn share(part: u64, of: u64, most: u64) -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let share = (soft / of).saturating_mul(part).clamp(1, most);
    usize::try_from(share).unwrap_or(1)
}
