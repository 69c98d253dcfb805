//! From a plan to transactions and requests. What IPVS balances by marks is there before nftables gives a packet that mark,
//! and lets go only after; what it balances by addresses, which packets may reach without nftables, comes after nftables has
//! settled who may reach it and whose source is replaced.

use std::fmt::Display;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, Plan, Rejected, RejectionCode};
use portolan_netlink::NetlinkError;
use portolan_netlink::conntrack::Filter;
use portolan_nft::{BATCH, Bisection, Found, Part, forget, refusal};

use crate::IpvsDataplane;
use crate::dataplane::Error;
use crate::entry::Difference;
use crate::mirror::MarkedChange;
use crate::render::check;

/// What became of a plan.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) rejected: Vec<Rejected>,
    /// Connections that lead where nothing is any more.
    pub(crate) stale: Vec<Filter>,
}

impl IpvsDataplane {
    pub(crate) async fn carry_out(&mut self, plan: &Plan) -> Vec<Rejected> {
        if let Err(error) = self.prepare().await {
            let why = with_cause(&error);
            let internal = RejectionCode::Internal;
            let all = asked(plan);
            let rejected = all.map(|(key, frontend)| self.rejected(key, frontend, internal, &why));
            return rejected.collect();
        }
        let mut committed = Committed::default();
        let mut part = Part::default();
        for (key, frontend) in asked(plan) {
            match self.change(key, frontend) {
                Ok(change) => {
                    let elements = self.elements(&change);
                    if let Some(full) = part.add(change, elements) {
                        self.commit_part(full, &mut committed).await;
                    }
                }
                Err(rejected) => committed.rejected.push(rejected),
            }
        }
        self.commit_part(part.rest(), &mut committed).await;
        let socket = self.tables.transactions.socket();
        self.counters.stale += forget(socket, &committed.stale).await;
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

    /// What a plan asks for one frontend, unless it can't be carried at all.
    fn change(
        &mut self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
    ) -> Result<MarkedChange, Rejected> {
        if let Some(unfit) = frontend.and_then(|frontend| check(key, frontend).err()) {
            return Err(self.rejected(key, frontend, RejectionCode::InvalidObject, unfit));
        }
        let change = self.mirror.change(key, frontend);
        change.ok_or_else(|| {
            let why = "no mark is left for it; choose a higher --mark-bit";
            self.rejected(key, frontend, RejectionCode::LimitExceeded, why)
        })
    }

    /// About how many elements a change adds and deletes, without rendering it.
    fn elements(&self, change: &MarkedChange) -> usize {
        let held = self.mirror.state().get(&change.key);
        let size = |frontend: &Arc<Frontend>| {
            let backends: usize = frontend.pools().map(|pool| 2 * pool.backends.len()).sum();
            3 + backends + frontend.source_ranges.len()
        };
        change.frontend.iter().chain(held).map(size).sum()
    }

    /// Commits changes together; where nftables refuses, by halves, until the one that it refuses is alone.
    async fn commit_part(&mut self, part: Vec<MarkedChange>, committed: &mut Committed) {
        let part = self.serve_by_mark(part, committed).await;
        let mut bisection = Bisection::of(part);
        while let Some(part) = bisection.next_part() {
            let difference = self.mirror.difference(&part);
            let Err(error) = self.carry(&difference).await else {
                self.balance(part, committed).await;
                continue;
            };
            if bisection.may_repeat() && matches!(self.audit_if_disturbed().await, Ok(true)) {
                bisection.repeat(part);
            } else if let Some(alone) = bisection.halve(part) {
                let why = format!("{error}; it is tried again");
                let code = refusal::code(&error);
                self.reject(alone, code, &why, committed).await;
            } else {
                self.counters.bisections += 1;
            }
        }
    }

    pub(crate) async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        let carried = self.tables.carry(difference).await;
        self.counters.transactions += 1;
        // Of several transactions some may have happened.
        self.suspect |= carried.is_err() && difference.len() > BATCH;
        carried
    }

    /// A frontend that is rejected; one that goes is named as it was.
    pub(crate) fn rejected(
        &self,
        key: FrontendKey,
        frontend: Option<&Arc<Frontend>>,
        code: RejectionCode,
        why: impl Display,
    ) -> Rejected {
        let frontend = frontend.or_else(|| self.mirror.state().get(&key));
        refusal::rejected(key, frontend.map(Arc::as_ref), code, why)
    }
}

/// What a plan asks for, frontend by frontend; `None`: it goes.
fn asked(plan: &Plan) -> impl Iterator<Item = (FrontendKey, Option<&Arc<Frontend>>)> {
    let put = plan
        .put
        .iter()
        .map(|(key, frontend)| (*key, Some(frontend)));
    put.chain(plan.remove.iter().map(|key| (*key, None)))
}

fn with_cause(error: &Error) -> String {
    let cause = std::error::Error::source(error);
    cause.map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}
