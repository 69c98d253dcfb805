//! Namespace, with what may be in it.

mod describe;

use portolan_proto::v1;

use crate::object;
use crate::output::yaml::{Document, Fields};
use crate::shape::{Plain, UnlessEmpty, Value, message};
use crate::show::{Columns, Show, Surroundings, head};

message! { v1::NamespaceSpec {
    quota: UnlessEmpty("quota"),
    endpoint_ranges: Plain("endpointRanges"),
} }

message! { v1::NamespaceQuota {
    services: Plain("services"),
    node_ports: Plain("nodePorts"),
    load_balancers: Plain("loadBalancers"),
    endpoints: Plain("endpoints"),
} }

impl Show for v1::Namespace {
    const COLUMNS: Columns = Columns("NAME STATUS AGE", "");

    fn row(&self, _wide: bool, age: String) -> Vec<String> {
        vec![
            object::last(&self.name).to_owned(),
            state(self).to_owned(),
            age,
        ]
    }

    fn status(&self) -> Option<Document> {
        let usage = self.status?.usage.unwrap_or_default();
        let usage = Fields::new()
            .always("services", usage.services)
            .always("nodePorts", usage.node_ports)
            .always("loadBalancers", usage.load_balancers)
            .always("endpoints", usage.endpoints);
        Some(Fields::new().always("usage", usage.end()).end())
    }

    /// A specification without limits says no more than none.
    fn document(&self) -> Document {
        let spec = self.spec.clone().unwrap_or_default();
        head(self)
            .field("spec", spec.document())
            .optional("status", self.status())
            .end()
    }

    fn describe(&self, around: &Surroundings) -> String {
        describe::namespace(self, &around.events, around.now)
    }
}

pub(crate) fn state(namespace: &v1::Namespace) -> &'static str {
    match namespace.delete_time {
        Some(_) => "Terminating",
        None => "Active",
    }
}
