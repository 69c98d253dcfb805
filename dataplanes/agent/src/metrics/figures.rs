//! What the figures of dataplanes mean, by the names that those give them.

use std::borrow::Cow;

/// Figures of the dataplanes that come with Portolan; a name means the same in each.
const KNOWN: &[(&str, &str)] = &[
    (
        "audits_total",
        "Comparisons of what is programmed with what should be",
    ),
    (
        "audits_put_off_total",
        "Audits that waited for changes to end",
    ),
    (
        "bisections_total",
        "Transactions that were split to find what the kernel refused",
    ),
    (
        "conntrack_deletes_total",
        "Flows that were ended, as their backend is no longer chosen",
    ),
    (
        "connect_failures_total",
        "Connections to a backend that failed",
    ),
    (
        "connect_retries_total",
        "Connections that the first backend refused and another one took",
    ),
    ("connections_active", "Connections that are open"),
    (
        "connections_idle_total",
        "Connections reset because nothing moved for too long",
    ),
    (
        "connections_reset_total",
        "Connections reset because no backend could be reached",
    ),
    ("connections_total", "Connections that clients opened"),
    (
        "connections_vanished_total",
        "Connections reset because one of their ends was gone without a word",
    ),
    (
        "draining_backends",
        "Backends that are only kept for their connections",
    ),
    (
        "drains_cut_total",
        "Backends removed while they still had connections",
    ),
    (
        "elements_repaired_total",
        "Elements of tables that an audit put right",
    ),
    ("frontends", "Addresses and ports that are programmed"),
    (
        "ipvs_repairs_total",
        "Virtual and real servers that an audit put right",
    ),
    (
        "ipvs_writes_total",
        "Virtual and real servers that were written",
    ),
    (
        "listings_total",
        "Readings of everything that the kernel holds",
    ),
    (
        "program_reloads_total",
        "Times that chains and rules were written anew",
    ),
    (
        "read_backs_total",
        "Elements that were read back after a write",
    ),
    ("transactions_total", "Transactions sent to the kernel"),
    (
        "udp_datagrams_dropped_total",
        "Datagrams that could not be passed on",
    ),
    (
        "udp_sessions_active",
        "Clients of UDP frontends that are remembered",
    ),
    (
        "udp_sessions_evicted_total",
        "UDP clients forgotten early, to make room for others",
    ),
    (
        "udp_sessions_total",
        "Clients of UDP frontends that were met",
    ),
];

/// The help of a figure. One that is not known here, of a dataplane of others, is told in the words of its name.
pub(super) fn help(name: &str) -> Cow<'static, str> {
    let known = KNOWN.iter().find(|(known, _)| *known == name);
    known.map_or_else(
        || {
            let words = name
                .strip_suffix("_total")
                .unwrap_or(name)
                .replace('_', " ");
            Cow::Owned(format!("As the dataplane counts it: {words}"))
        },
        |(_, help)| Cow::Borrowed(*help),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_figure_has_a_help_of_its_own() {
        let helps: std::collections::BTreeSet<_> = KNOWN.iter().map(|(_, help)| help).collect();
        assert_eq!(helps.len(), KNOWN.len());
        assert_eq!(help("frontends"), "Addresses and ports that are programmed");
        assert_eq!(
            help("cups_poured_total"),
            "As the dataplane counts it: cups poured"
        );
    }
}
