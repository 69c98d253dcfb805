//! Actions that follow from what is there.

use std::fmt;
use std::sync::Arc;

use portolan_model::{Refusal, State};

use super::Action;

type Derive = dyn Fn(&State) -> Result<Action, Refusal> + Send + Sync;

/// An action that is known only when it is decided, because it takes over a part of what is there: a write of one label
/// keeps the others, whoever changes those meanwhile.
#[derive(Clone)]
pub struct Derived(Arc<Derive>);

impl Derived {
    /// `derive` depends on the state alone, as deciding does, and answers with an action that is not derived itself.
    pub fn new(derive: impl Fn(&State) -> Result<Action, Refusal> + Send + Sync + 'static) -> Self {
        Self(Arc::new(derive))
    }

    /// The action, in a state.
    ///
    /// # Errors
    /// What is asked does not fit what is there.
    pub fn action(&self, state: &State) -> Result<Action, Refusal> {
        (self.0)(state)
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}
