//! The kernel's side: transactions, and what is in our tables.

use portolan_model::Digest;
use portolan_netlink::nftables::{Batch, Family, elements, generation, program};
use portolan_netlink::{NetlinkError, Socket};

use crate::entry::Entry;
use crate::mirror::Difference;
use crate::program::{SetName, TABLE, load, matches};
use crate::ranges::Ranges;
use crate::seal::{self, Seal};

/// Both families, each with a table of its own.
pub(crate) const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// Elements of a transaction: while one is carried out, others wait for it.
pub(crate) const BATCH: usize = 1000;

/// How often a listing that was disturbed is tried again at once.
const LISTINGS: usize = 5;

/// What stands where our tables should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// Neither table.
    Nothing,
    /// Both, with this program.
    Ours,
    /// Something else under our name: another layout, or one that somebody changed.
    Other,
}

/// The socket, and what the kernel has after the last transaction that we know of.
pub(crate) struct Kernel {
    socket: Socket,
    /// The number of that transaction.
    generation: Option<u32>,
    /// Of every element that follows from Services.
    digest: Digest,
}

impl Kernel {
    pub(crate) fn open() -> std::io::Result<Self> {
        Ok(Self {
            socket: Socket::open()?,
            generation: None,
            digest: Digest::EMPTY,
        })
    }

    pub(crate) fn socket(&mut self) -> &mut Socket {
        &mut self.socket
    }

    /// Commits under a seal, and counts the transaction as ours. `digest` is that of what stands afterwards.
    async fn commit(&mut self, mut batch: Batch, digest: Digest) -> Result<(), NetlinkError> {
        if batch.is_empty() {
            return Ok(());
        }
        let next = self.next_generation();
        if let Some(generation) = next {
            Seal { generation, digest }.put(&mut batch);
        }
        self.socket.commit(batch).await?;
        (self.generation, self.digest) = (next, digest);
        Ok(())
    }

    fn next_generation(&self) -> Option<u32> {
        // The kernel passes over 0 when it wraps.
        self.generation.map(|last| last.wrapping_add(1).max(1))
    }

    /// The digest of what stands, if nobody committed anything since our last transaction.
    pub(crate) async fn unbroken(&mut self) -> Result<Option<Digest>, NetlinkError> {
        let table = (seal::FAMILY, TABLE);
        let listed = elements(&mut self.socket, table, SetName::Seal.as_str()).await?;
        let seal = listed.as_deref().and_then(Seal::read);
        let seal = seal.filter(|seal| self.generation == Some(seal.generation));
        Ok(seal.map(|seal| seal.digest))
    }

    /// What stands has this digest.
    pub(crate) fn stands(&mut self, digest: Digest) {
        self.digest = digest;
    }

