//! From a plan to transactions and requests. What IPVS balances by marks is there before nftables gives a packet that mark,
//! and lets go only after; what it balances by addresses, which packets may reach without nftables, comes after nftables has
//! settled who may reach it and whose source is replaced.

use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, Plan, Rejected, RejectionCode};
use portolan_model::Protocol;
use portolan_netlink::NetlinkError;
use portolan_netlink::conntrack::{Filter, delete};
use portolan_netlink::ipvs::ServerId;
use portolan_nft::BATCH;
use portolan_nft::key::protocol;
use portolan_nft::tables::Found;
use tracing::warn;

use crate::dataplane::Error;
use crate::entry::Difference;
use crate::mirror::Change;
use crate::render::{Group, check, groups, ids};
use crate::servers::{Leave, ServerError};
use crate::stale::stale;
use crate::{IpvsDataplane, Options};

/// What became of a plan.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) rejected: Vec<Rejected>,
    /// Connections that lead where nothing is any more.
    stale: Vec<Filter>,
}

impl IpvsDataplane {
    pub(crate) async fn carry_out(&mut self, plan: &Plan) -> Vec<Rejected> {
        let mut committed = Committed::default();
        let prepared = self.prepare().await;
        let mut changes = Vec::new();
        let all = plan
            .put
            .iter()
            .map(|(key, frontend)| (*key, Some(frontend)));
        for (key, frontend) in all.chain(plan.remove.iter().map(|key| (*key, None))) {
            let unfit = frontend.and_then(|frontend| check(key, frontend).err());
            if let Err(error) = &prepared {
                let code = RejectionCode::Internal;
                let rejected = self.refused(key, frontend, code, &with_cause(error));
                committed.rejected.push(rejected);
            } else if let Some(unfit) = unfit {
                let code = RejectionCode::InvalidObject;
                committed
                    .rejected
                    .push(self.refused(key, frontend, code, &unfit.to_string()));
            } else if let Some(change) = self.mirror.change(key, frontend) {
                changes.push(change);
            } else {
                let code = RejectionCode::LimitExceeded;
                let why = "no mark is left for it; choose a higher --mark-bit";
                committed
                    .rejected
                    .push(self.refused(key, frontend, code, why));
            }
        }
        for part in self.parts(changes) {
            let part = self.serve_by_mark(part, &mut committed).await;
            self.commit_part(part, &mut committed).await;
        }
        self.forget(committed.stale).await;
        committed.rejected
    }

    /// Has the program in the kernel. Its ranges follow where the environment changes, not here: nothing that a change of one
    /// frontend would have to look at.
    async fn prepare(&mut self) -> Result<(), Error> {
        if self.prepared && self.adopt().await? == Found::Ours {
            return Ok(());
        }
        self.ensure_program().await
    }

    /// Changes that fit a transaction; one that is larger is alone.
    fn parts(&self, changes: Vec<Change>) -> Vec<Vec<Change>> {
        let (mut parts, mut size) = (vec![Vec::new()], 0);
        for change in changes {
            let more = self.size(&change);
            if size > 0 && size + more > BATCH {
                parts.push(Vec::new());
                size = 0;
            }
            size += more;
            if let Some(part) = parts.last_mut() {
                part.push(change);
            }
        }
        parts.retain(|part| !part.is_empty());
        parts
    }

    /// About how many elements a change adds and deletes, without rendering it.
    fn size(&self, change: &Change) -> usize {
        let held = self.mirror.state().get(&change.key);
        let size = |frontend: &Arc<Frontend>| {
            let backends: usize = frontend.pools().map(|pool| 2 * pool.backends.len()).sum();
            3 + backends + frontend.source_ranges.len()
        };
        change.frontend.iter().chain(held).map(size).sum()
    }

    /// Commits changes together; where nftables refuses, by halves, until the one that it refuses is alone.
    async fn commit_part(&mut self, part: Vec<Change>, committed: &mut Committed) {
        let mut parts = vec![part];
        let mut looked = false;
        while let Some(part) = parts.pop() {
            let difference = self.mirror.difference(&part);
            let Err(error) = self.carry(&difference).await else {
                self.balance(part, committed).await;
                continue;
            };
            // Somebody may have changed our tables: then it is not these changes' fault.
            if !looked && matches!(self.audit_if_disturbed().await, Ok(true)) {
                looked = true;
                parts.push(part);
            } else if part.len() > 1 {
                self.counters.bisections += 1;
                let mut first = part;
                let second = first.split_off(first.len() / 2);
                parts.extend([second, first]);
            } else {
                for change in part {
                    let why = format!("{error}; it is tried again");
                    self.reject(change, kernel_code(&error), &why, committed)
                        .await;
                }
            }
        }
    }

