//! Between wire and domain. Outwards everything converts; inwards, violations are collected with the request's paths.

pub mod cluster;
pub mod endpoint;
pub mod explain;
mod fields;
pub mod meta;
pub mod name;
pub mod namespace;
pub mod node;
pub mod service;
pub mod service_cidr;
pub mod view;
pub mod workload;
