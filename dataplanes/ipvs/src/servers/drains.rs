//! Real servers that leave: they get no new connections, and go when their last one has ended or has had its time.

use std::net::SocketAddr;
use std::time::Duration;

use portolan_netlink::NetlinkError;
use portolan_netlink::ipvs::ServerId;
use tokio::time::Instant;

use super::Servers;

/// How often real servers that drain are looked at, at most.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What becomes of connections to a backend that goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// They go on to their ends.
    Drain,
    /// The next packet goes elsewhere.
    AtOnce,
}

impl Servers {
    pub(crate) fn draining(&self) -> usize {
        self.draining.len()
    }

    pub(super) async fn leave(
        &mut self,
        id: ServerId,
        address: SocketAddr,
        leave: Leave,
    ) -> Result<(), NetlinkError> {
        if leave == Leave::AtOnce {
            return self.delete_real(id, address).await;
        }
        if self.held(id, address) != Some(0) {
            self.put_real(id, address, 0).await?;
        }
        let now = Instant::now();
        self.draining.entry((id, address)).or_insert(now);
        Ok(())
    }

    /// No group is wanted here any more.
    pub(crate) async fn remove(&mut self, id: ServerId, leave: Leave) -> Result<(), NetlinkError> {
        let Some(held) = self.programmed.get(&id) else {
            return Ok(());
        };
        let reals: Vec<_> = held.reals.keys().copied().collect();
        if leave == Leave::AtOnce || reals.is_empty() {
            return self.delete(id).await;
        }
        for address in reals {
            self.leave(id, address, leave).await?;
        }
        Ok(())
    }

    /// Deletes what has drained, or has had its time: virtual servers that are gone with it. Looks every few seconds at most.
    pub(crate) async fn look_after_drains(&mut self) -> Result<Vec<ServerId>, NetlinkError> {
        let now = Instant::now();
        let early = self.looked.is_some_and(|looked| now - looked < LOOK_EVERY);
        if self.draining.is_empty() || early {
            return Ok(Vec::new());
        }
        self.looked = Some(now);
        let mut ids: Vec<_> = self.draining.keys().map(|(id, _)| *id).collect();
        ids.dedup();
        let mut gone = Vec::new();
        for id in ids {
            let listed = self.ipvs.real_servers(id).await?;
            for real in listed.iter().filter(|real| real.server.weight == 0) {
                let address = real.server.address;
                let Some(since) = self.draining.get(&(id, address)) else {
                    continue;
                };
                let is_over = real.active + real.inactive == 0;
                if is_over || now - *since >= self.limit {
                    self.counters.cut += u64::from(!is_over);
                    self.delete_real(id, address).await?;
                }
            }
            if self
                .programmed
                .get(&id)
                .is_some_and(|group| group.reals.is_empty())
            {
                self.delete(id).await?;
                gone.push(id);
            }
        }
        Ok(gone)
    }
}
