//! From a plan to transactions.

use std::net::IpAddr;
use std::sync::Arc;

use portolan_dataplane::{Frontend, FrontendKey, Plan, Rejected, RejectionCode};
use portolan_netlink::NetlinkError;
use portolan_netlink::conntrack::Filter;
use portolan_nft::refusal::{refused, rejected};
use portolan_nft::{BATCH, Bisection, Found, FrontendChange, Part};
use tracing::warn;

use crate::NftablesDataplane;
use crate::entry::Difference;
use crate::render::{Unfit, check};
use crate::stale::stale;

/// What became of a plan.
#[derive(Default)]
pub(crate) struct Committed {
    pub(crate) rejected: Vec<Rejected>,
    /// Connections that lead where nothing is any more.
    pub(crate) stale: Vec<Filter>,
}

impl NftablesDataplane {
    pub(crate) async fn carry_out(&mut self, plan: &Plan) -> Committed {
        let mut committed = Committed::default();
        match self.prepare(plan, &mut committed).await {
            Ok(false) => {}
            Ok(true) => return committed,
            Err(error) => {
                let refused = |change| self.refused(&change, &error);
                let rejected =
                    changes(plan).map(|change| change.map_or_else(|unfit| unfit, refused));
                committed.rejected.extend(rejected);
                return committed;
            }
        }
        let mut part = Part::default();
        for change in changes(plan) {
            match change {
                Ok(change) => {
                    let elements = self.elements(&change);
                    if let Some(full) = part.add(change, elements) {
                        self.commit_part(full, &mut committed).await;
                    }
                }
                Err(unfit) => committed.rejected.push(unfit),
            }
        }
        self.commit_part(part.rest(), &mut committed).await;
        committed
    }

    /// Has the program in the kernel. What stands there in its place is replaced in one transaction with all that is put: then
    /// the plan is carried out, and this is true.
    async fn prepare(
        &mut self,
        plan: &Plan,
        committed: &mut Committed,
    ) -> Result<bool, NetlinkError> {
        match self.adopt().await? {
            // Its ranges follow where that changes, not here: nothing that a change of one frontend would have to look at.
            Found::Ours => Ok(false),
            Found::Nothing => self.ensure_program().await.map(|()| false),
            Found::Other => self.replace(plan, committed).await.map(|()| true),
        }
    }

    async fn replace(
        &mut self,
        plan: &Plan,
        committed: &mut Committed,
    ) -> Result<(), NetlinkError> {
        let (mut all, mut unfit) = (Vec::new(), Vec::new());
        for change in changes(plan) {
            match change {
                Ok(change) => all.push(change),
                Err(rejected) => unfit.push(rejected),
            }
        }
        let stale = all
            .iter()
            .flat_map(|change| stale(change.key, None, change.frontend.as_ref()));
        let stale: Vec<_> = stale.collect();
        let gone: Vec<_> = all
            .iter()
            .map(|new| change(new.key, self.mirror.state().get(&new.key)))
            .collect();
        self.mirror.absorb(all);
        if let Err(error) = self.ensure_program().await {
            self.mirror.absorb(gone);
            return Err(error);
        }
        committed.stale.extend(stale);
        committed.rejected.extend(unfit);
        Ok(())
    }

    /// About how many elements a change adds and deletes, without rendering it.
    fn elements(&self, change: &FrontendChange) -> usize {
        let both = change
            .frontend
            .iter()
            .chain(self.mirror.state().get(&change.key));
        let size = |frontend: &Arc<Frontend>| {
            // A slot or two, and the hairpin, of each backend; large pools have many slots more and are split anyway.
            frontend
                .pools()
                .map(|pool| 2 + 2 * pool.backends.len())
                .sum::<usize>()
                + frontend.source_ranges.len()
        };
        both.map(size).sum()
    }

    /// Commits changes together; where the kernel refuses, by halves, until the one that it refuses is alone.
    async fn commit_part(&mut self, part: Vec<FrontendChange>, committed: &mut Committed) {
        let mut bisection = Bisection::of(part);
        while let Some(part) = bisection.next_part() {
            let own = self.environment.own.clone();
            let difference = self.mirror.difference(&part, &own, &own);
            let Err(error) = self.carry(&difference).await else {
                for change in &part {
                    let old = self.mirror.state().get(&change.key);
                    committed
                        .stale
                        .extend(stale(change.key, old, change.frontend.as_ref()));
                }
                self.mirror.absorb(part);
                continue;
            };
            if bisection.may_repeat() && matches!(self.audit_if_disturbed().await, Ok(true)) {
                bisection.repeat(part);
            } else if let Some(alone) = bisection.halve(part) {
                committed.rejected.push(self.refused(&alone, &error));
            } else {
                self.counters.bisections += 1;
            }
        }
    }

    async fn carry(&mut self, difference: &Difference) -> Result<(), NetlinkError> {
        let carried = self.kernel.carry(difference).await;
        self.counters.transactions += 1;
        // Of several transactions some may have happened.
        self.suspect |= carried.is_err() && difference.len() > BATCH;
        carried
    }

    /// The node's addresses decide who may reach guarded frontends from the node itself.
    pub(crate) async fn follow_own_addresses(
        &mut self,
        before: &[IpAddr],
    ) -> Result<(), NetlinkError> {
        if self.environment.own == before || self.found != Some(Found::Ours) {
            return Ok(());
        }
        let guarded = self.mirror.state().iter();
        let guarded = guarded.filter(|(_, frontend)| !frontend.source_ranges.is_empty());
        let changes: Vec<_> = guarded
            .map(|(key, frontend)| change(*key, Some(frontend)))
            .collect();
        let difference = self
            .mirror
            .difference(&changes, before, &self.environment.own);
        self.carry(&difference).await
    }

    /// From now on what is left of the virtual ranges is dropped.
    pub(crate) async fn guard(&mut self) {
        if self.guarded {
            return;
        }
        self.guarded = true;
        if let Err(error) = self.ensure_program().await {
            self.guarded = false;
            warn!(%error, "addresses of nobody are not dropped yet");
        }
    }

    fn refused(&self, change: &FrontendChange, error: &NetlinkError) -> Rejected {
        let frontend = change.frontend.as_ref();
        let frontend = frontend.or_else(|| self.mirror.state().get(&change.key));
        refused(change.key, frontend.map(Arc::as_ref), error)
    }
}

/// What a plan changes, one after the other: a list of all would be as long as the plan. What can't be carried at all is
/// rejected.
fn changes(plan: &Plan) -> impl Iterator<Item = Result<FrontendChange, Rejected>> {
    let put = plan.put.iter().map(|(key, frontend)| {
        let fit = check(*key, frontend).map_err(|unfit| unfit_for(*key, frontend, &unfit));
        fit.map(|()| change(*key, Some(frontend)))
    });
    let removed = plan.remove.iter().map(|key| Ok(change(*key, None)));
    put.chain(removed)
}

fn change(key: FrontendKey, frontend: Option<&Arc<Frontend>>) -> FrontendChange {
    FrontendChange {
        key,
        frontend: frontend.cloned(),
    }
}

fn unfit_for(key: FrontendKey, frontend: &Frontend, unfit: &Unfit) -> Rejected {
    let code = match unfit {
        Unfit::Family(_) => RejectionCode::InvalidObject,
        Unfit::TooMany(_) => RejectionCode::LimitExceeded,
    };
    rejected(key, Some(frontend), code, unfit)
}
