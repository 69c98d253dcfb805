//! portolan-userspace
