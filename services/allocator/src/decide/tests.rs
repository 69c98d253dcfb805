//! What deciding promises, case by case.

mod allocation;
mod audits;
mod bounds;
mod clusters;
mod endpoints;
mod limits;
mod ranges;
mod reapplied;
mod requests;
mod shared;
mod transitions;
mod world;
