//! A plugin's life in the kernel, as `ipvsadm`, counters and clients see it. Needs root and a kernel with IPVS, without the
//! scheduler `lc`: tests/vm/run.

mod cost;
mod node;
mod traffic;
mod upkeep;
