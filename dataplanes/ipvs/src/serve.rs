//! IPVS beside nftables: what balances a frontend while, and after, nftables sends packets to it.

use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, RejectionCode};
use portolan_model::Protocol;
use portolan_netlink::NetlinkError;
use portolan_netlink::ipvs::ServerId;
use portolan_nft::key::protocol;
use portolan_nft::refusal;
use tracing::warn;

use crate::IpvsDataplane;
use crate::commit::Committed;
use crate::mirror::MarkedChange;
use crate::render::{Group, groups, ids};
use crate::servers::{Leave, ServerError};
use crate::stale::stale;

impl IpvsDataplane {
    /// What IPVS is to balance by marks: nobody is sent to it yet. Changes that it refuses are left out.
    pub(crate) async fn serve_by_mark(
        &mut self,
        part: Vec<MarkedChange>,
        committed: &mut Committed,
    ) -> Vec<MarkedChange> {
        let mut ready = Vec::new();
        for change in part {
            let wanted = self.groups(change.key, change.frontend.as_ref(), change.mark);
            let mut refused = None;
            for group in wanted.iter().filter(|group| is_marked(group)) {
                let put = self.servers.put(group, leave(change.key)).await;
                refused = refused.or_else(|| put.err());
            }
            match refused {
                None => ready.push(change),
                Some(error) => {
                    let why = error.to_string();
                    self.reject(change, code(&error), &why, committed).await;
                }
            }
        }
        ready
    }

    /// A change that did not come to nftables: IPVS goes back to what is there.
    pub(crate) async fn reject(
        &mut self,
        change: MarkedChange,
        code: RejectionCode,
        why: &str,
        committed: &mut Committed,
    ) {
        let key = change.key;
        let rejected = self.rejected(key, change.frontend.as_ref(), code, why);
        committed.rejected.push(rejected);
        if let Err(error) = self.serve(key, change.mark).await {
            warn!(%key, %error, "the last good version could not be put back entirely");
        }
        self.mirror.give_back(&change);
    }

    /// nftables has the changes: IPVS follows, one by one.
    pub(crate) async fn balance(&mut self, part: Vec<MarkedChange>, committed: &mut Committed) {
        let held = |change: &MarkedChange| self.mirror.state().get(&change.key).cloned();
        let before: Vec<_> = part.iter().map(held).collect();
        self.mirror.absorb(part.clone());
        let mut gone = Vec::new();
        for (change, before) in part.into_iter().zip(before) {
            let key = change.key;
            let filter = stale(key, before.as_ref(), change.frontend.as_ref());
            if let Err(error) = self.serve(key, change.mark).await {
                let rejected = self.rejected(key, change.frontend.as_ref(), code(&error), &error);
                committed.rejected.push(rejected);
                self.take_back(change, before).await;
                continue;
            }
            committed.stale.extend(filter);
            if !self.is_programmed(key) {
                gone.push(key);
            }
        }
        self.unserve(gone).await;
    }

    /// The virtual servers of a frontend.
    fn groups(
        &self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
        mark: Option<u32>,
    ) -> Vec<Group> {
        let Some((frontend, mark)) = frontend.zip(mark) else {
            return Vec::new();
        };
        let marks = self.options.mark_bit.of_servers(mark);
        groups(key, frontend, marks, &self.options.schedulers)
    }

    /// Has IPVS balance a frontend as the mirror has it, and nothing else by this mark.
    pub(crate) async fn serve(
        &mut self,
        key: FrontendKey,
        mark: Option<u32>,
    ) -> Result<(), ServerError> {
        let Some(mark) = mark else {
            return Ok(());
        };
        let wanted = self.groups(key, self.mirror.state().get(&key), Some(mark));
        for group in &wanted {
            self.servers.put(group, leave(key)).await?;
        }
        for id in ids(key, self.options.mark_bit.of_servers(mark)) {
            if !wanted.iter().any(|group| group.server.id == id) {
                self.servers.remove(id, leave(key)).await?;
            }
        }
        Ok(())
    }

    /// What IPVS refuses leaves the last good version.
    async fn take_back(&mut self, change: MarkedChange, before: Option<Arc<Frontend>>) {
        let back = MarkedChange {
            frontend: before,
            ..change
        };
        let key = back.key;
        let difference = self.mirror.difference(std::slice::from_ref(&back));
        if self.carry(&difference).await.is_err() {
            self.suspect = true;
        }
        self.mirror.absorb(vec![back]);
        if let Err(error) = self.serve(key, self.mirror.marks.at(key)).await {
            warn!(%key, %error, "the last good version could not be put back entirely");
        }
        if !self.is_programmed(key) {
            self.unserve(vec![key]).await;
        }
    }

    /// Whether IPVS has anything of a frontend, be it to let it drain.
    fn is_programmed(&self, key: FrontendKey) -> bool {
        let mark = self.mirror.marks.at(key);
        mark.is_some_and(|mark| {
            ids(key, self.options.mark_bit.of_servers(mark))
                .iter()
                .any(|id| self.servers.is_programmed(*id))
        })
    }

    /// Frontends whose last virtual server is gone are sent to IPVS no longer.
    async fn unserve(&mut self, keys: Vec<FrontendKey>) {
        if keys.is_empty() {
            return;
        }
        let difference = self.mirror.unserved(&keys);
        match self.carry(&difference).await {
            Ok(()) => self.mirror.unserve(&keys),
            Err(error) => {
                self.suspect = true;
                warn!(%error, "frontends that have drained are still sent to IPVS");
            }
        }
    }

    /// Ends what has drained.
    pub(crate) async fn look_after_drains(&mut self) -> Result<(), NetlinkError> {
        let ended = self.servers.look_after_drains().await?;
        let mut gone: Vec<_> = ended.iter().filter_map(|id| self.owner(*id)).collect();
        gone.retain(|key| !self.is_programmed(*key));
        self.unserve(gone).await;
        Ok(())
    }

    fn owner(&self, id: ServerId) -> Option<FrontendKey> {
        match id {
            ServerId::At(number, at) => Some(FrontendKey {
                address: at.ip(),
                port: at.port(),
                protocol: protocol(number)?,
            }),
            ServerId::Marked(_, mark) => self
                .mirror
                .marks
                .owner(mark & !self.options.mark_bit.inside()),
        }
    }
}

fn is_marked(group: &Group) -> bool {
    matches!(group.server.id, ServerId::Marked(..))
}

/// A client of a connection would notice, one that sends datagrams would rather have an answer (k/k#71514).
fn leave(key: FrontendKey) -> Leave {
    if key.protocol == Protocol::Udp {
        Leave::AtOnce
    } else {
        Leave::Drain
    }
}

fn code(error: &ServerError) -> RejectionCode {
    match error {
        ServerError::Taken(_) => RejectionCode::PortInUse,
        ServerError::Scheduler(_) => RejectionCode::Internal,
        ServerError::Kernel(error) => refusal::code(error),
    }
}
