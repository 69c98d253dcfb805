//! A dataplane that fails now and then.

use crate::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, Health, NodeState, Plan,
    Rejected, RejectionCode,
};

/// Fails a share of the frontends of every plan, in an order that its seed decides, and hands on the rest. Whoever
/// tries again often enough gets through.
#[derive(Clone, Debug)]
pub struct FaultyDataplane<D> {
    inner: D,
    percent: u64,
    state: u64,
}

impl<D> FaultyDataplane<D> {
    /// Fails `percent` of 100.
    pub fn new(inner: D, percent: u8, seed: u64) -> Self {
        Self {
            inner,
            percent: u64::from(percent),
            state: seed,
        }
    }

    /// splitmix64: any seed, also 0, gives a good sequence.
    fn fails(&mut self) -> bool {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % 100 < self.percent
    }
}

impl<D: Dataplane> Dataplane for FaultyDataplane<D> {
    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        self.inner.configure(environment).await
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        self.inner.observe().await
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let mut rest = Plan::default();
        let mut rejected = Vec::new();
        let mut fault = |key| {
            rejected.push(Rejected {
                key,
                code: RejectionCode::Internal,
                message: format!("{key}: fault injected by the test"),
            });
        };
        for (key, frontend) in &plan.put {
            if self.fails() {
                fault(*key);
            } else {
                rest.put.push((*key, frontend.clone()));
            }
        }
        for key in &plan.remove {
            if self.fails() {
                fault(*key);
            } else {
                rest.remove.push(*key);
            }
        }
        rejected.extend(self.inner.apply(&rest).await.rejected);
        Applied { rejected }
    }

    async fn probe(&mut self) -> Health {
        self.inner.probe().await
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        self.inner.cleanup().await
    }

    fn affinity_slack(&self) -> std::time::Duration {
        self.inner.affinity_slack()
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        self.inner.counters()
    }
}
