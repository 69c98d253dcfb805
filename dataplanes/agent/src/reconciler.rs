//! Keeps a dataplane at what is desired.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, Desired, Environment, FrontendKey, Health, NodeState, Plan,
    Rejected, RejectionCode, Touched, Views, plan, plan_keys, without_local,
};
use portolan_model::Name;
use portolan_model::view::{Reach, ViewKey, ViewKind};
use portolan_subscriber::{Reason, Source, Update};
use tracing::{info, warn};

use crate::rejected::{Failure, by_service};

/// Desired state, what is known to be programmed, and the difference that could not be closed.
pub(crate) struct Reconciler<D> {
    dataplane: D,
    capabilities: Capabilities,
    node: Name,
    views: Views,
    desired: Desired,
    observed: NodeState,
    /// `observed` is complete; until then nothing is removed that is not known.
    adopted: bool,
    told: Told,
    failures: BTreeMap<FrontendKey, Failure>,
    /// What was accepted comes from the state directory, and the dataplane was not told yet.
    remembers: bool,
}

/// What the dataplane was told of where it runs.
enum Told {
    Nothing,
    Where(Environment),
    /// Why it could not be told.
    Failed(String),
}

impl<D: Dataplane> Reconciler<D> {
    pub(crate) fn new(dataplane: D, node: Name) -> Self {
        Self {
            capabilities: dataplane.capabilities(),
            dataplane,
            node,
            views: Views::default(),
            desired: Desired::new(),
            observed: NodeState::new(),
            adopted: false,
            told: Told::Nothing,
            failures: BTreeMap::new(),
            remembers: false,
        }
    }

