//! portolan-subscriber
