//! Whether what is programmed still stands as it was programmed.

use portolan_netlink::NetlinkError;
use portolan_nft::{Found, compare};
use tracing::warn;

use crate::NftablesDataplane;

impl NftablesDataplane {
    /// Compares everything with what is committed, and puts it right.
    async fn audit(&mut self) -> Result<(), NetlinkError> {
        self.counters.audits += 1;
        self.suspect = false;
        let found = self.kernel.tables.look().await?;
        let known = self.found.replace(found);
        if found != Found::Ours {
            if known == Some(Found::Ours) {
                warn!("our tables were changed or deleted by somebody else: loading them again");
                self.counters.reloads += 1;
                return self.ensure_program().await;
            }
            return Ok(());
        }
        let listed = self.kernel.of_services().await;
        let size = listed.as_ref().ok().map(Vec::len);
        self.pace.listed(size, true);
        let repair = compare(listed?, self.mirror.entries(&self.environment.own));
        if !repair.is_empty() {
            let (missing, strange) = (repair.add.len(), repair.delete.len());
            self.pace.listed(size, false);
            warn!(
                missing,
                strange, "elements of our tables were changed by somebody else: putting them right"
            );
        }
        self.counters.repaired(&repair);
        self.kernel.carry(&repair).await?;
        self.ranges = self.kernel.tables.ranges().await?;
        if self.ranges != self.wanted_ranges() {
            self.counters.repairs += 1;
        }
        self.ensure_program().await
    }

    /// Looks only if somebody committed something, whatever it was.
    pub(crate) async fn audit_if_disturbed(&mut self) -> Result<bool, NetlinkError> {
        let disturbed = self.suspect || self.kernel.tables.transactions.is_disturbed().await?;
        if disturbed {
            self.audit().await?;
        }
        Ok(disturbed)
    }

    /// The same at a pace that a large node can keep up with. As long as an audit is put off, the disturbance counts: the
    /// seal stays broken, and the next one looks again.
    pub(crate) async fn audit_at_pace(&mut self) -> Result<(), NetlinkError> {
        let due = self.pace.is_due() || self.suspect;
        // Looking at the program costs the same however many Services there are.
        if !due
            && self.kernel.tables.transactions.is_disturbed().await?
            && self.kernel.tables.found().await? == Found::Ours
        {
            self.ranges = self.kernel.tables.ranges().await?;
            self.counters.put_off += 1;
            self.ensure_program().await?;
        } else {
            self.audit_if_disturbed().await?;
        }
        Ok(())
    }
}
