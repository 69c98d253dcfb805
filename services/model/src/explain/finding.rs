//! What an answer is made of.

use std::fmt;

use crate::{Kind, Name};

/// Resources that a finding names; of more, the first ones.
const MOST_SUBJECTS: usize = 10;
/// Names that a sentence lists.
const MOST_NAMES: usize = 3;

/// How much a finding matters.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Ok,
    /// By intent, but it surprises many.
    Info,
    /// Some of the traffic fails, or soon will.
    Warning,
    /// It does not work.
    Error,
}

/// What users see.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Symptom {
    /// There is nothing behind the Service.
    EndpointsEmpty,
    /// NXDOMAIN.
    NameNotResolved,
    /// RST, or ICMP port unreachable.
    ConnectionRefused,
    /// It works now and then, or in some places.
    IntermittentFailures,
    /// A load balancer without an address.
    AddressPending,
    /// Backends see a node instead of the client.
    ClientAddressReplaced,
    /// Silence, depending on the node that one asks.
    NoAnswerOnSomeNodes,
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::EndpointsEmpty => "endpoints are empty",
            Self::NameNotResolved => "the name does not resolve",
            Self::ConnectionRefused => "connection refused",
            Self::IntermittentFailures => "intermittent failures",
            Self::AddressPending => "address pending",
            Self::ClientAddressReplaced => "client address replaced",
            Self::NoAnswerOnSomeNodes => "no answer on some nodes",
        })
    }
}

/// Something that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable word for programs.
    pub code: &'static str,
    /// What users see of it; `None`: nothing.
    pub symptom: Option<Symptom>,
    /// Why.
    pub cause: String,
    /// What to do; empty: nothing.
    pub remedy: String,
    /// Resource names below the cluster, such as `nodes/n1`.
    pub subjects: Vec<String>,
}

impl Finding {
    pub(super) fn ok(code: &'static str, cause: impl Into<String>) -> Self {
        Self {
            severity: Severity::Ok,
            code,
            symptom: None,
            cause: cause.into(),
            remedy: String::new(),
            subjects: Vec::new(),
        }
    }

    pub(super) fn new(
        severity: Severity,
        code: &'static str,
        symptom: impl Into<Option<Symptom>>,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            severity,
            symptom: symptom.into(),
            remedy: remedy.into(),
            ..Self::ok(code, cause)
        }
    }

    pub(super) fn about(mut self, subjects: impl IntoIterator<Item = String>) -> Self {
        self.subjects = subjects.into_iter().take(MOST_SUBJECTS).collect();
        self
    }
}

/// `n1, n2, n3 and 4 more`.
pub(super) fn list<T: fmt::Display>(names: &[T]) -> String {
    let shown: Vec<_> = names.iter().take(MOST_NAMES).map(T::to_string).collect();
    match names.len().saturating_sub(MOST_NAMES) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// `1 node`, `2 nodes`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// `1 of 2 nodes`.
pub(super) fn share(part: usize, total: usize, noun: &str) -> String {
    format!("{part} of {}", count(total, noun))
}

/// A resource of a namespace, such as `namespaces/default/workloads/web-1`.
pub(super) fn subject(namespace: &Name, kind: Kind, name: &Name) -> String {
    format!("namespaces/{namespace}/{}/{name}", kind.collection())
}

/// Nodes.
pub(super) fn nodes<'a>(names: impl IntoIterator<Item = &'a Name>) -> Vec<String> {
    let subjects = names.into_iter().map(|name| format!("nodes/{name}"));
    subjects.collect()
}
