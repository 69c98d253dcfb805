//! portolan-tests
