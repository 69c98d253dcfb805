//! portolan-store-postgres
