//! The store in memory keeps every promise of the contract.

use portolan_store::MemStore;
use portolan_store::testing::Harness;

struct Memory(MemStore);

impl Harness for Memory {
    type Store = MemStore;
    const PERSISTENT: bool = false;

    async fn open(&self) -> MemStore {
        self.0.clone()
    }

    async fn restart(&mut self) -> MemStore {
        self.0 = MemStore::new();
        self.0.clone()
    }
}

async fn memory() -> Memory {
    Memory(MemStore::new())
}

portolan_store::conformance!(memory);
