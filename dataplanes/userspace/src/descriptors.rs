//! How the descriptors of the process are shared out.

use nix::sys::resource::{Resource, getrlimit};

/// An idle connection is two sockets and about 2 KiB here; one that waits for a slow reader holds 16 KiB more, or a pipe. This
/// many take 1.2 GiB at the worst, and what the kernel grants their sockets.
const MOST_CONNECTIONS: u64 = 65_536;

/// Each may hold 256 KiB of the kernel's memory: 1 GiB at the worst.
const MOST_PIPES: u64 = 4_096;

const MOST_SESSIONS: u64 = 65_536;

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