    /// Kind of the dataplane.
    pub(crate) fn kind(&self) -> &'static str {
        self.capabilities.kind
    }

    /// Everything that the node was told.
    pub(crate) fn views(&self) -> &Views {
        &self.views
    }

    /// Takes over changes, without doing anything about them yet.
    pub(crate) fn accept(&mut self, update: Update) -> Touched {
        self.remembers |= update.source == Source::LastKnownGood;
        self.views.apply(update.upserts, update.removed)
    }

    /// Programs what was touched.
    pub(crate) async fn change(&mut self, touched: Touched) {
        let keys = self.desired.refresh(&self.views, &self.node, &touched);
        let everything = touched.everything(&self.node);
        // Of a first state it is long, and it is not needed while all that is programmed.
        drop(touched);
        if std::mem::take(&mut self.remembers) {
            self.recall();
        }
        if everything || !self.is_told() {
            self.configure().await;
        }
        if !self.adopted {
            drop(keys);
            return self.audit().await;
        }
        self.reconcile(keys).await;
    }

    /// Tries again what failed.
    pub(crate) async fn retry(&mut self) {
        self.configure().await;
        if !self.adopted {
            return self.audit().await;
        }
        self.reconcile(self.failures.keys().copied().collect())
            .await;
    }

    async fn reconcile(&mut self, keys: BTreeSet<FrontendKey>) {
        let desired = self.desired.state();
        let plan = plan_keys(&keys, desired, &self.observed, &self.capabilities);
        self.carry_out(plan, Some(&keys)).await;
    }

    /// Compares all that is programmed with all that should be, and puts it right.
    pub(crate) async fn audit(&mut self) {
        self.configure().await;
        let mut first = false;
        match self.dataplane.observe().await {
            Ok(observed) => {
                self.observed = observed;
                first = !self.adopted;
                self.adopted = true;
            }
            // What is desired is still put, as far as it is not known to be there.
            Err(error) => warn!(error = chain(&error), "the dataplane can't be observed"),
        }
        let plan = plan(self.desired.state(), &self.observed, &self.capabilities);
        if !plan.is_empty() {
            info!(
                put = plan.put.len(),
                remove = plan.remove.len(),
                "bringing the dataplane in step"
            );
        }
        if first && plan.is_empty() {
            // On a node without Services nothing else would say that all of them are programmed, and what is guarded only
            // then would stay open.
            self.dataplane.apply(&plan).await;
        }
        self.carry_out(plan, None).await;
    }

    /// Whether trying again may help.
    pub(crate) fn is_failing(&self) -> bool {
        let mut failures = self.failures.values();
        let unfinished = !self.adopted || !self.is_told();
        unfinished || failures.any(|f| f.code != RejectionCode::UnsupportedFeature)
    }

    /// What is not as it should be: by Service what could not be programmed, and endpoints that must not be.
    pub(crate) fn rejected(&self) -> BTreeMap<ViewKey, Reason> {
        let mut rejected = by_service(&self.failing());
        let refused = self.views.refused().map(|(uid, why)| {
            let reason = Reason {
                code: RejectionCode::InvalidObject.as_str(),
                message: why.to_owned(),
            };
            (ViewKey::new(ViewKind::Endpoint, uid), reason)
        });
        rejected.extend(refused);
        rejected
    }

    /// Services that this node should be silent for, as only others have endpoints: by the internal policy, and by the
    /// external one.
    pub(crate) fn silent_for(&self) -> (usize, usize) {
        let count = |reach| without_local(self.desired.state(), reach);
        (count(Reach::Internal), count(Reach::External))
    }

    /// Takes no new connections any more.
    pub(crate) async fn drain(&mut self) {
        if let Err(error) = self.dataplane.drain().await {
            warn!(error = chain(&error), "the dataplane can't let go of all");
        }
    }

    /// Removes all that is ours.
    pub(crate) async fn cleanup(&mut self) {
        if let Err(error) = self.dataplane.cleanup().await {
            warn!(error = chain(&error), "the dataplane can't be removed");
        }
    }

    pub(crate) async fn health(&mut self) -> Health {
        self.dataplane.probe().await
    }

    pub(crate) fn counters(&self) -> Vec<(&'static str, u64)> {
        self.dataplane.counters()
    }

    /// A dataplane that does not know where it runs may take sources for others: then nothing is as it should be. The
    /// revision is acknowledged all the same, as elsewhere released addresses wait for that.
    fn failing(&self) -> Cow<'_, BTreeMap<FrontendKey, Failure>> {
        let Told::Failed(why) = &self.told else {
            return Cow::Borrowed(&self.failures);
        };
        let desired = self.desired.state().iter();
        let mut failing: BTreeMap<_, _> = desired
            .map(|(key, frontend)| {
                let failure = Failure {
                    service: frontend.service.uid,
                    code: RejectionCode::Internal,
                    message: why.clone(),
                };
                (*key, failure)
            })
            .collect();
        failing.extend(self.failures.clone());
        Cow::Owned(failing)
    }

    /// Tells the dataplane what the process before desired, as far as that had come.
    fn recall(&mut self) {
        let all = plan(self.desired.state(), &NodeState::new(), &self.capabilities);
        self.dataplane.recall(all.put.into_iter().collect());
    }

    fn is_told(&self) -> bool {
        matches!(self.told, Told::Where(_))
    }

    async fn configure(&mut self) {
        let environment = self.views.environment(&self.node);
        if matches!(&self.told, Told::Where(known) if *known == environment) {
            return;
        }
        self.told = match self.dataplane.configure(&environment).await {
            Ok(()) => Told::Where(environment),
            Err(error) => {
                let error = chain(&error);
                warn!(error, "the dataplane can't be configured");
                Told::Failed(format!(
                    "the node does not know its addresses and the cluster's ranges: {error}; look at the plugin's log, it \
                     tries again by itself"
                ))
            }
        };
    }

    /// `keys` are those that the plan was made for, `None`: all. Their failures are over unless they fail again.
    async fn carry_out(&mut self, plan: Plan, keys: Option<&BTreeSet<FrontendKey>>) {
        let Applied { rejected } = if plan.is_empty() {
            Applied::default()
        } else {
            self.dataplane.apply(&plan).await
        };
        let mut failures = BTreeMap::new();
        for rejected in plan.unsupported.into_iter().chain(rejected) {
            self.fail(rejected, &mut failures);
        }
        let planned = |key: &FrontendKey| keys.is_none_or(|keys| keys.contains(key));
        self.failures.retain(|key, _| !planned(key));
        let failed = |key: &FrontendKey| {
            let failure = failures.get(key);
            failure.is_some_and(|f| f.code != RejectionCode::UnsupportedFeature)
        };
        let put = plan.put.into_iter().filter(|(key, _)| !failed(key));
        if self.observed.is_empty() {
            // Built of a whole list, a tree takes half as much.
            self.observed = put.collect();
        } else {
            self.observed.extend(put);
        }
        for key in plan.remove {
            if !failed(&key) {
                self.observed.remove(&key);
            }
        }
        self.failures.extend(failures);
    }

    fn fail(&self, rejected: Rejected, failures: &mut BTreeMap<FrontendKey, Failure>) {
        let Rejected { key, code, message } = rejected;
        let frontend = self.desired.state().get(&key);
        let Some(frontend) = frontend.or_else(|| self.observed.get(&key)) else {
            warn!(%key, message, "the dataplane rejected what it was not asked to do");
            return;
        };
        let failure = Failure {
            service: frontend.service.uid,
            code,
            message,
        };
        if self.failures.get(&key) != Some(&failure) {
            warn!(%key, service = %frontend.service, code = code.as_str(), "not programmed: {}", failure.message);
        }
        failures.insert(key, failure);
    }
}

/// An error with its cause.
fn chain(error: &dyn std::error::Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

#[cfg(test)]
mod tests;
