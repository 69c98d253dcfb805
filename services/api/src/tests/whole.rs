//! Updates as nobody sends them over the API: of everything, by the model's values.

use std::fmt::Debug;
use std::sync::Arc;

use portolan_allocator::{Merge, Params, Preconditions, Put, Update};
use portolan_model::Violations;

/// An update that replaces everything.
#[derive(Debug)]
struct Whole<S>(Params<S>);

impl<S: Clone + PartialEq + Debug + Send + Sync> Merge<S> for Whole<S> {
    fn wanted(&self, _: Option<&Params<S>>, _: &mut Violations) -> Params<S> {
        self.0.clone()
    }

    fn recheck(&self, _: &Params<S>, _: &mut Violations) {}

    fn means(&self, _: &str) -> bool {
        true
    }

    fn is_kept(&self, _: &str, stored: &Params<S>, wanted: &Params<S>) -> bool {
        stored == wanted
    }
}

pub(super) fn whole<S>(params: Params<S>) -> Update<S>
where
    S: Clone + PartialEq + Debug + Send + Sync + 'static,
{
    Update {
        merge: Arc::new(Whole(params)),
        preconditions: Preconditions::default(),
    }
}

/// Created or replaced.
pub(super) fn applied<S>(params: Params<S>) -> Put<S>
where
    S: Clone + PartialEq + Debug + Send + Sync + 'static,
{
    Put::Update {
        update: whole(params),
        allow_missing: true,
    }
}
