//! Which server a command talks to, and about what part of it.

use clap::Args;

use crate::client::Client;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::manifest::Scope;

/// Where the server is, and what part of it is meant.
#[derive(Args, Clone)]
pub(crate) struct Connection {
    /// URL of the server
    #[arg(
        long,
        env = "PORTOLAN_SERVER",
        default_value = "http://127.0.0.1:7420",
        value_name = "URL"
    )]
    pub(super) server: String,
    /// Cluster
    #[arg(long, default_value = "default")]
    pub(super) cluster: String,
    /// Namespace; `default` unless a manifest names another
    #[arg(short, long)]
    pub(super) namespace: Option<String>,
}

impl Connection {
    pub(super) fn client(&self) -> Result<Client, Failure> {
        Client::new(&self.server)
    }

    pub(super) fn scope(&self) -> Scope {
        Scope {
            cluster: self.cluster.clone(),
            namespace: self.namespace.clone(),
        }
    }

    pub(super) fn namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }

    /// What resources of a kind are listed below; `-` means every namespace.
    pub(super) fn parent(&self, kind: Kind, all_namespaces: bool) -> String {
        let namespace = if all_namespaces {
            "-"
        } else {
            self.namespace()
        };
        self.scope().parent(kind, namespace)
    }

    /// The path of one resource.
    pub(super) fn path(&self, kind: Kind, name: &str) -> String {
        self.scope().path(kind, self.namespace(), name)
    }
}
