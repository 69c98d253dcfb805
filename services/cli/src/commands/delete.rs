//! `delete`: by name, or everything that manifests describe.

use std::path::PathBuf;

use clap::Args;
use portolan_proto::v1;
use tonic::{Code, Status};

use super::report::report;
use super::{Connection, Console, files, targets};
use crate::client::{Client, DeleteOptions};
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::Item;

/// Delete resources.
#[derive(Args)]
pub struct Delete {
    /// KIND NAME..., or KIND/NAME...
    #[arg(
        required_unless_present = "filename",
        conflicts_with = "filename",
        value_name = "KIND NAME"
    )]
    what: Vec<String>,
    /// Delete what is described in a file, a directory, or `-` for the standard input
    #[arg(short, long, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Of a namespace or a cluster: delete what is in it, too
    #[arg(long)]
    force: bool,
    /// Of a ServiceCIDR: allocate nothing more from it, and remove it once it is not in use
    #[arg(long)]
    drain: bool,
    /// Succeed if there is nothing to delete
    #[arg(long)]
    ignore_not_found: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Delete {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let failed = if self.filename.is_empty() {
            self.named(&client, console).await?
        } else {
            self.described(&client, console).await?
        };
        if failed {
            Err(Failure::Reported)
        } else {
            Ok(())
        }
    }

    fn options(&self) -> DeleteOptions {
        DeleteOptions {
            force: self.force,
            drain: self.drain,
            ..DeleteOptions::default()
        }
    }

    async fn named(&self, client: &Client, console: &mut Console<'_>) -> Result<bool, Failure> {
        let mut failed = false;
        for target in targets(&self.what)? {
            if target.names.is_empty() {
                let message = format!("say which {} to delete", target.kind.noun());
                return Err(Failure::Usage(message));
            }
            for name in &target.names {
                let path = self.connection.path(target.kind, name);
                failed |= self.one(client, target.kind, path, console).await?;
            }
        }
        Ok(failed)
    }

    /// Against the order of `apply`: first what needs others.
    async fn described(&self, client: &Client, console: &mut Console<'_>) -> Result<bool, Failure> {
        let readings = files::read(&self.filename, &self.connection.scope());
        let (mut manifests, mut failed) = report(readings, console)?;
        manifests.sort_by_key(|manifest| std::cmp::Reverse(manifest.item.stage()));
        for manifest in manifests {
            let path = manifest.item.name().to_owned();
            failed |= match manifest.item {
                Item::Endpoints(request) => {
                    self.withdraw(client, request, &manifest.label, console)
                        .await?
                }
                item => self.one(client, item.kind(), path, console).await?,
            };
        }
        Ok(failed)
    }

    /// Deletes one resource; true if that failed.
    async fn one(
        &self,
        client: &Client,
        kind: Kind,
        path: String,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        let name = crate::object::last(&path).to_owned();
        let label = format!("{} {name:?}", kind.noun());
        let deleted = client.delete(kind, path, self.options()).await;
        self.done(client, &label, deleted, console)
    }

    /// A source that gives a Service no endpoints is as good as gone.
    async fn withdraw(
        &self,
        client: &Client,
        request: v1::ReplaceEndpointsRequest,
        label: &str,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        let request = v1::ReplaceEndpointsRequest {
            endpoints: Vec::new(),
            ..request
        };
        let put = client.put(Item::Endpoints(request), false).await;
        self.done(client, label, put.map(|_| ()), console)
    }

    /// Prints what became of it; true if it failed.
    fn done(
        &self,
        client: &Client,
        label: &str,
        deleted: Result<(), Status>,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        match deleted {
            Ok(()) => {
                writeln!(console.out, "{label} deleted")?;
                Ok(false)
            }
            Err(status) if status.code() == Code::NotFound && self.ignore_not_found => Ok(false),
            Err(status) if is_unreachable(&status) => Err(client.failure(status)),
            Err(status) => {
                for line in refusal(&self.connection.server, &status, None) {
                    writeln!(console.err, "error: {label}: {line}")?;
                }
                Ok(true)
            }
        }
    }
}
