//! How far nodes are with a Service.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{self, count, list, share};
use super::{About, Finding, Severity, Symptom};
use crate::{Name, Node, Rejection, Revision};

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    if !about.has_frontends() {
        return Vec::new();
    }
    if about.nodes.is_empty() {
        return vec![Finding::new(
            Severity::Error,
            "NO_NODES",
            Symptom::ConnectionRefused,
            "no node is registered, so nobody carries the Service",
            "start a plugin on every machine from which the Service is used",
        )];
    }
    let newest = newest(about);
    let rejections = rejections(about);
    let mut groups = Groups::default();
    for node in &about.nodes {
        groups.add(about, node, newest, &rejections);
    }
    let mut findings = Vec::new();
    findings.extend(groups.rejecting(about));
    findings.extend(groups.away(about));
    findings.extend(groups.behind(about, newest));
    if groups.carrying == about.nodes.len() {
        let cause = format!("{} it, as of revision {newest}", carry(groups.carrying));
        findings.push(Finding::ok("NODES_PROGRAMMED", cause));
    }
    findings
}

/// Nodes that carry the Service as it was last written.
pub(super) fn programmed(about: &About<'_>) -> usize {
    let (uid, revision) = (about.service.meta.uid, about.service.meta.revision);
    let rejecting: BTreeSet<_> = about
        .reports
        .rejections(uid)
        .map(|(node, _)| node)
        .collect();
    let carries = |node: &&&Node| {
        let report = about.reports.of(node.meta.uid);
        report.is_some_and(|r| r.attempted >= revision) && !rejecting.contains(&node.meta.name)
    };
    about.nodes.iter().filter(carries).count()
}

/// The revision that last wrote the Service or an endpoint of it.
fn newest(about: &About<'_>) -> Revision {
    let endpoints = about.endpoints.iter().map(|endpoint| endpoint.revision);
    endpoints
        .chain([about.service.meta.revision])
        .max()
        .unwrap_or_default()
}

fn carry(number: usize) -> String {
    let verb = if number == 1 { "carries" } else { "carry" };
    format!("{} {verb}", count(number, "node"))
}

/// Nodes by what is wrong with them.
#[derive(Default)]
struct Groups<'a> {
    carrying: usize,
    rejecting: Vec<(&'a Name, &'a Rejection)>,
    /// Nodes that have no stream, with the revision that they hold.
    away: Vec<(&'a Name, Option<Revision>)>,
    behind: Vec<(&'a Name, Revision)>,
}

impl<'a> Groups<'a> {
    fn add(
        &mut self,
        about: &About<'a>,
        node: &'a Node,
        newest: Revision,
        rejections: &BTreeMap<&'a Name, &'a Rejection>,
    ) {
        let name = &node.meta.name;
        let Some(report) = about.reports.of(node.meta.uid) else {
            self.away.push((name, None));
            return;
        };
        if let Some(rejection) = rejections.get(name) {
            self.rejecting.push((name, *rejection));
        } else if !report.connected {
            self.away.push((name, Some(report.attempted)));
        } else if report.attempted < newest {
            self.behind.push((name, report.attempted));
        } else {
            self.carrying += 1;
        }
    }

    fn rejecting(&self, about: &About<'_>) -> Option<Finding> {
        let (first, rejection) = self.rejecting.first()?;
        let names: Vec<_> = self.rejecting.iter().map(|(name, _)| *name).collect();
        let all = names.len() == about.nodes.len();
        let is_unsupported = rejection.code.is_lasting();
        let cause = format!(
            "{} can't carry it ({}); {first} says since revision {}: {}: {}",
            share(names.len(), about.nodes.len(), "node"),
            list(&names),
            rejection.since,
            rejection.code,
            rejection.message
        );
        let remedy = if is_unsupported {
            "ask for less, or run another dataplane on these nodes"
        } else {
            "mend on these nodes what they say; they try again by themselves"
        };
        let code = if is_unsupported {
            "UNSUPPORTED_BY_NODE"
        } else {
            "REJECTED_BY_NODE"
        };
        let (severity, symptom) = if all {
            (Severity::Error, Symptom::ConnectionRefused)
        } else {
            (Severity::Warning, Symptom::IntermittentFailures)
        };
        let finding = Finding::new(severity, code, symptom, cause, remedy);
        Some(finding.about(finding::nodes(names)))
    }

    fn away(&self, about: &About<'_>) -> Option<Finding> {
        let (first, held) = self.away.first()?;
        let names: Vec<_> = self.away.iter().map(|(name, _)| *name).collect();
        let state = match held {
            Some(held) => format!("{first} keeps what it held at revision {held}"),
            None => format!("{first} was never there"),
        };
        let cause = format!(
            "not connected, so learning nothing new: {} ({}); {state}",
            share(names.len(), about.nodes.len(), "node"),
            list(&names)
        );
        let never = self.away.iter().all(|(_, held)| held.is_none());
        let all = names.len() == about.nodes.len();
        let remedy = "start the plugin there, and look at its log; or delete nodes that are gone";
        let (severity, symptom) = if all && never {
            (Severity::Error, Symptom::ConnectionRefused)
        } else {
            (Severity::Warning, Symptom::IntermittentFailures)
        };
        let finding = Finding::new(severity, "NODE_NOT_CONNECTED", symptom, cause, remedy);
        Some(finding.about(finding::nodes(names)))
    }

    fn behind(&self, about: &About<'_>, newest: Revision) -> Option<Finding> {
        let (first, at) = self.behind.iter().min_by_key(|(_, at)| *at)?;
        let names: Vec<_> = self.behind.iter().map(|(name, _)| *name).collect();
        let cause = format!(
            "lagging behind: {} ({}); {first} is at revision {at}, the Service at {newest}",
            share(names.len(), about.nodes.len(), "node"),
            list(&names)
        );
        let finding = Finding::new(
            Severity::Warning,
            "NODE_LAGS",
            Symptom::IntermittentFailures,
            cause,
            "ask again in a moment; if they stay behind, look at the load and the log of their plugins",
        );
        Some(finding.about(finding::nodes(names)))
    }
}

/// Who can't carry the Service, or an endpoint of it, and why.
fn rejections<'a>(about: &About<'a>) -> BTreeMap<&'a Name, &'a Rejection> {
    let endpoints = about.endpoints.iter().map(|endpoint| endpoint.uid);
    let mut rejections = BTreeMap::new();
    for uid in [about.service.meta.uid].into_iter().chain(endpoints) {
        for (node, rejection) in about.reports.rejections(uid) {
            rejections.entry(node).or_insert(rejection);
        }
    }
    rejections
}
