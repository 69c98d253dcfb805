//! Our nftables tables: transactions, and what is in them.

use portolan_netlink::nftables::{Batch, Family, elements, generation, program};
use portolan_netlink::{NetlinkError, Socket};

use crate::entry::Entry;
use crate::mark::MarkBit;
use crate::mirror::Difference;
use crate::program::{SetName, TABLE, load, matches};
use crate::ranges::Ranges;

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
        if difference.delete.len() + difference.add.len() <= BATCH {
            return self
                .commit(batch(&difference.delete, &difference.add))
                .await;
        }
        let deletes = &difference.delete;
        let find = |all: &[Entry], entry: &Entry| {
            let found = all.binary_search_by(|other| other.identity().cmp(&entry.identity()));
            found.ok().map(|index| all[index].clone())
        };
        for adds in difference.add.chunks(BATCH / 2) {
            let replaced: Vec<_> = adds.iter().filter_map(|add| find(deletes, add)).collect();
            self.commit(batch(&replaced, adds)).await?;
        }
        let gone = deletes
            .iter()
            .filter(|entry| find(&difference.add, entry).is_none());
        let gone: Vec<_> = gone.cloned().collect();
        for gone in gone.chunks(BATCH) {
            self.commit(batch(gone, &[])).await?;
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
                Some(listed) if matches(family, self.mark, &listed) => Found::Ours,
                Some(_) => Found::Other,
            });
        }
        Ok(if found[0] == found[1] {
            found[0]
        } else {
            Found::Other
        })
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
            load(family, self.mark, &mut batch);
        }
        for ((family, set), elements) in ranges {
            batch.add_elements((*family, TABLE), set.as_str(), elements);
        }
        add(entries, &mut batch);
        self.commit(batch).await
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
        self.commit(batch).await
    }

    /// Deletes our tables, as far as they are there.
    pub(crate) async fn remove(&mut self) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        for family in FAMILIES {
            if program(&mut self.socket, family, TABLE).await?.is_some() {
                batch.delete_table((family, TABLE));
            }
        }
        self.commit(batch).await
    }
}

fn batch(delete: &[Entry], adds: &[Entry]) -> Batch {
    let mut batch = Batch::new();
    for entries in delete.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.delete_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
    add(adds, &mut batch);
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
