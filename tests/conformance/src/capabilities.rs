//! What a plugin says that it can do.

use portolan_dataplane::Capabilities;
use portolan_proto::convert::view;
use portolan_proto::node::v1 as wire;

use crate::{Broken, Rule};

/// What a plugin declares.
#[derive(Clone, Debug)]
pub(crate) struct Declared {
    /// As dataplanes declare it.
    pub(crate) can: Capabilities,
    /// It probes workloads.
    pub(crate) probes: bool,
}

impl Declared {
    /// From the Hello that declares it.
    pub(crate) fn of(hello: &wire::Hello) -> Result<Self, Broken> {
        let broken = |why: &str| Broken::new(Rule::HelloCapabilities, why);
        let description = hello.description.as_ref();
        let declared = description
            .and_then(|description| description.capabilities.as_ref())
            .ok_or_else(|| broken("description.capabilities is missing"))?;
        let families: Result<_, _> = declared.families().map(view::from_family).collect();
        let protocols: Result<_, _> = declared.protocols().map(view::from_protocol).collect();
        let can = Capabilities {
            kind: "foreign",
            families: families.map_err(|error| broken(&error.to_string()))?,
            protocols: protocols.map_err(|error| broken(&error.to_string()))?,
            affinity: declared.affinity,
            source_ranges: declared.source_ranges,
            drop: declared.drop,
            inside: declared.inside,
            preserves_source: declared.preserves_source,
            guard: declared.guard,
            persistent: declared.persistent,
        };
        if can.families.is_empty() || can.protocols.is_empty() {
            return Err(broken("no family or no protocol is declared"));
        }
        Ok(Self {
            can,
            probes: declared.probes,
        })
    }
}
