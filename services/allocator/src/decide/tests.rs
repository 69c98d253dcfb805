//! What deciding promises, case by case.

mod allocation;
mod audits;
mod clusters;
mod endpoints;
mod limits;
mod ranges;
mod requests;
mod transitions;
mod world;
