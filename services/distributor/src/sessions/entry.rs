//! How a node comes in: what it says of itself, and why it may have to stay out.

use portolan_model::{Name, NodeSpec, Uid};

/// What a node says of itself when its stream begins.
#[derive(Clone, Debug)]
pub struct NodeHello {
    /// Its name.
    pub node: Name,
    /// Its identity.
    pub uid: Uid,
    /// The session it chose.
    pub session: u64,
    /// How it describes itself.
    pub described: NodeSpec,
}

/// Which session of which node.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct SessionId {
    /// The node.
    pub uid: Uid,
    /// The session that it chose.
    pub number: u64,
}

/// Why a node can't come in.
#[derive(Copy, Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAdmitted {
    /// It has an open stream of this or a newer session.
    #[error(
        "session {open} of this node is open; a stream of an older or equal session is refused"
    )]
    Superseded {
        /// The session that is open.
        open: u64,
    },
    /// Its earlier streams have not ended yet.
    #[error("earlier streams of this node have not ended yet; try again a little later")]
    TooMany,
}
