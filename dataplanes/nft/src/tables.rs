//! What stands in the kernel, and the transactions that change it.

use portolan_netlink::nftables::{self, Batch, Family, elements};
use portolan_netlink::{NetlinkError, Socket};

use crate::{Difference, Entry, Program, Ranges, SetName};

/// Both families, each with a table of its own.
pub const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

/// How often a listing that was disturbed is tried again at once.
const LISTINGS: usize = 5;

/// What stands where our tables should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// Neither table.
    Nothing,
    /// Both, with the dataplane's program.
    Ours,
    /// Something else under our name: another layout, or one that somebody changed.
    Other,
}

/// Looks, whatever the elements are.
pub async fn found<S: SetName>(
    socket: &mut Socket,
    program: impl Fn(Family) -> Program,
) -> Result<Found, NetlinkError> {
    let mut found = Vec::new();
    for family in FAMILIES {
        let mut tries = 0;
        let listed = loop {
            tries += 1;
            match nftables::program(socket, family, S::TABLE).await {
                Err(NetlinkError::Interrupted) if tries < LISTINGS => {}
                listed => break listed?,
            }
        };
        found.push(match listed {
            None => Found::Nothing,
            Some(listed) if program(family).matches(&listed) => Found::Ours,
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
pub async fn entries<S: SetName>(
    socket: &mut Socket,
    sets: &[S],
) -> Result<Vec<Entry<S>>, NetlinkError> {
    let mut entries = Vec::new();
    for family in FAMILIES {
        for set in sets {
            let mut tries = 0;
            let listed = loop {
                tries += 1;
                match elements(socket, (family, S::TABLE), set.as_str()).await {
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

/// Deletes the tables, as far as they are there.
pub async fn removal<S: SetName>(socket: &mut Socket) -> Result<Batch, NetlinkError> {
    let mut batch = Batch::new();
    for family in FAMILIES {
        if nftables::program(socket, family, S::TABLE).await?.is_some() {
            batch.delete_table((family, S::TABLE));
        }
    }
    Ok(batch)
}

/// In one transaction: whatever stands there goes, the program comes with all its data.
pub async fn replacement<S: SetName>(
    socket: &mut Socket,
    program: impl Fn(Family) -> Program,
    ranges: &Ranges<S>,
    entries: &[Entry<S>],
) -> Result<Batch, NetlinkError> {
    let mut batch = removal::<S>(socket).await?;
    for family in FAMILIES {
        program(family).load((family, S::TABLE), &mut batch);
    }
    for ((family, set), elements) in ranges {
        batch.add_elements((*family, S::TABLE), set.as_str(), elements);
    }
    add(entries, &mut batch);
    Ok(batch)
}

/// Replaces the ranges that are others now.
pub fn change_of_ranges<S: SetName>(old: &Ranges<S>, new: &Ranges<S>) -> Batch {
    let mut batch = Batch::new();
    for ((family, set), elements) in new {
        if old.get(&(*family, *set)) != Some(elements) {
            batch.flush_set((*family, S::TABLE), set.as_str());
            batch.add_elements((*family, S::TABLE), set.as_str(), elements);
        }
    }
    batch
}

/// In one transaction: what goes, then what comes.
pub fn change<S: SetName>(difference: &Difference<S>) -> Batch {
    let mut batch = Batch::new();
    for entries in difference.delete.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.delete_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
    add(&difference.add, &mut batch);
    batch
}

fn add<S: SetName>(entries: &[Entry<S>], batch: &mut Batch) {
    for entries in entries.chunk_by(same_set) {
        let (table, set) = place(&entries[0]);
        batch.add_elements(table, set, entries.iter().map(|entry| &entry.element));
    }
}

fn same_set<S: SetName>(one: &Entry<S>, other: &Entry<S>) -> bool {
    (one.family, one.set) == (other.family, other.set)
}

fn place<S: SetName>(entry: &Entry<S>) -> ((Family, &'static str), &'static str) {
    ((entry.family, S::TABLE), entry.set.as_str())
}
