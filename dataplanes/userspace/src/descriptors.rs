//! How many sockets the process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Above this a socket table gains nothing here, and Linux refuses more than `fs.nr_open` (1,048,576 by default).
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// A connection is two sockets and, while it relays, two buffers: about 40 KiB. This many take 2.5 GiB at the worst.
const MOST_CONNECTIONS: u64 = 65_536;

/// Raises the soft limit to the hard one: the low soft limit exists for `select`, which is not used here.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        let most = hard.min(MOST_DESCRIPTORS);
        if soft < most {
            setrlimit(Resource::RLIMIT_NOFILE, most, hard)?;
        }
        Ok(())
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How many connections may be relayed at once: three quarters of the descriptors in pairs, so that listeners, UDP
/// sessions and the agent keep theirs.
pub(crate) fn most_connections() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    let pairs = (soft / 8).saturating_mul(3).clamp(1, MOST_CONNECTIONS);
    usize::try_from(pairs).unwrap_or(1)
}
