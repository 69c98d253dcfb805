//! What runs on a node: a dataplane in this process, or whatever else can be led to a state (decision 31).

use std::collections::BTreeSet;

use std::time::Duration;

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, NodeState, Plan, Rejected, Views, carried, plan,
};
use portolan_model::Name;
use portolan_model::view::{View, ViewKey};

/// A plugin under test. Its methods run on a thread of its node, where sockets and processes belong to the node.
pub trait Plugin: Send + 'static {
    /// What it can do; stays the same.
    fn capabilities(&self) -> Capabilities;

    /// Leads the node to exactly these views, as far as the plugin can go, and checks that it says so.
    fn carry(
        &mut self,
        node: &Name,
        views: &[(ViewKey, View)],
    ) -> impl Future<Output = Carried> + Send;

    /// For how long, at most, a client is still known beyond the timeout of its affinity.
    fn affinity_slack(&self) -> Duration {
        Duration::ZERO
    }

    /// What it says it carries.
    fn observe(&mut self) -> impl Future<Output = NodeState> + Send;

    /// Takes no new connections any more.
    fn drain(&mut self) -> impl Future<Output = ()> + Send;

    /// Removes all that is its own.
    fn cleanup(&mut self) -> impl Future<Output = ()> + Send;
}

/// What became of a desired state.
pub struct Carried {
    /// What there was to do.
    pub plan: Plan,
    /// What could not be done.
    pub applied: Applied,
}

impl Carried {
    /// Everything that is not carried, and why.
    pub fn rejected(&self) -> impl Iterator<Item = &Rejected> {
        self.plan.unsupported.iter().chain(&self.applied.rejected)
    }
}

/// Driven as an agent does: observe, plan, apply.
impl<D: Dataplane> Plugin for D {
    fn capabilities(&self) -> Capabilities {
        Dataplane::capabilities(self)
    }

    async fn carry(&mut self, node: &Name, views: &[(ViewKey, View)]) -> Carried {
        let mut held = Views::default();
        held.apply(views.iter().cloned(), []);
        let desired = held.desired_all(node);
        let capabilities = Dataplane::capabilities(self);
        let configured = self.configure(&held.environment(node)).await;
        configured.expect("the dataplane can be configured");
        let plan = plan(&desired, &Plugin::observe(self).await, &capabilities);
        let applied = self.apply(&plan).await;
        let observed = Plugin::observe(self).await;
        let listed = plan.unsupported.iter().chain(&applied.rejected);
        let listed: BTreeSet<_> = listed.map(|rejected| rejected.key).collect();
        let wanted: NodeState = desired
            .iter()
            .filter(|(key, _)| !listed.contains(*key))
            .map(|(key, f)| (*key, carried(f, &capabilities)))
            .collect();
        let seen = observed
            .into_iter()
            .filter(|(key, _)| !listed.contains(key))
            .collect();
        assert_eq!(wanted, seen, "what it observes is what it should carry");
        Carried { plan, applied }
    }

    fn affinity_slack(&self) -> Duration {
        Dataplane::affinity_slack(self)
    }

    async fn observe(&mut self) -> NodeState {
        let observed = Dataplane::observe(self).await;
        observed.expect("it can be observed")
    }

    async fn drain(&mut self) {
        let drained = Dataplane::drain(self).await;
        drained.expect("it can let go");
    }

    async fn cleanup(&mut self) {
        let cleaned = Dataplane::cleanup(self).await;
        cleaned.expect("everything can be removed");
    }
}
