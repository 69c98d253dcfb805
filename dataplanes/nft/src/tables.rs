//! The tables in the kernel: what stands there, and the transactions that replace it.

use std::io;
use std::marker::PhantomData;

use portolan_netlink::NetlinkError;
use portolan_netlink::nftables::{self, Batch, Family, elements};

use crate::difference::add;
use crate::ranges::listed;
use crate::{Difference, Entry, Program, Ranges, ServiceSets, SetName, Transactions};

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

/// The tables of one dataplane: one of each family, with the same program.
pub struct Tables<S> {
    /// What writes them, and knows whether somebody else did.
    pub transactions: Transactions,
    program: Box<dyn Fn(Family) -> Program + Send + Sync>,
    sets: PhantomData<S>,
}

impl<S: SetName> Tables<S> {
    /// Changes nothing yet.
    pub fn open(program: impl Fn(Family) -> Program + Send + Sync + 'static) -> io::Result<Self> {
        Ok(Self {
            transactions: Transactions::open()?,
            program: Box::new(program),
            sets: PhantomData,
        })
    }

    /// What stands there, whatever its elements are. From now on every transaction that is not ours counts as a disturbance.
    pub async fn look(&mut self) -> Result<Found, NetlinkError> {
        self.transactions.look().await?;
        self.found().await
    }

    /// What stands there, whatever its elements are.
    pub async fn found(&mut self) -> Result<Found, NetlinkError> {
        let [v4, v6] = FAMILIES;
        let v4 = self.found_of(v4).await?;
        let v6 = self.found_of(v6).await?;
        Ok(if v4 == v6 { v4 } else { Found::Other })
    }

    async fn found_of(&mut self, family: Family) -> Result<Found, NetlinkError> {
        let mut tries = 0;
        let listed = loop {
            tries += 1;
            match nftables::program(self.transactions.socket(), family, S::TABLE).await {
                Err(NetlinkError::Interrupted) if tries < LISTINGS => {}
                listed => break listed?,
            }
        };
        Ok(match listed {
            None => Found::Nothing,
            Some(listed) if (self.program)(family).matches(&listed) => Found::Ours,
            Some(_) => Found::Other,
        })
    }

    /// Every element of these sets, in order.
    pub async fn entries(&mut self, sets: &[S]) -> Result<Vec<Entry<S>>, NetlinkError> {
        let mut entries = Vec::new();
        for family in FAMILIES {
            for set in sets {
                let mut tries = 0;
                let socket = self.transactions.socket();
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

    /// Commits all of a difference: in one transaction, or in bounded ones that add before they delete.
    pub async fn carry(&mut self, difference: &Difference<S>) -> Result<(), NetlinkError> {
        for step in difference.steps() {
            self.transactions.commit(step.batch()).await?;
        }
        Ok(())
    }

    /// The transaction that deletes the tables, as far as they are there.
    pub async fn removal(&mut self) -> Result<Batch, NetlinkError> {
        let mut batch = Batch::new();
        for family in FAMILIES {
            let socket = self.transactions.socket();
            if nftables::program(socket, family, S::TABLE).await?.is_some() {
                batch.delete_table((family, S::TABLE));
            }
        }
        Ok(batch)
    }

    /// The transaction by which whatever stands there goes, and the program comes with all its data.
    pub async fn replacement(
        &mut self,
        ranges: &Ranges<S>,
        entries: &[Entry<S>],
    ) -> Result<Batch, NetlinkError> {
        let mut batch = self.removal().await?;
        for family in FAMILIES {
            (self.program)(family).load((family, S::TABLE), &mut batch);
        }
        for ((family, set), elements) in ranges {
            batch.add_elements((*family, S::TABLE), set.as_str(), elements);
        }
        add(entries, &mut batch);
        Ok(batch)
    }
}

impl<S: ServiceSets> Tables<S> {
    /// The ranges as the kernel has them.
    pub async fn ranges(&mut self) -> Result<Ranges<S>, NetlinkError> {
        Ok(listed(self.entries(&S::OF_ENVIRONMENT).await?))
    }
}
