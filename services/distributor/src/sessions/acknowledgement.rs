//! What a node says it has applied, and what is new in it.

use tokio::time::Instant;

use portolan_model::view::ViewKey;
use portolan_model::{Rejection, Revision};

/// What a node says it has applied.
#[derive(Clone, Debug, Default)]
pub struct Acknowledgement {
    /// Tried up to here.
    pub attempted: Revision,
    /// Would remember up to here after a crash.
    pub durable: Revision,
    /// New rejections.
    pub rejected: Vec<Rejection>,
    /// Objects that are rejected no longer.
    pub cleared: Vec<ViewKey>,
    /// The lowest revision since which something is rejected that can't be listed.
    pub lost: Option<Revision>,
}

/// What a report added to what was known.
pub(crate) struct Progress {
    pub(crate) before: Revision,
    pub(crate) attempted: Revision,
    /// When the stream began.
    pub(crate) since: Instant,
    pub(crate) rejected: Vec<Rejection>,
}
