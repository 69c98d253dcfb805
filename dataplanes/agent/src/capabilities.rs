//! What a dataplane can do, as its Hello says it.

use portolan_dataplane::Capabilities;
use portolan_proto::convert::view;
use portolan_proto::node::v1 as wire;

/// Every agent probes.
pub(crate) fn on_the_wire(can: &Capabilities) -> wire::Capabilities {
    wire::Capabilities {
        families: can
            .families
            .iter()
            .map(|f| view::family(*f).into())
            .collect(),
        protocols: can
            .protocols
            .iter()
            .map(|p| view::protocol(*p).into())
            .collect(),
        affinity: can.affinity,
        source_ranges: can.source_ranges,
        drop: can.drop,
        inside: can.inside,
        preserves_source: can.preserves_source,
        guard: can.guard,
        persistent: can.persistent,
        probes: true,
    }
}
