//! How many descriptors the process may have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Above this a socket table gains nothing here, and Linux refuses more than `fs.nr_open` (1,048,576 by default).
const MOST: u64 = 1 << 20;

/// Raises the soft limit of descriptors to the hard one, and as root that one, too: the low limits exist for `select`, which
/// is not used here.
pub fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        if soft >= MOST {
            return Ok(());
        }
        setrlimit(Resource::RLIMIT_NOFILE, MOST, hard.max(MOST))
            .or_else(|_| setrlimit(Resource::RLIMIT_NOFILE, hard.min(MOST), hard))
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// How many descriptors the process may have.
pub fn descriptors() -> usize {
    let soft = getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft);
    usize::try_from(soft).unwrap_or(usize::MAX)
}
