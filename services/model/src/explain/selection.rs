//! What stands behind a Service: the workloads that its selector matches, or what was written by hand.

use super::finding::{count, list, share, subject};
use super::{About, Finding, Severity, Symptom};
use crate::{Family, Grants, Kind, Name, Origin, Selector, ServiceType, Workload};

/// Workloads that are looked at for a near miss.
const MOST_WORKLOADS: usize = 10_000;

pub(super) fn findings(about: &About<'_>) -> Vec<Finding> {
    let spec = &about.service.spec;
    if spec.kind == ServiceType::ExternalName {
        return Vec::new();
    }
    let mut findings = vec![match (spec.has_selector(), about.endpoints.is_empty()) {
        (true, _) if about.workloads.is_empty() => nothing_matches(about),
        (true, true) => no_address(about),
        (true, false) => matched(about),
        (false, true) => Finding::new(
            Severity::Error,
            "NO_ENDPOINTS_WRITTEN",
            Symptom::EndpointsEmpty,
            "it has no selector, and no endpoints were written for it",
            "give it a selector, or write its endpoints by hand (kind Endpoints, EndpointSlice or Endpoint)",
        ),
        (false, false) => Finding::ok(
            "ENDPOINTS_WRITTEN",
            format!("it has no selector; {} by hand", written(about)),
        ),
    }];
    findings.extend(not_admitted(about));
    findings
}

fn written(about: &About<'_>) -> String {
    let number = about.endpoints.len();
    let was = if number == 1 { "was" } else { "were" };
    format!("{} {was} written", count(number, "endpoint"))
}

fn matched(about: &About<'_>) -> Finding {
    let number = about.workloads.len();
    let cause = format!(
        "the selector {} matches {}",
        pairs(about.service.spec.selector.iter()),
        count(number, "workload")
    );
    Finding::ok("WORKLOADS_MATCHED", cause).about(about.workloads.iter().map(|w| resource(w)))
}

fn nothing_matches(about: &About<'_>) -> Finding {
    let (namespace, selector) = (&about.service.namespace, &about.service.spec.selector);
    let nobody = format!(
        "no workload in namespace {namespace} has the labels {}",
        pairs(selector.iter())
    );
    let found = |cause: String, remedy: String| {
        Finding::new(
            Severity::Error,
            "NO_WORKLOAD_MATCHES",
            Symptom::EndpointsEmpty,
            cause,
            remedy,
        )
    };
    if let Some((workload, misses)) = nearest(about) {
        let (near, remedy) = near_miss(workload, &misses);
        return found(format!("{nobody}; {near}"), remedy).about([resource(workload)]);
    }
    if let Some((other, number)) = elsewhere(about) {
        let cause = format!(
            "{nobody}; {} in namespace {other} do, but a Service selects in its own namespace only",
            count(number, "workload")
        );
        return found(cause, format!("create the Service in namespace {other}"));
    }
    let is_empty = about
        .state
        .workloads_after(Some(namespace), None)
        .next()
        .is_none();
    if is_empty {
        let cause = format!("{nobody}: it has no workload at all");
        return found(cause, "create the workloads, with these labels".to_owned());
    }
    let remedy = "correct the selector, or label the workloads so";
    found(nobody, remedy.to_owned())
}

/// Cause and remedy where a workload lacks little.
fn near_miss(workload: &Workload, misses: &[Miss<'_>]) -> (String, String) {
    let name = &workload.meta.name;
    let is: Vec<_> = misses.iter().map(Miss::is).collect();
    let wanted = misses
        .iter()
        .map(|miss| format!("{}={}", miss.key, miss.wanted));
    let wanted = wanted.collect::<Vec<_>>().join(",");
    (
        format!(
            "the nearest is {name}, which lacks only {wanted}: {}",
            is.join(", ")
        ),
        format!("label workload {name} with {wanted}, or correct the selector"),
    )
}

/// A label that a workload lacks.
struct Miss<'a> {
    key: &'a str,
    wanted: &'a str,
    has: Option<&'a String>,
}

