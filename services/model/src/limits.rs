//! What is bounded, and how far: one table for the rules, for their messages, and for the reference page that is made of
//! it (`proto/LIMITS.md`). Whatever a peer can send has a row, or is a text that a row of the same meaning bounds.

use crate::{FieldPath, Violations};

/// A bound.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    /// What it is called here.
    pub name: &'static str,
    /// What it bounds.
    pub what: &'static str,
    /// What is counted.
    pub unit: &'static str,
    /// The most that is allowed.
    pub value: usize,
    /// Why it is no more.
    pub reason: &'static str,
}

impl Limit {
    /// Whether this much is allowed; if not, the field is told what was sent and what may be.
    pub fn check(&self, field: impl FieldPath, sent: usize, violations: &mut Violations) -> bool {
        if sent > self.value {
            violations.add(field, self.exceeded(sent));
        }
        sent <= self.value
    }

    /// What is said of too much.
    pub fn exceeded(&self, sent: usize) -> String {
        format!("{sent} {}; at most {} are allowed", self.unit, self.value)
    }
}

/// A row is a constant: what it bounds, its value, what is counted, and why.
macro_rules! limits {
    ($($(#[doc = $what:literal])+ $name:ident = $value:expr, $unit:literal, $reason:literal;)*) => {
        $(
            $(#[doc = $what])+
            pub const $name: Limit = Limit {
                name: stringify!($name),
                what: concat!($($what),+),
                unit: $unit,
                value: $value,
                reason: $reason,
            };
        )*

        /// Every bound, in the order of the reference page.
        pub const ALL: &[Limit] = &[$($name),*];
    };
}

limits! {
    /// A message that a client or a node sends.
    MESSAGE = 4 << 20, "octets", "what libraries of gRPC take unless they are told otherwise";
    /// The labels, annotations and specification of one object, whatever mask brought them together.
    OBJECT = 256 << 10, "octets", "it is kept in memory, in the log, and in the answers to every list and watch";
    /// One object as the stream of nodes carries it.
    VIEW = 1 << 20, "octets", "a message has to fit what a client takes by default (4 MiB), together with what is beside it";
    /// The answer to a list: the page ends before it, and `next_page_token` goes on.
    PAGE = 2 << 20, "octets", "half of what a client takes by default (4 MiB); of one object, all is shown";
    /// The resources of a page.
    PAGE_SIZE = 1_000, "resources", "a page is made in a few milliseconds";
    /// Services of one `BatchCreateServices` or `BatchGetServices`.
    BATCH = 1_000, "entries", "a batch is one transaction";
    /// Rows that one operation may write.
    ROWS = 20_000, "rows", "everybody else's writes wait meanwhile";

    /// A name: of a cluster, a namespace or a Service it is one label, of all else a subdomain.
    NAME = 253, "octets", "what DNS allows";
    /// One label of a name.
    LABEL = 63, "octets", "what DNS allows";
    /// The name of a Service's port.
    PORT_NAME = 62, "octets", "DNS shows it as a label with an underscore in front";
    /// The name of a workload's port, and of a target port.
    TARGET_PORT_NAME = 15, "octets", "what IANA allows (RFC 6335)";
    /// The labels of an object, or a selector: keys and values together.
    LABELS = 16 << 10, "octets in all", "every one is an entry in an index";
    /// The value of a label, and the name in its key behind the prefix.
    LABEL_VALUE = 63, "octets", "what Kubernetes allows";
    /// The annotations of an object: keys and values together.
    ANNOTATIONS = 256 << 10, "octets in all", "what Kubernetes allows; the bound of the whole object holds besides";

    /// The ports of a Service.
    SERVICE_PORTS = 250, "ports", "each is up to four frontends on every node";
    /// The ranges of `load_balancer_source_ranges`.
    SOURCE_RANGES = 1_000, "ranges", "every packet to the Service is compared with them";
    /// The addresses of a Service, or of a workload: one a family.
    ADDRESSES = 2, "addresses", "there are two families";
    /// The families of a Service or of a cluster.
    FAMILIES = 2, "families", "there are two families";
    /// The endpoints that one source gives a Service.
    ENDPOINTS = 1_000, "endpoints", "they are replaced in one transaction; another source may give as many";
    /// The ports of a hand-written endpoint.
    ENDPOINT_PORTS = 100, "ports", "a thousand endpoints with all of them are one transaction";
    /// The source of hand-written endpoints.
    SOURCE = 253, "octets", "it is part of their names";
    /// The ports of a workload.
    WORKLOAD_PORTS = 250, "ports", "as many as a Service may have";
    /// The path of an HTTP probe.
    PROBE_PATH = 2 << 10, "octets", "every node of the cluster is told of it, and servers take hardly more";
    /// The host of an HTTP probe, and the service of a gRPC probe.
    PROBE_NAME = 253, "octets", "the longest name in DNS";
    /// The headers of an HTTP probe.
    PROBE_HEADERS = 32, "headers", "every node of the cluster is told of them";
    /// The name of a header of an HTTP probe.
    HEADER_NAME = 256, "octets", "servers take hardly more";
    /// The value of a header of an HTTP probe.
    HEADER_VALUE = 4 << 10, "octets", "servers take hardly more than 8 KiB of all headers";
    /// A number of seconds in a probe, or for which a client keeps its backend: a day.
    SECONDS = 86_400, "seconds", "longer waits are typing errors";
    /// The zone of a node or an endpoint, and the name of a dataplane.
    ZONE = 63, "octets", "as long as a label, which it is on Kubernetes' nodes";
    /// The addresses of a node, and its addresses for node ports.
    NODE_ADDRESSES = 64, "addresses", "every node port is a frontend at each of them";
    /// The ranges of one kind that a cluster or a namespace names.
    RANGES = 64, "ranges", "each is compared with every endpoint that is written";

    /// A filter.
    FILTER = 2 << 10, "octets", "it is looked at for every resource";
    /// How deep a filter may be nested.
    FILTER_DEPTH = 32, "levels", "it is read by a function that calls itself";
    /// An order.
    ORDER_BY = 256, "octets", "all columns that there are take less";
    /// The token of a page.
    PAGE_TOKEN = 8 << 10, "octets", "the longest that a list gives is shorter";
    /// The paths of a mask.
    MASK_PATHS = 256, "paths", "more than there are fields";
    /// One path of a mask.
    MASK_PATH = 512, "octets", "the longest key of a label, with what is in front of it";
    /// An etag.
    ETAG = 128, "octets", "those that are given out are shorter";
    /// Violations that a refusal lists.
    VIOLATIONS = 50, "violations", "enough to work on, and an answer's trailers have little room";
    /// Discrepancies that an audit lists.
    DISCREPANCIES = 1_000, "discrepancies", "enough to work on; all are counted";

    /// Workloads of one `HealthReport`.
    HEALTH_ITEMS = 10_000, "items", "a node with more sends several";
    /// What a probe says of itself.
    PROBE_REASON = 256, "characters", "it is stored with the workload; more is cut";
    /// Objects of one node that are listed as rejected.
    REJECTIONS = 1_000, "objects", "they are stored with the node; of more, only since when is kept";
    /// The message of a rejection.
    REJECTION_MESSAGE = 512, "characters", "it is stored with the node; more is cut";
    /// The code of a rejection.
    REJECTION_CODE = 64, "octets", "it is one word";
    /// Events of one cluster.
    EVENTS = 10_000, "events", "the oldest go";

    /// Changes that the log in memory keeps.
    TAIL_CHANGES = 20_000, "changes", "nodes and watches that are no further behind go on without starting over";
    /// What the changes in memory take.
    TAIL = 64 << 20, "octets", "each cluster has one";
    /// Frames that are kept for nodes which are behind.
    RING = 64 << 20, "octets", "each cluster has one";
}

/// The table, as a page of Markdown.
pub fn page() -> String {
    let mut page = String::from(PREFACE);
    for limit in ALL {
        let Limit {
            what,
            unit,
            value,
            reason,
            ..
        } = limit;
        let row = format!(
            "| {} | {} {unit} | {reason} |\n",
            what.trim(),
            grouped(*value)
        );
        page.push_str(&row);
    }
    page
}

const PREFACE: &str = "\
# Limits

Made from `services/model/src/limits.rs`, which the rules use themselves; `UPDATE_LIMITS=1 cargo test -p portolan-model limits`
writes it anew. An octet is a byte of UTF-8. More than is allowed is refused with INVALID_ARGUMENT on its field, unless the row
says otherwise; a message that is too large as a whole is answered with RESOURCE_EXHAUSTED. What is stored counts after a mask
was merged. An object that is larger than that, from before there was the limit, may be written if it does not grow; if the
stream of nodes can't carry it, it is listed as rejected by every node.

| what | at most | why |
|---|---|---|
";

/// With a comma between thousands.
fn grouped(value: usize) -> String {
    let digits = value.to_string();
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_page_shows_every_limit() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../proto/LIMITS.md");
        if std::env::var_os("UPDATE_LIMITS").is_some() {
            std::fs::write(path, page()).unwrap();
        }
        let written = std::fs::read_to_string(path).unwrap_or_default();
        assert!(
            written == page(),
            "{path} is out of date: UPDATE_LIMITS=1 cargo test -p portolan-model limits"
        );
    }

    #[test]
    fn a_refusal_names_the_limit_and_what_was_sent() {
        for (sent, said) in [
            (LABELS.value, None),
            (
                LABELS.value + 1,
                Some("16385 octets in all; at most 16384 are allowed"),
            ),
        ] {
            let mut violations = Violations::new();
            assert_eq!(
                LABELS.check("labels", sent, &mut violations),
                said.is_none()
            );
            let said: Vec<_> = said.into_iter().collect();
            let found: Vec<_> = violations.iter().map(|v| v.description.as_str()).collect();
            assert_eq!(found, said);
        }
    }
}
