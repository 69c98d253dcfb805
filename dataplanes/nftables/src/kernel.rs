//! The kernel's side: transactions, and what is in our tables.

use portolan_model::Digest;
use portolan_netlink::nftables::{Batch, elements};
use portolan_netlink::{NetlinkError, Socket};
use portolan_nft::tables::{self, Found};
use portolan_nft::{BATCH, SetName as _, Transactions};

use crate::entry::{Difference, Entry, Ranges};
use crate::program::{SetName, TABLE, program};
use crate::seal::{self, Seal};

/// What writes to the kernel, and what it has after the last transaction that we know of.
pub(crate) struct Kernel {
    transactions: Transactions,
    /// Of every element that follows from Services.
    digest: Digest,
}

impl Kernel {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self {
            transactions: Transactions::open()?,
            digest: Digest::EMPTY,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        self.transactions.socket()
    }

    /// Commits under a seal, and counts the transaction as ours. `digest` is that of what stands afterwards.
    async fn commit(&mut self, mut batch: Batch, digest: Digest) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(generation) = self.transactions.next() {
            Seal { generation, digest }.put(&mut batch);
        }
        self.transactions.commit(batch).await?;
        self.digest = digest;
        Ok(())
    }

    /// The digest of what stands, if nobody committed anything since our last transaction.
    pub(crate) async fn unbroken(&mut self) -> Result<Option<Digest>, NetlinkError> {
        let table = (seal::FAMILY, TABLE);
        let listed = elements(self.socket(), table, SetName::Seal.as_str()).await?;
        let seal = listed.as_deref().and_then(Seal::read);
        let seal = seal.filter(|seal| self.transactions.last() == Some(seal.generation));
        Ok(seal.map(|seal| seal.digest))
    }

    /// What stands has this digest.
    pub(crate) fn stands(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Commits all of a difference, in bounded transactions: deletes of what is replaced go with their adds. What packets are
    /// sent to backends by comes after these, and goes before them, being of the first sets: at no time a slot leads nowhere.
    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        if difference.len() <= BATCH {
            return self.step(difference).await;
        }
        for step in difference.steps(|set| matches!(set, SetName::Frontends | SetName::Inside)) {
            self.step(&step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Difference) -> Result<(), NetlinkError> {
        let digest = seal::after(self.digest, step);
        self.commit(tables::change(step), digest).await
    }

    /// Whether somebody committed anything since we last looked.
    pub(crate) async fn is_disturbed(&mut self) -> Result<bool, NetlinkError> {
        self.transactions.is_disturbed().await
    }

    /// From now on every transaction that is not ours counts as a disturbance.
    pub(crate) async fn look(&mut self) -> Result<Found, NetlinkError> {
        self.transactions.look().await?;
        self.found().await
    }

    /// What stands there, whatever its elements are.
    pub(crate) async fn found(&mut self) -> Result<Found, NetlinkError> {
        tables::found::<SetName>(self.socket(), program).await
    }

    /// Every element that follows from Services, in order; from now on it is known what stands.
    pub(crate) async fn of_services(&mut self) -> Result<Vec<Entry>, NetlinkError> {
        let entries = self.entries(&SetName::OF_SERVICES).await?;
        self.digest = seal::digest(&entries);
        Ok(entries)
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
        let batch = tables::replacement(self.socket(), program, ranges, entries).await?;
        self.commit(batch, seal::digest(entries)).await
    }

    /// Replaces the ranges that are others now.
    pub(crate) async fn change_ranges(
        &mut self,
        old: &Ranges,
        new: &Ranges,
    ) -> Result<(), NetlinkError> {
        let batch = tables::change_of_ranges(old, new);
        self.commit(batch, self.digest).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let batch = tables::removal::<SetName>(self.socket()).await?;
        self.transactions.commit(batch).await?;
        self.digest = Digest::EMPTY;
        Ok(())
    }
}
