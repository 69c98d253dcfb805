//! wip
pub mod node_sync;