impl Miss<'_> {
    fn is(&self) -> String {
        match self.has {
            Some(value) => format!("its {} is {value:?}", self.key),
            None => format!("it has no label {}", self.key),
        }
    }
}

/// The workload with the fewest wrong labels, where it has at least the key of one, or another of the selector's labels.
fn nearest<'a>(about: &About<'a>) -> Option<(&'a Workload, Vec<Miss<'a>>)> {
    let selector = &about.service.spec.selector;
    about
        .state
        .workloads_after(Some(&about.service.namespace), None)
        .take(MOST_WORKLOADS)
        .map(|workload| (workload.as_ref(), misses(selector, workload)))
        .filter(|(_, misses)| {
            misses.len() < selector.len() || misses.iter().any(|m| m.has.is_some())
        })
        .min_by_key(|(_, misses)| {
            let absent = misses.iter().filter(|miss| miss.has.is_none()).count();
            (misses.len(), absent)
        })
}

fn misses<'a>(selector: &'a Selector, workload: &'a Workload) -> Vec<Miss<'a>> {
    let labels = &workload.meta.labels;
    let wrong = selector
        .iter()
        .filter(|(key, value)| labels.get(*key) != Some(*value));
    wrong
        .map(|(key, wanted)| Miss {
            key,
            wanted,
            has: labels.get(key),
        })
        .collect()
}

/// A namespace whose workloads the selector would match.
fn elsewhere<'a>(about: &About<'a>) -> Option<(&'a Name, usize)> {
    about.state.namespaces().find_map(|namespace| {
        let name = &namespace.meta.name;
        let matching = about
            .state
            .workloads_matching(name, &about.service.spec.selector);
        (!matching.is_empty()).then_some((name, matching.len()))
    })
}

fn no_address(about: &About<'_>) -> Finding {
    let families: Vec<_> = about
        .service
        .spec
        .families
        .iter()
        .map(Family::to_string)
        .collect();
    let names: Vec<_> = about.workloads.iter().map(|w| &w.meta.name).collect();
    let cause = format!(
        "the selector matches {} ({}), but none has an {} address",
        count(names.len(), "workload"),
        list(&names),
        families.join(" or ")
    );
    Finding::new(
        Severity::Error,
        "NO_WORKLOAD_ADDRESS",
        Symptom::EndpointsEmpty,
        cause,
        "give the workloads an address of that family, or ask for the other one in ipFamilies",
    )
    .about(about.workloads.iter().map(|w| resource(w)))
}

/// Endpoints that nodes are not told of: the ranges they may point into became narrower.
fn not_admitted(about: &About<'_>) -> Option<Finding> {
    let grants = Grants::of(about.state, &about.service.namespace)?;
    let out: Vec<_> = about
        .endpoints
        .iter()
        .filter_map(|e| Some((*e, grants.admit(e).err()?)))
        .collect();
    let (first, why) = out.first()?;
    let whose = match &first.origin {
        Origin::Workload { name, .. } => format!("workload {name}: "),
        Origin::Source(_) => String::new(),
    };
    let all = out.len() == about.endpoints.len();
    let cause = format!(
        "kept from the nodes: {}; {whose}{why}",
        share(out.len(), about.endpoints.len(), "endpoint"),
    );
    let finding = Finding::new(
        if all {
            Severity::Error
        } else {
            Severity::Warning
        },
        "ENDPOINT_NOT_ADMITTED",
        all.then_some(Symptom::ConnectionRefused),
        cause,
        "give them an address within the ranges and outside all ServiceCIDRs, widen the ranges of the cluster or the namespace, or delete the ServiceCIDR",
    );
    let subjects = out.iter().map(|(e, _)| match &e.origin {
        Origin::Workload { name, .. } => subject(&e.namespace, Kind::Workload, name),
        Origin::Source(_) => subject(&e.namespace, Kind::Endpoint, &e.name),
    });
    Some(finding.about(subjects))
}

fn resource(workload: &Workload) -> String {
    subject(&workload.namespace, Kind::Workload, &workload.meta.name)
}

fn pairs<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let pairs = labels.into_iter().map(|(k, v)| format!("{k}={v}"));
    pairs.collect::<Vec<_>>().join(",")
}
