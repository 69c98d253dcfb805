//! A dataplane in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, FrontendKey, Health, NodeState,
    Plan, Rejected, RejectionCode,
};

/// Keeps what it is told to carry. Clones share it, so that a test keeps one and gives the other to an agent; a new
/// agent on an old clone is a restarted plugin that adopts.
#[derive(Clone, Debug)]
pub struct FakeDataplane {
    capabilities: Capabilities,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Debug)]
struct Shared {
    programmed: NodeState,
    environment: Environment,
    refused: BTreeMap<FrontendKey, RejectionCode>,
    writes: u64,
    plans: u64,
    health: Health,
}

impl Default for FakeDataplane {
    fn default() -> Self {
        Self::new(Self::everything())
    }
}

impl FakeDataplane {
    /// Able to do what is declared.
    pub fn new(capabilities: Capabilities) -> Self {
        let shared = Shared {
            programmed: NodeState::new(),
            environment: Environment::default(),
            refused: BTreeMap::new(),
            writes: 0,
            plans: 0,
            health: Health::Serving,
        };
        Self {
            capabilities,
            shared: Arc::new(Mutex::new(shared)),
        }
    }

    /// Capabilities without a gap.
    pub fn everything() -> Capabilities {
        Capabilities::everything("fake")
    }

    /// What is programmed.
    pub fn programmed(&self) -> NodeState {
        self.shared().programmed.clone()
    }

    /// Changes what is programmed behind the agent's back.
    pub fn tamper(&self, change: impl FnOnce(&mut NodeState)) {
        change(&mut self.shared().programmed);
    }

    /// The environment it was last told.
    pub fn environment(&self) -> Environment {
        self.shared().environment.clone()
    }

    /// How many frontends were put or removed so far.
    pub fn writes(&self) -> u64 {
        self.shared().writes
    }

    /// How many plans were carried out so far, empty ones included.
    pub fn plans(&self) -> u64 {
        self.shared().plans
    }

    /// Rejects a frontend from now on, or no longer.
    pub fn refuse(&self, key: FrontendKey, code: Option<RejectionCode>) {
        let mut shared = self.shared();
        match code {
            Some(code) => shared.refused.insert(key, code),
            None => shared.refused.remove(&key),
        };
    }

    /// What [`Dataplane::probe`] says from now on.
    pub fn set_health(&self, health: Health) {
        self.shared().health = health;
    }

    /// Nothing in here panics half-way through a change, so a poisoned lock still guards a whole state.
    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Dataplane for FakeDataplane {
    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        self.shared().environment = environment.clone();
        Ok(())
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        Ok(self.programmed())
    }

    async fn apply(&mut self, plan: &Plan) -> Applied {
        let mut shared = self.shared();
        shared.plans += 1;
        let mut rejected = Vec::new();
        for (key, frontend) in &plan.put {
            if let Some(code) = shared.refused.get(key) {
                rejected.push(Rejected {
                    key: *key,
                    code: *code,
                    message: format!("{} at {key} is refused by the test", frontend.service),
                });
            } else {
                shared.programmed.insert(*key, frontend.clone());
                shared.writes += 1;
            }
        }
        for key in &plan.remove {
            if shared.programmed.remove(key).is_some() {
                shared.writes += 1;
            }
        }
        Applied { rejected }
    }

    async fn probe(&mut self) -> Health {
        self.shared().health.clone()
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        self.shared().programmed.clear();
        Ok(())
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        vec![("writes_total", self.writes())]
    }
}