    async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        let carried = self.table.carry(difference).await;
        self.counters.transactions += 1;
        // Of several transactions some may have happened.
        self.suspect |= carried.is_err() && difference.len() > BATCH;
        carried
    }

    /// What IPVS is to balance by marks: nobody is sent to it yet. Changes that it refuses are left out.
    async fn serve_by_mark(&mut self, part: Vec<Change>, committed: &mut Committed) -> Vec<Change> {
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
    async fn reject(
        &mut self,
        change: Change,
        code: RejectionCode,
        why: &str,
        committed: &mut Committed,
    ) {
        let key = change.key;
        let rejected = self.refused(key, change.frontend.as_ref(), code, why);
        committed.rejected.push(rejected);
        if let Err(error) = self.serve(key, change.mark).await {
            warn!(%key, %error, "the last good version could not be put back entirely");
        }
        self.mirror.give_back(&change);
    }

    /// nftables has the changes: IPVS follows, one by one.
    async fn balance(&mut self, part: Vec<Change>, committed: &mut Committed) {
        let held = |change: &Change| self.mirror.state().get(&change.key).cloned();
        let before: Vec<_> = part.iter().map(held).collect();
        self.mirror.absorb(part.clone());
        let mut gone = Vec::new();
        for (change, before) in part.into_iter().zip(before) {
            let key = change.key;
            let filter = stale(key, before.as_ref(), change.frontend.as_ref());
            if let Err(error) = self.serve(key, change.mark).await {
                let why = error.to_string();
                let refused = self.refused(key, change.frontend.as_ref(), code(&error), &why);
                committed.rejected.push(refused);
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
        let Options {
            mark_bit,
            schedulers,
            ..
        } = &self.options;
        groups(key, frontend, (*mark_bit, mark), schedulers)
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
        for id in ids(key, (self.options.mark_bit, mark)) {
            if !wanted.iter().any(|group| group.server.id == id) {
                self.servers.remove(id, leave(key)).await?;
            }
        }
        Ok(())
    }

    /// What IPVS refuses leaves the last good version.
    async fn take_back(&mut self, change: Change, before: Option<Arc<Frontend>>) {
        let back = Change {
            frontend: before,
            ..change
        };
        let key = back.key;
        let difference = self.mirror.difference(std::slice::from_ref(&back));
        if self.carry(&difference).await.is_err() {
            self.suspect = true;
        }
        self.mirror.absorb(vec![back]);
        if let Err(error) = self.serve(key, self.mirror.mark(key)).await {
            warn!(%key, %error, "the last good version could not be put back entirely");
        }
        if !self.is_programmed(key) {
            self.unserve(vec![key]).await;
        }
    }

    /// Whether IPVS has anything of a frontend, be it to let it drain.
    fn is_programmed(&self, key: FrontendKey) -> bool {
        let mark = self.mirror.mark(key);
        mark.is_some_and(|mark| {
            ids(key, (self.options.mark_bit, mark))
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
            ServerId::Marked(_, mark) => self.mirror.owner(mark & !self.options.mark_bit.inside()),
        }
    }

    async fn forget(&mut self, filters: Vec<Filter>) {
        if filters.is_empty() {
            return;
        }
        self.counters.stale += u64::try_from(filters.len()).unwrap_or(u64::MAX);
        if let Err(error) = delete(self.table.socket(), &filters).await {
            warn!(%error, "stale UDP connections could not be deleted; they end when their clients pause");
        }
    }

    fn refused(
        &self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
        code: RejectionCode,
        why: &str,
    ) -> Rejected {
        let frontend = frontend.or_else(|| self.mirror.state().get(&key));
        let service = frontend.map_or_else(String::new, |f| f.service.to_string());
        Rejected {
            key,
            code,
            message: format!("{service} at {key}: {why}"),
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
        ServerError::Kernel(error) => kernel_code(error),
    }
}

fn kernel_code(error: &NetlinkError) -> RejectionCode {
    match error.errno() {
        // EPERM, EACCES
        Some(1 | 13) => RejectionCode::PermissionDenied,
        // ENOMEM, ENFILE, ENOSPC
        Some(12 | 23 | 28) => RejectionCode::LimitExceeded,
        // EAFNOSUPPORT
        Some(97) => RejectionCode::FamilyUnavailable,
        _ => RejectionCode::Internal,
    }
}

fn with_cause(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
