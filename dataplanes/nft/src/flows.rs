//! UDP flows that lead where nothing is any more: conntrack would keep them as long as their packets come.

use portolan_netlink::Socket;
use portolan_netlink::conntrack::{Filter, delete};
use tracing::warn;

/// Deletes what conntrack knows of these flows: the number of filters, for the counters.
pub async fn forget(socket: &mut Socket, stale: &[Filter]) -> u64 {
    if stale.is_empty() {
        return 0;
    }
    if let Err(error) = delete(socket, stale).await {
        warn!(%error, "stale UDP connections could not be deleted; they end when their clients pause");
    }
    u64::try_from(stale.len()).unwrap_or(u64::MAX)
}
