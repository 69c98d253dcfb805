//! What deciding promises, case by case.

mod allocation;
mod endpoints;
mod properties;
mod requests;
mod transitions;
mod world;
