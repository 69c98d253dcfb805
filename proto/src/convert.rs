//! Between wire and domain. Outwards everything converts; inwards, violations are collected with the request's paths.

pub mod view;
