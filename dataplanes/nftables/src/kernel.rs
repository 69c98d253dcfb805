//! The kernel's side: transactions under a seal.

use portolan_model::Digest;
use portolan_netlink::nftables::{Batch, elements};
use portolan_netlink::{NetlinkError, Socket};
use portolan_nft::{SetName as _, Tables, change_of_ranges};

use crate::entry::{Difference, Entry, Ranges};
use crate::program::{SEAL_FAMILY, SetName, TABLE, program};
use crate::seal::{self, Seal};

/// What writes to the kernel, and what it has after the last transaction that we know of.
pub(crate) struct Kernel {
    pub(crate) tables: Tables<SetName>,
    /// The digest of every element that follows from Services.
    digest: Digest,
}

impl Kernel {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self {
            tables: Tables::open(program)?,
            digest: Digest::EMPTY,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        self.tables.transactions.socket()
    }

    /// Commits under a seal, and counts the transaction as ours. `digest` is that of what stands afterwards.
    async fn commit(&mut self, mut batch: Batch, digest: Digest) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        if let Some(generation) = self.tables.transactions.next() {
            Seal { generation, digest }.put(&mut batch);
        }
        self.tables.transactions.commit(batch).await?;
        self.digest = digest;
        Ok(())
    }

    /// The digest of what stands, if nobody committed anything since our last transaction.
    pub(crate) async fn unbroken(&mut self) -> Result<Option<Digest>, NetlinkError> {
        let table = (SEAL_FAMILY, TABLE);
        let listed = elements(self.socket(), table, SetName::Seal.as_str()).await?;
        let seal = listed.as_deref().and_then(Seal::read);
        let last = self.tables.transactions.last();
        let seal = seal.filter(|seal| last == Some(seal.generation));
        Ok(seal.map(|seal| seal.digest))
    }

    /// Takes over the digest of what stands.
    pub(crate) fn stands(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Commits all of a difference, in bounded transactions: deletes of what is replaced go with their adds. What packets are
    /// sent to backends by comes after these, and goes before them, being of the first sets: at no time a slot leads nowhere.
    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        for step in difference.steps() {
            let digest = seal::after(self.digest, &step);
            self.commit(step.batch(), digest).await?;
        }
        Ok(())
    }

    /// Every element that follows from Services, in order; from now on it is known what stands.
    pub(crate) async fn of_services(&mut self) -> Result<Vec<Entry>, NetlinkError> {
        let entries = self.tables.entries(&SetName::OF_SERVICES).await?;
        self.digest = seal::digest(&entries);
        Ok(entries)
    }

    /// In one transaction: whatever stands there goes, the program comes with all its data.
    pub(crate) async fn replace(
        &mut self,
        ranges: &Ranges,
        entries: &[Entry],
    ) -> Result<(), NetlinkError> {
        let batch = self.tables.replacement(ranges, entries).await?;
        self.commit(batch, seal::digest(entries)).await
    }

    /// Replaces the ranges that are others now.
    pub(crate) async fn change_ranges(
        &mut self,
        old: &Ranges,
        new: &Ranges,
    ) -> Result<(), NetlinkError> {
        self.commit(change_of_ranges(old, new), self.digest).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let batch = self.tables.removal().await?;
        self.tables.transactions.commit(batch).await?;
        self.digest = Digest::EMPTY;
        Ok(())
    }
}
