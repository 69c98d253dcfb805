//! Whether what is programmed still stands as it was programmed.

use portolan_nft::{Found, compare};
use tracing::warn;

use crate::IpvsDataplane;
use crate::dataplane::Error;
use crate::entry::Difference;
use crate::host::{ensure_way, set_sysctls};
use crate::program::SetName;

impl IpvsDataplane {
    /// Compares the tables with what is committed, and puts them right.
    async fn audit_tables(&mut self) -> Result<(), Error> {
        self.suspect = false;
        let found = self.tables.look().await?;
        let known = self.found.replace(found);
        if found != Found::Ours {
            if known == Some(Found::Ours) {
                warn!("our tables were changed or deleted by somebody else: loading them again");
                self.counters.reloads += 1;
            }
            return self.ensure_program().await;
        }
        let entries = self.tables.entries(&SetName::OF_SERVICES).await?;
        let repair = compare(entries, self.mirror.entries());
        if !repair.is_empty() {
            let (missing, strange) = (repair.add.len(), repair.delete.len());
            warn!(
                missing,
                strange, "elements of our tables were changed by somebody else"
            );
        }
        self.repaired(&repair);
        self.tables.carry(&repair).await?;
        self.ranges = self.tables.ranges().await?;
        if self.ranges != self.wanted_ranges() {
            self.counters.repairs += 1;
        }
        self.ensure_program().await
    }

    /// Looks only if somebody committed something, whatever it was.
    pub(crate) async fn audit_if_disturbed(&mut self) -> Result<bool, Error> {
        let disturbed = self.suspect || self.tables.transactions.is_disturbed().await?;
        if disturbed {
            self.audit_tables().await?;
        }
        Ok(disturbed)
    }

    /// Everything outside the tables is looked at each time: nothing numbers its changes.
    pub(crate) async fn audit(&mut self) -> Result<(), Error> {
        if !self.prepared {
            return Ok(());
        }
        self.counters.audits += 1;
        self.audit_if_disturbed().await?;
        set_sysctls()?;
        if ensure_way(self.options.mark_bit).await? {
            warn!("rules or routes of ours were deleted by somebody else: put back");
            self.counters.repairs += 1;
        }
        let repairs = self.servers.audit().await?;
        if repairs > 0 {
            warn!(
                repairs,
                "virtual servers were changed by somebody else: put right"
            );
        }
        self.look_after_drains().await?;
        Ok(())
    }

    pub(crate) fn repaired(&mut self, repair: &Difference) {
        self.counters.repairs += u64::try_from(repair.len()).unwrap_or(u64::MAX);
    }
}
