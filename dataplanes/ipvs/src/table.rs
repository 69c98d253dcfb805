//! Our nftables tables: transactions, and what is in them.

use portolan_netlink::nftables::{Batch, generation};
use portolan_netlink::{NetlinkError, Socket};
use portolan_tables::BATCH;
use portolan_tables::tables::{self, Found};

use crate::entry::{Difference, Entry, Ranges};
use crate::mark::MarkBit;
use crate::program::{SetName, program};

/// The socket, and the number of the last transaction that we know of.
pub(crate) struct Table {
    socket: Socket,
    mark: MarkBit,
    generation: Option<u32>,
}

impl Table {
    pub(crate) fn open(mark: MarkBit) -> std::io::Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            mark,
            generation: None,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// How often the kernel was asked for elements, rules or chains.
    pub(crate) fn listings(&self) -> u64 {
        self.socket.listings()
    }

    /// Commits, and counts the transaction as ours.
    async fn commit(&mut self, batch: Batch) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.socket.commit(batch).await?;
        // The kernel passes over 0 when it wraps.
        self.generation = self.generation.map(|last| last.wrapping_add(1).max(1));
        Ok(())
    }

    /// Commits all of a difference: in one transaction, or bounded ones that add before they delete.
    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        if difference.len() <= BATCH {
            return self.commit(tables::change(difference)).await;
        }
        for step in difference.steps(|_| false) {
            self.commit(tables::change(&step)).await?;
        }
        Ok(())
    }

    /// Whether somebody committed anything since we last looked: the kernel numbers the transactions of a namespace.
    pub(crate) async fn is_disturbed(&mut self) -> Result<bool, NetlinkError> {
        let now = generation(&mut self.socket).await?;
        Ok(self.generation != Some(now))
    }

    /// From now on every transaction that is not ours counts as a disturbance.
    pub(crate) async fn look(&mut self) -> Result<Found, NetlinkError> {
        self.generation = Some(generation(&mut self.socket).await?);
        let mark = self.mark;
        tables::found::<SetName>(&mut self.socket, |family| program(family, mark)).await
    }

    /// Every element of these sets, in order.
    pub(crate) async fn entries(&mut self, sets: &[SetName]) -> Result<Vec<Entry>, NetlinkError> {
        tables::entries(&mut self.socket, sets).await
    }

    /// In one transaction: whatever stands there goes, the program comes with all its data.
    pub(crate) async fn replace(
        &mut self,
        ranges: &Ranges,
        entries: &[Entry],
    ) -> Result<(), NetlinkError> {
        let mark = self.mark;
        let program = |family| program(family, mark);
        let batch = tables::replacement(&mut self.socket, program, ranges, entries).await?;
        self.commit(batch).await
    }

    /// Replaces the ranges that are others now.
    pub(crate) async fn change_ranges(
        &mut self,
        old: &Ranges,
        new: &Ranges,
    ) -> Result<(), NetlinkError> {
        self.commit(tables::change_of_ranges(old, new)).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let batch = tables::removal::<SetName>(&mut self.socket).await?;
        self.commit(batch).await
    }
}
