//! wip
use std::sync::Arc;
/// wip
#[derive(Clone)]
pub struct MemStore(#[allow(dead_code)] Arc<()>);
