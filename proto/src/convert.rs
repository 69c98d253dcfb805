//! Between wire and domain. Outwards everything converts; inwards, violations are collected with the request's paths.

pub mod cluster;
pub mod endpoint;
mod fields;
pub mod meta;
pub mod name;
pub mod node;
pub mod service;
pub mod view;
pub mod workload;
