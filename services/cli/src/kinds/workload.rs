//! Workload: what a selector matches.

pub(crate) mod describe;

use portolan_proto::v1;

use super::probe::Probed;
use crate::object;
use crate::output::conditions;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::shape::{Always, Plain, Word, message};
use crate::show::{Columns, Show, Surroundings};
use crate::words;

message! { v1::WorkloadSpec {
    readiness_probe: Probed("readinessProbe"),
    addresses: Plain("addresses"),
    node: Plain("node"),
    ports: Plain("ports"),
    hostname: Plain("hostname"),
    subdomain: Plain("subdomain"),
    draining: Plain("draining"),
    reported_ready: Plain("reportedReady"),
} shown "addresses node ports readinessProbe"; }

message! { v1::WorkloadPort {
    name: Plain("name"),
    port: Always("port"),
    protocol: Word("protocol", words::PROTOCOLS),
} }

impl Show for v1::Workload {
    const COLUMNS: Columns = Columns("NAME ADDRESSES NODE READY AGE", "PORTS");

    fn row(&self, _wide: bool, age: String) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        vec![
            object::last(&self.name).to_owned(),
            or_none(spec.addresses.join(",")),
            or_none(spec.node.as_str()),
            ready(self).to_owned(),
            age,
            or_none(ports(&spec)),
        ]
    }

    fn status(&self) -> Option<Document> {
        let status = self.status.as_ref()?;
        let status = Fields::new()
            .always("serving", status.serving)
            .field("probeGeneration", status.probe_generation)
            .field("conditions", conditions::documents(&status.conditions));
        Some(status.end())
    }

    fn describe(&self, around: &Surroundings) -> String {
        describe::workload(self, &around.endpoints, &around.events, around.now)
    }
}

/// The condition Ready; a server that does not send it still says whether the workload serves.
pub(crate) fn ready(workload: &v1::Workload) -> &'static str {
    let Some(status) = &workload.status else {
        return "Unknown";
    };
    match conditions::status_of(&status.conditions, "Ready") {
        "Unknown" if status.serving => "True",
        word => word,
    }
}

pub(crate) fn ports(spec: &v1::WorkloadSpec) -> String {
    let port = |port: &v1::WorkloadPort| {
        let protocol = words::protocol(port.protocol);
        format!("{}:{}/{protocol}", port.name, port.port)
    };
    spec.ports.iter().map(port).collect::<Vec<_>>().join(",")
}
