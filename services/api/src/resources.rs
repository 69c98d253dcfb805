//! The API's nouns, one file each: how a noun is shown and read, its RPCs as a table, and what only it can be asked.

mod cluster;
mod endpoint;
mod event;
mod namespace;
mod node;
mod rpcs;
mod service;
mod service_cidr;
mod workload;
