//! Manifests: from files of Kubernetes' YAML to requests of the API.
//!
//! ```text
//!  text --tree--> located nodes --document--> a reader by kind --> Manifest { item, source } | Ignored | Refused
//! ```
//!
//! Nothing here talks to a server, and nothing is checked that the server checks: shapes and types only.

mod answer;
mod cluster;
mod document;
mod endpoints;
mod foreign;
#[cfg(test)]
mod fuzz;
mod item;
pub(crate) mod merge;
mod metadata;
mod namespace;
mod pod;
pub(crate) mod read;
mod readers;
mod resource;
pub(crate) mod tree;

use std::fmt;
use std::sync::Arc;

use crate::kind::{Home, Kind};
pub(crate) use document::{read, read_node};
pub(crate) use item::Item;
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

    /// The scope of a kind's documents: `--namespace` says nothing about kinds that live in none.
    fn of(&self, kind: Kind) -> Self {
        let namespace = self.namespace.clone();
        Self {
            namespace: namespace.filter(|_| kind.is_namespaced()),
            ..self.clone()
        }
    }

    pub(crate) fn namespace_path(&self, namespace: &str) -> String {
        format!("clusters/{}/namespaces/{namespace}", self.cluster)
    }

    /// What resources of a kind are listed below.
    pub(crate) fn parent(&self, kind: Kind, namespace: &str) -> String {
        if kind.is_namespaced() {
            self.namespace_path(namespace)
        } else {
            self.cluster_path()
        }
    }

    /// The path of one resource; `namespace` counts for kinds that live in one.
    pub(crate) fn path(&self, kind: Kind, namespace: &str, name: &str) -> String {
        let collection = kind.row().collection;
        match kind.row().home {
            Home::Server => format!("{collection}/{name}"),
            Home::Cluster | Home::Namespace => {
                format!("{}/{collection}/{name}", self.parent(kind, namespace))
            }
        }
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
    /// There is no document in a file.
    Empty(String),
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
    /// Of endpoints: where each of them stands in the document, such as `subsets[0].addresses[1]`.
    pub(crate) places: Vec<String>,
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
    pub(crate) fn new(file: &str, node: Node) -> Self {
        Self {
            file: file.into(),
            node: Arc::new(node),
            prefix: String::new(),
        }
    }

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
