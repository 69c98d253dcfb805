//! portolan-distributor
