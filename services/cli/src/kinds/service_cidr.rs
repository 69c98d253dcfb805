//! `ServiceCIDR`: a range that `ClusterIPs` come from.

use portolan_proto::v1;

use super::cluster::describe::usage as describe_usage;
use crate::object;
use crate::output::conditions;
use crate::output::lines::Lines;
use crate::output::table::or_none;
use crate::output::yaml::{Document, Fields};
use crate::shape::{Plain, message};
use crate::show::{Columns, Show, Surroundings};

message! { v1::ServiceCidrSpec {
    cidrs: Plain("cidrs"),
} }

impl Show for v1::ServiceCidr {
    const COLUMNS: Columns = Columns("NAME CIDRS USED CAPACITY STATE AGE", "");

    fn row(&self, _wide: bool, age: String) -> Vec<String> {
        let cidrs = self.spec.clone().unwrap_or_default().cidrs;
        let status = self.status.clone().unwrap_or_default();
        let usage = status.usage.iter();
        let (used, capacity): (Vec<_>, Vec<_>) = usage
            .map(|usage| (usage.used.to_string(), usage.capacity.to_string()))
            .unzip();
        vec![
            object::last(&self.name).to_owned(),
            or_none(cidrs.join(",")),
            or_none(used.join(",")),
            or_none(capacity.join(",")),
            or_none(state(&status)),
            age,
        ]
    }

    fn status(&self) -> Option<Document> {
        let status = self.status.as_ref()?;
        let usage = |usage: &v1::RangeUsage| {
            Fields::new()
                .field("range", usage.range.as_str())
                .always("used", usage.used)
                .always("capacity", usage.capacity)
                .end()
        };
        let status = Fields::new()
            .field("usage", status.usage.iter().map(usage).collect::<Vec<_>>())
            .field("conditions", conditions::documents(&status.conditions))
            .field("state", state(status));
        Some(status.end())
    }

    fn describe(&self, around: &Surroundings) -> String {
        let status = self.status.clone().unwrap_or_default();
        let cidrs = self.spec.clone().unwrap_or_default().cidrs;
        let mut lines = Lines::about(self);
        lines.field("CIDRs", or_none(cidrs.join(",")));
        lines.field("State", or_none(state(&status)));
        describe_usage(&mut lines, "Usage", &status.usage);
        lines.conditions(&status.conditions);
        lines.events(&around.events, around.now);
        lines.end()
    }
}

/// Whether addresses are allocated from it.
fn state(status: &v1::ServiceCidrStatus) -> &'static str {
    match status.state() {
        v1::ServiceCidrState::Ready => "Ready",
        v1::ServiceCidrState::Draining => "Draining",
        v1::ServiceCidrState::Unspecified => "",
    }
}
