//! Looking at what the kernel really has: once at the start, and from then on piece by piece.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use portolan_netlink::NetlinkError;
use portolan_netlink::ipvs::ServerId;
use tokio::time::Instant;

use super::{Group, OURS, Servers};

/// Virtual servers whose real ones an audit lists, one request each: a node with more looks at all of them within several
/// audits, so that none takes long.
const SLICE: usize = 1000;

impl Servers {
    /// Takes over what a former process left.
    pub(crate) async fn adopt(&mut self) -> Result<(), NetlinkError> {
        self.programmed.clear();
        self.draining.clear();
        let now = Instant::now();
        for server in self.ipvs.servers().await? {
            if server.flags & OURS == 0 {
                continue;
            }
            let id = server.id;
            let reals = self.listed(id).await?;
            let drains = reals.iter().filter(|(_, weight)| **weight == 0);
            let drains = drains.map(|(address, _)| ((id, *address), now));
            self.draining.extend(drains);
            self.programmed.insert(id, Group { server, reals });
        }
        Ok(())
    }

    /// What is programmed and wanted by nobody.
    pub(crate) fn strays(&self, wanted: &BTreeSet<ServerId>) -> Vec<ServerId> {
        let programmed = self.programmed.keys().copied();
        programmed.filter(|id| !wanted.contains(id)).collect()
    }

    /// Puts right what somebody else changed: how many objects.
    pub(crate) async fn audit(&mut self) -> Result<u64, NetlinkError> {
        let before = self.counters.writes;
        let listed = self.ipvs.servers().await?.into_iter();
        // What is at the place of one of ours is that one, whatever somebody made of its flags.
        let listed = listed
            .filter(|server| server.flags & OURS != 0 || self.programmed.contains_key(&server.id));
        let mut listed: BTreeMap<_, _> = listed.map(|server| (server.id, server)).collect();
        let programmed: Vec<_> = self.programmed.keys().copied().collect();
        for id in programmed {
            let found = listed.remove(&id);
            let Some(group) = self.programmed.get(&id).cloned() else {
                continue;
            };
            match found {
                Some(server) if server == group.server => {}
                Some(_) => {
                    self.counters.writes += 1;
                    self.ipvs.set(&group.server).await?;
                }
                None => self.restore(group).await?,
            }
        }
        for id in listed.into_keys() {
            self.delete(id).await?;
        }
        for id in self.next_slice() {
            self.audit_reals(id).await?;
        }
        let repairs = self.counters.writes - before;
        self.counters.repairs += repairs;
        Ok(repairs)
    }

    /// Somebody deleted it, with all its connections. A listing alone does not tell: the kernel goes on in it by counting the
    /// virtual servers of all network namespaces, so it passes over some while others come and go.
    async fn restore(&mut self, group: Group) -> Result<(), NetlinkError> {
        if !self.ipvs.real_servers(group.server.id).await?.is_empty() {
            return Ok(());
        }
        self.forget(group.server.id);
        let mut group = group;
        group.reals.retain(|_, weight| *weight > 0);
        if group.reals.is_empty() {
            return Ok(());
        }
        self.counters.writes += 1;
        self.ipvs.add(&group.server).await?;
        let id = group.server.id;
        let empty = Group {
            server: group.server,
            reals: BTreeMap::new(),
        };
        self.programmed.insert(id, empty);
        for (address, weight) in group.reals {
            self.put_real(id, address, weight).await?;
        }
        Ok(())
    }

    fn next_slice(&mut self) -> Vec<ServerId> {
        let from = self.audited.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.programmed.range((from, Bound::Unbounded));
        let slice: Vec<_> = rest.take(SLICE).map(|(id, _)| *id).collect();
        self.audited = slice.last().copied().filter(|_| slice.len() == SLICE);
        slice
    }

    async fn audit_reals(&mut self, id: ServerId) -> Result<(), NetlinkError> {
        let Some(wanted) = self.programmed.get(&id).map(|group| group.reals.clone()) else {
            return Ok(());
        };
        let listed = self.listed(id).await?;
        if listed == wanted {
            return Ok(());
        }
        for address in listed
            .keys()
            .filter(|address| !wanted.contains_key(address))
        {
            self.delete_real(id, *address).await?;
        }
        if let Some(group) = self.programmed.get_mut(&id) {
            group.reals = listed;
        }
        for (address, weight) in wanted {
            self.put_real(id, address, weight).await?;
        }
        Ok(())
    }
}
