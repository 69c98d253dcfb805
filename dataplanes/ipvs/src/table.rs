//! Our nftables tables: transactions, and what is in them.

use portolan_netlink::{NetlinkError, Socket};
use portolan_nft::tables::{self, Found};
use portolan_nft::{BATCH, Transactions};

use crate::entry::{Difference, Entry, Ranges};
use crate::mark::MarkBit;
use crate::program::{SetName, program};

/// What writes them, and the bit that their rules use.
pub(crate) struct Table {
    transactions: Transactions,
    mark: MarkBit,
}

impl Table {
    pub(crate) fn open(mark: MarkBit) -> std::io::Result<Self> {
        Ok(Self {
            transactions: Transactions::open()?,
            mark,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        self.transactions.socket()
    }

    /// How often the kernel was asked for elements, rules or chains.
    pub(crate) fn listings(&self) -> u64 {
        self.transactions.listings()
    }

    /// Commits all of a difference: in one transaction, or bounded ones that add before they delete.
    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        if difference.len() <= BATCH {
            return self.transactions.commit(tables::change(difference)).await;
        }
        for step in difference.steps(|_| false) {
            self.transactions.commit(tables::change(&step)).await?;
        }
        Ok(())
    }

    /// Whether somebody committed anything since we last looked.
    pub(crate) async fn is_disturbed(&mut self) -> Result<bool, NetlinkError> {
        self.transactions.is_disturbed().await
    }

    /// From now on every transaction that is not ours counts as a disturbance.
    pub(crate) async fn look(&mut self) -> Result<Found, NetlinkError> {
        self.transactions.look().await?;
        let mark = self.mark;
        tables::found::<SetName>(self.socket(), |family| program(family, mark)).await
    }

    /// Every element of these sets, in order.
    pub(crate) async fn entries(&mut self, sets: &[SetName]) -> Result<Vec<Entry>, NetlinkError> {
        tables::entries(self.socket(), sets).await
    }

    /// In one transaction: whatever stands there goes, the program comes with all its data.
    pub(crate) async fn replace(
        &mut self,
        ranges: &Ranges,
        entries: &[Entry],
    ) -> Result<(), NetlinkError> {
        let mark = self.mark;
        let program = |family| program(family, mark);
        let batch = tables::replacement(self.socket(), program, ranges, entries).await?;
        self.transactions.commit(batch).await
    }

    /// Replaces the ranges that are others now.
    pub(crate) async fn change_ranges(
        &mut self,
        old: &Ranges,
        new: &Ranges,
    ) -> Result<(), NetlinkError> {
        let batch = tables::change_of_ranges(old, new);
        self.transactions.commit(batch).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let batch = tables::removal::<SetName>(self.socket()).await?;
        self.transactions.commit(batch).await
    }
}
