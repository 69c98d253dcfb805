//! Manifests: from files of Kubernetes' YAML to requests of the API.
//!
//! ```text
//!  text --tree--> located nodes --document--> one reader a kind --> Manifest { item, source } | Ignored | Refused
//! ```
//!
//! Nothing here talks to a server, and nothing is checked that the server checks: shapes and types only.

mod document;
mod endpoints;
mod metadata;
mod namespace;
mod pod;
mod probe;
mod read;
mod service;
pub(crate) mod tree;
mod workload;

use std::fmt;
use std::sync::Arc;

use portolan_proto::v1;

pub(crate) use document::read;
use read::Problem;
use tree::{Node, Position};

/// Where names without a path live.
#[derive(Clone, Debug)]
pub(crate) struct Scope {
    pub(crate) cluster: String,
    /// As asked for on the command line; `None` means `default`, and manifests may name any.
    pub(crate) namespace: Option<String>,
}

impl Scope {
    pub(crate) fn cluster_path(&self) -> String {
        format!("clusters/{}", self.cluster)
    }

    pub(crate) fn namespace_path(&self, namespace: &str) -> String {
        format!("clusters/{}/namespaces/{namespace}", self.cluster)
    }
}

/// What became of one document.
#[derive(Debug)]
pub(crate) enum Reading {
    /// To be applied.
    Manifest(Box<Manifest>),
    /// Deliberately not used; the line says why.
    Ignored(String),
    /// Wrong; one line a problem.
    Refused(Vec<String>),
}

/// A document that can be applied.
#[derive(Debug)]
pub(crate) struct Manifest {
    pub(crate) source: Source,
    /// `service/web`: how the document is called in what is printed.
    pub(crate) label: String,
    pub(crate) item: Item,
    /// What was read differently than one may expect.
    pub(crate) notes: Vec<String>,
}

/// What a manifest asks for. Names are complete; the order is the order of application.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Item {
    Namespace(v1::Namespace),
    Service(v1::Service),
    Workload(v1::Workload),
    Endpoints(v1::ReplaceEndpointsRequest),
}

impl Item {
    /// The resource that is written.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Namespace(namespace) => &namespace.name,
            Self::Service(service) => &service.name,
            Self::Workload(workload) => &workload.name,
            Self::Endpoints(request) => &request.service,
        }
    }

    /// The namespace it is written to, if it lives in one.
    pub(crate) fn namespace(&self) -> Option<&str> {
        match self {
            Self::Namespace(_) => None,
            _ => self.name().split('/').nth(3),
        }
    }

    /// What comes later may need what comes earlier.
    pub(crate) fn stage(&self) -> u8 {
        match self {
            Self::Namespace(_) => 0,
            Self::Service(_) => 1,
            Self::Workload(_) => 2,
            Self::Endpoints(_) => 3,
        }
    }
}

/// Where a document came from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) file: Arc<str>,
    pub(crate) node: Arc<Node>,
    /// `items[3]` for an item of a List.
    prefix: String,
}

impl Source {
    /// The document itself; within a List, that item of it.
    pub(crate) fn document(&self) -> Option<&Node> {
        self.node.find(&self.prefix)
    }

    /// `FILE:LINE:COLUMN` of a field of the document, or of the nearest thing around it.
    pub(crate) fn locate(&self, path: &str) -> String {
        let path = format!("{}.{path}", self.prefix);
        self.line(self.node.walk(&path).0.at)
    }

    fn line(&self, at: Position) -> String {
        format!("{}:{at}", self.file)
    }

    fn problem(&self, problem: &Problem) -> String {
        let at = self.line(problem.at);
        match problem.path.as_str() {
            "" => format!("{at}: {}", problem.message),
            path => format!("{at}: {path}: {}", problem.message),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)
    }
}
