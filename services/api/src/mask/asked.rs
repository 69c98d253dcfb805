//! What an update asks for: known now, or once it is decided what is there.

use portolan_allocator::{Action, Derived};
use portolan_model::{Refusal, State};

/// Completes a request by what is stored; nothing is stored if the resource is created.
type Complete<M, P> = Box<dyn Fn(Option<M>) -> Result<P, Refusal> + Send + Sync>;

/// The parameters of an update.
pub(crate) enum Asked<M, P> {
    /// Every field is replaced as it was sent.
    Now(P),
    /// Of some fields a part is kept.
    Completed(Complete<M, P>),
}

impl<M: 'static, P: 'static> Asked<M, P> {
    /// The action; `stored` shows the resource as clients see it, `put` writes it.
    pub(crate) fn action(
        self,
        stored: impl Fn(&State) -> Option<M> + Send + Sync + 'static,
        put: impl Fn(P) -> Action + Send + Sync + 'static,
    ) -> Action {
        match self {
            Self::Now(params) => put(params),
            Self::Completed(complete) => Action::Derived(Derived::new(move |state| {
                let params = complete(stored(state))?;
                Ok(put(params))
            })),
        }
    }
}
