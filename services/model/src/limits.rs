//! How much of anything a peer may send: one table, for the rules, for their messages and for people, who read it as
//! `proto/LIMITS.md`.

use std::fmt::Write;

/// A limit, for people.
pub struct Limit {
    /// What is limited.
    pub of: &'static str,
    /// The most there may be.
    pub most: usize,
    /// What is counted.
    pub unit: &'static str,
}

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident = $most:expr, $unit:literal: $of:literal;)*) => {
        $($(#[$doc])* pub const $name: usize = $most;)*

        /// Every limit.
        pub const ALL: &[Limit] = &[$(Limit { of: $of, most: $name, unit: $unit },)*];
    };
}

limits! {
    /// A whole resource: every node that is told of it, and every client that lists it, can take in several.
    OBJECT = 256 * 1024, "octets": "a resource as it is stored: labels, annotations and specification as JSON";
    /// A request; what gRPC libraries take in unless told otherwise.
    REQUEST = 4 * 1024 * 1024, "octets": "a request, and a message of a node's stream";
    /// A page of a list; half of what gRPC libraries take in unless told otherwise.
    PAGE_OCTETS = 2 * 1024 * 1024, "octets": "a page of a list, unless one resource alone is larger";
    /// A page of a list.
    PAGE = 1000, "resources": "a page of a list";
    /// Keys and values together.
    LABELS = 16 * 1024, "octets": "labels of a resource, or a selector: keys and values together";
    /// Keys and values together, as in Kubernetes.
    ANNOTATIONS = 256 * 1024, "octets": "annotations of a resource: keys and values together";
    /// RFC 1035.
    NAME = 253, "octets": "a name; of a label of it, of a zone and of a host name 63";
    /// As many as people can still read.
    PORTS = 250, "ports": "ports of a Service, or of a workload";
    /// Ports of one endpoint.
    ENDPOINT_PORTS = 100, "ports": "ports of a hand-written endpoint";
    /// Endpoints of one source.
    ENDPOINTS = 1000, "endpoints": "hand-written endpoints of one source";
    /// Resources of one request.
    BATCH = 1000, "resources": "resources of a batch";
    /// As many as fit into a rule set that people can still read; Kubernetes' providers take some tens.
    SOURCE_RANGES = 1000, "ranges": "`load_balancer_source_ranges` of a Service";
    /// Ranges of a cluster or a namespace.
    RANGES = 64, "ranges": "each list of ranges of a cluster or a namespace";
    /// Addresses of a node.
    NODE_ADDRESSES = 64, "addresses": "each list of addresses of a node";
    /// The path of a probe.
    PROBE_PATH = 2048, "octets": "the path of an HTTP probe";
    /// Headers of a probe.
    PROBE_HEADERS = 32, "headers": "headers of an HTTP probe";
    /// A header of a probe.
    PROBE_HEADER = 1024, "octets": "the name or the value of a header of an HTTP probe";
    /// A filter.
    FILTER = 2048, "octets": "a filter or an order of a list";
    /// Paths of a mask.
    MASK = 256, "paths": "an `update_mask`; each of its paths has at most 512 octets";
    /// Items of a report.
    HEALTH_ITEMS = 10_000, "workloads": "a health report of a node";
}

/// The page that people read.
pub fn page() -> String {
    let mut page = String::from(
        "# Limits\n\nWhat is larger is refused on its field, after an update was merged into what is there. \
         `services/model/src/limits.rs` has the table.\n\n| what | at most |\n|---|---|\n",
    );
    for Limit { of, most, unit } in ALL {
        let _ = writeln!(page, "| {of} | {most} {unit} |");
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_shows_the_table() {
        let shown = include_str!("../../../proto/LIMITS.md");
        assert_eq!(shown, page(), "proto/LIMITS.md should be:\n{}", page());
    }
}
