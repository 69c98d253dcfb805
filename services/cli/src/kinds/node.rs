//! Node: a machine that carries Services.

mod describe;

use portolan_proto::v1;

use crate::object;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::output::{age, conditions};
use crate::shape::{Plain, message};
use crate::show::{Columns, Show, Surroundings};

message! { v1::NodeSpec {
    addresses: Plain("addresses"),
    zone: Plain("zone"),
    node_port_addresses: Plain("nodePortAddresses"),
    dataplane: Plain("dataplane"),
} }

impl Show for v1::Node {
    const COLUMNS: Columns = Columns(
        "NAME STATUS DATAPLANE ADDRESSES ZONE REVISION AGE",
        "DURABLE REJECTED",
    );

    fn row(&self, _wide: bool, age: String) -> Vec<String> {
        let spec = self.spec.clone().unwrap_or_default();
        let status = self.status.clone().unwrap_or_default();
        vec![
            object::last(&self.name).to_owned(),
            connected(&status).to_owned(),
            or_none(spec.dataplane),
            or_none(spec.addresses.join(",")),
            or_none(spec.zone),
            status.attempted_revision.to_string(),
            age,
            status.durable_revision.to_string(),
            status.rejected.len().to_string(),
        ]
    }

    fn status(&self) -> Option<Document> {
        let status = self.status.as_ref()?;
        let contact = status.last_contact_time.as_ref();
        let rejected = status.rejected.iter().map(rejection);
        let status = Fields::new()
            .always("connected", status.connected)
            .field("session", status.session)
            .field("attemptedRevision", status.attempted_revision)
            .field("durableRevision", status.durable_revision)
            .field("rejected", rejected.collect::<Vec<_>>())
            .optional("lastContactTime", contact.map(age::rfc3339))
            .field("conditions", conditions::documents(&status.conditions));
        Some(status.end())
    }

    fn describe(&self, around: &Surroundings) -> String {
        describe::node(self, &around.events, around.now)
    }
}

fn rejection(rejection: &v1::Rejection) -> Document {
    Fields::new()
        .field("object", rejection.object.as_str())
        .field("sinceRevision", rejection.since_revision)
        .field("code", rejection.code.as_str())
        .field("message", rejection.message.as_str())
        .end()
}

pub(crate) fn connected(status: &v1::NodeStatus) -> &'static str {
    match (status.connected, status.rejected.is_empty()) {
        (true, true) => "Connected",
        (true, false) => "Connected,Rejecting",
        (false, _) => "NotConnected",
    }
}
