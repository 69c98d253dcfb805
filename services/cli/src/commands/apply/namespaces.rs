//! `--create-namespace`: namespaces that manifests need and that are not there.

use std::collections::BTreeSet;

use portolan_proto::v1;
use tonic::Code;

use super::Application;
use crate::commands::Console;
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::{Item, Manifest};

impl Application<'_> {
    /// Creates the namespaces that the manifests need and that are not there.
    pub(super) async fn create_namespaces(
        &mut self,
        manifests: &[Manifest],
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let needed = manifests.iter().filter_map(|m| m.item.namespace());
        let needed: BTreeSet<_> = needed
            .filter(|name| !self.to_come.contains(*name))
            .collect();
        for namespace in needed {
            let path = self.apply.connection.scope().namespace_path(namespace);
            match self.client.get(Kind::Namespace, &path).await {
                Err(Failure::Server { status, .. }) if status.code() == Code::NotFound => {}
                Err(Failure::Server { status, .. }) if is_unreachable(&status) => {
                    return Err(self.client.failure(*status));
                }
                // Whatever else is wrong with it, the refusals of its manifests will say.
                Ok(_) | Err(_) => continue,
            }
            let dry_run = self.apply.is_dry_run();
            match self.client.put(bare_namespace(path), dry_run).await {
                Ok(put) => {
                    let suffix = self.apply.suffix();
                    writeln!(console.out, "namespace/{namespace} {}{suffix}", put.outcome)?;
                    if dry_run {
                        self.to_come.insert(namespace.to_owned());
                    }
                }
                Err(status) => {
                    self.failed = true;
                    for line in refusal(&self.apply.connection.server, &status, None) {
                        writeln!(console.err, "error: namespace/{namespace}: {line}")?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// A namespace of which nothing is said but that it is there.
fn bare_namespace(name: String) -> Item {
    Item::Namespace(v1::UpdateNamespaceRequest {
        namespace: Some(v1::Namespace {
            name,
            ..v1::Namespace::default()
        }),
        allow_missing: true,
        ..v1::UpdateNamespaceRequest::default()
    })
}