    /// Commits all of a difference, in bounded transactions: deletes of what is replaced go with their adds.
    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        if difference.delete.len() + difference.add.len() <= BATCH {
            return self.step(difference).await;
        }
        for step in steps(difference) {
            self.step(&step).await?;
        }
        Ok(())
    }

    async fn step(&mut self, step: &Difference) -> Result<(), NetlinkError> {
        let digest = seal::after(self.digest, step);
        self.commit(batch(step), digest).await
    }

    /// Whether somebody committed anything since we last looked. That is enough to know that nothing of ours changed: the
    /// kernel numbers the transactions of a network namespace.
    pub(crate) async fn is_disturbed(&mut self) -> Result<bool, NetlinkError> {
        let now = generation(&mut self.socket).await?;
        Ok(self.generation != Some(now))
    }

    /// From now on every transaction that is not ours counts as a disturbance.
    pub(crate) async fn look(&mut self) -> Result<Found, NetlinkError> {
        self.generation = Some(generation(&mut self.socket).await?);
        self.found().await
    }

    /// What stands there, whatever its elements are.
    pub(crate) async fn found(&mut self) -> Result<Found, NetlinkError> {
        let mut found = Vec::new();
        for family in FAMILIES {
            let mut tries = 0;
            let listed = loop {
                tries += 1;
                match program(&mut self.socket, family, TABLE).await {
                    Err(NetlinkError::Interrupted) if tries < LISTINGS => {}
                    listed => break listed?,
                }
            };
            found.push(match listed {
                None => Found::Nothing,
                Some(listed) if matches(family, &listed) => Found::Ours,
                Some(_) => Found::Other,
            });
        }
        Ok(if found[0] == found[1] {
            found[0]
        } else {
            Found::Other
        })
    }

    /// Every element that follows from Services, in order; from now on it is known what stands.
    pub(crate) async fn of_services(&mut self) -> Result<Vec<Entry>, NetlinkError> {
        let entries = self.entries(&SetName::OF_SERVICES).await?;
        self.digest = seal::digest(&entries);
        Ok(entries)
    }

    /// Every element of these sets, in order.
    pub(crate) async fn entries(&mut self, sets: &[SetName]) -> Result<Vec<Entry>, NetlinkError> {
        let mut entries = Vec::new();
        for family in FAMILIES {
            for set in sets {
                let mut tries = 0;
                let listed = loop {
                    tries += 1;
                    match elements(&mut self.socket, (family, TABLE), set.as_str()).await {
                        Err(NetlinkError::Interrupted) if tries < LISTINGS => {}
                        listed => break listed?.unwrap_or_default(),
                    }
                };
                entries.extend(listed.into_iter().map(|element| Entry {
                    family,
                    set: *set,
                    element,
                }));
            }
        }
        entries.sort_unstable();
        Ok(entries)
    }

    /// In one transaction: whatever stands there goes, the program comes with all its data.
    pub(crate) async fn replace(
        &mut self,
        ranges: &Ranges,
        entries: &[Entry],
    ) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        for family in FAMILIES {
            if program(&mut self.socket, family, TABLE).await?.is_some() {
                batch.delete_table((family, TABLE));
            }
            load(family, &mut batch);
        }
        for ((family, set), elements) in ranges {
            batch.add_elements((*family, TABLE), set.as_str(), elements);
        }
        add(entries, &mut batch);
        self.commit(batch, seal::digest(entries)).await
    }

    /// Replaces the ranges that are others now.
    pub(crate) async fn change_ranges(
        &mut self,
        old: &Ranges,
        new: &Ranges,
    ) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        for ((family, set), elements) in new {
            if old.get(&(*family, *set)) != Some(elements) {
                batch.flush_set((*family, TABLE), set.as_str());
                batch.add_elements((*family, TABLE), set.as_str(), elements);
            }
        }
        self.commit(batch, self.digest).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        for family in FAMILIES {
            if program(&mut self.socket, family, TABLE).await?.is_some() {
                batch.delete_table((family, TABLE));
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        self.socket.commit(batch).await?;
        (self.generation, self.digest) = (self.next_generation(), Digest::EMPTY);
        Ok(())
    }
}

/// A difference in transactions of at most [`BATCH`] elements, if one is not enough: what is added comes first, then what
/// packets are sent to it by, then the rest goes: at no time a slot leads nowhere.
fn steps(difference: &Difference) -> Vec<Difference> {
    let is_class = |entry: &Entry| matches!(entry.set, SetName::Frontends | SetName::Inside);
    let find = |all: &[Entry], entry: &Entry| {
        let found = all.binary_search_by(|other| other.identity().cmp(&entry.identity()));
        found.ok().map(|index| all[index].clone())
    };
    let mut steps = Vec::new();
    for classes in [false, true] {
        let adds: Vec<_> = difference
            .add
            .iter()
            .filter(|entry| is_class(entry) == classes)
            .collect();
        for adds in adds.chunks(BATCH / 2) {
            steps.push(Difference {
                delete: adds
                    .iter()
                    .filter_map(|entry| find(&difference.delete, entry))
                    .collect(),
                add: adds.iter().map(|entry| (*entry).clone()).collect(),
            });
        }
    }
    let gone = difference
        .delete
        .iter()
        .filter(|entry| find(&difference.add, entry).is_none());
    // Classes before backends: `frontends` and `inside` are the first sets.
    let gone: Vec<_> = gone.cloned().collect();
    steps.extend(gone.chunks(BATCH).map(|gone| Difference {
        delete: gone.to_vec(),
        add: Vec::new(),
    }));
    steps
}

fn batch(difference: &Difference) -> Batch {
    let mut batch = Batch::new();
    for entries in difference.delete.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.delete_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
    add(&difference.add, &mut batch);
    batch
}

fn add(entries: &[Entry], batch: &mut Batch) {
    for entries in entries.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.add_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
}

fn same_set(one: &Entry, other: &Entry) -> bool {
    (one.family, one.set) == (other.family, other.set)
}

fn place(entry: &Entry) -> ((Family, &'static str), &'static str) {
    ((entry.family, TABLE), entry.set.as_str())
}
