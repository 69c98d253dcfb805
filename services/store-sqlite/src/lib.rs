//! portolan-store-sqlite
