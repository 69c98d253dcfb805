//! portolan-allocator
