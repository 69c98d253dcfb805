//! Node ports as a pool: one range for the cluster.

use std::borrow::Cow;

use portolan_model::alloc::{Occupancy, Pick, pick_port};
use portolan_model::{Claimed, PortRange, Reason, State};

use super::super::draft::Draft;
use super::pool::{Counts, Pool, Words};

/// The cluster's node ports.
pub(in super::super) struct PortPool(pub(in super::super) PortRange);

impl Pool for PortPool {
    type Item = u16;

    const WORDS: Words = Words {
        in_use: Reason::NodePortInUse,
        quarantined: Reason::NodePortQuarantined,
        exhausted: Reason::NodePortExhausted,
        another: "another one",
    };

    fn claimed(port: u16) -> Claimed {
        Claimed::Port(port)
    }

    fn occupied(state: &State) -> &Occupancy {
        state.occupied_ports()
    }

    fn avoided(draft: &Draft) -> Cow<'_, Occupancy> {
        draft.occupied_ports()
    }

    fn quarantined(state: &State) -> impl Iterator<Item = u16> {
        state.quarantined_ports().map(|claim| claim.port)
    }

    fn contains(&self, port: u16) -> bool {
        self.0.contains(port)
    }

    fn capacity(&self) -> u64 {
        self.0.size().into()
    }

    fn count(&self, occupied: &Occupancy) -> u64 {
        occupied.count(false, self.0.first.into(), self.0.last.into())
    }

    fn search(&self, occupied: &Occupancy, seed: u128) -> Pick<u16> {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is the seed")]
        pick_port(self.0, occupied, seed as u64)
    }

    fn subject(&self) -> String {
        self.0.to_string()
    }

    fn explain_outside(&self, _: &State, port: u16) -> String {
        format!(
            "{port} lies outside the cluster's node ports ({}); ask for one of these, or leave it out",
            self.0
        )
    }

    fn explain_full(&self, counts: &Counts) -> String {
        format!(
            "no node port is free in {}: {counts}; delete Services, or use type ClusterIP",
            self.0
        )
    }
}
