//! `delete`: by name, or everything that manifests describe.

use std::path::PathBuf;

use clap::Args;
use portolan_proto::v1;
use tonic::{Code, Status};

use super::report::{Report, report};
use super::{Connection, Console, files, targets};
use crate::client::{Client, DeleteOptions};
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::Item;
use crate::object::last;

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
        let mut deletion = Deletion {
            delete: self,
            client: self.connection.client()?,
            console,
            failed: false,
        };
        if self.filename.is_empty() {
            deletion.named().await?;
        } else {
            deletion.described().await?;
        }
        if deletion.failed {
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
}

/// One deletion of resources.
struct Deletion<'a, 'c> {
    delete: &'a Delete,
    client: Client,
    console: &'a mut Console<'c>,
    failed: bool,
}

impl Deletion<'_, '_> {
    async fn named(&mut self) -> Result<(), Failure> {
        for target in targets(&self.delete.what)? {
            if target.names.is_empty() {
                let message = format!("say which {} to delete", target.kind.noun());
                return Err(Failure::Usage(message));
            }
            for name in &target.names {
                let path = self.delete.connection.path(target.kind, name);
                self.one(target.kind, path).await?;
            }
        }
        Ok(())
    }

    /// Against the order of `apply`: first what needs others.
    async fn described(&mut self) -> Result<(), Failure> {
        let readings = files::read(&self.delete.filename, &self.delete.connection.scope());
        let Report {
            mut manifests,
            failed,
            ..
        } = report(readings, self.console)?;
        self.failed = failed;
        manifests.sort_by_key(|manifest| std::cmp::Reverse(manifest.item.stage()));
        for manifest in manifests {
            let path = manifest.item.name().to_owned();
            match manifest.item {
                Item::Endpoints(request) => self.withdraw(request, &manifest.label).await?,
                item => self.one(item.kind(), path).await?,
            }
        }
        Ok(())
    }

    async fn one(&mut self, kind: Kind, path: String) -> Result<(), Failure> {
        let label = format!("{} {:?}", kind.noun(), last(&path));
        let options = self.delete.options();
        let deleted = self.client.delete(kind, path, options).await;
        self.outcome(&label, deleted)
    }

    /// A source that gives a Service no endpoints is as good as gone.
    async fn withdraw(
        &mut self,
        request: v1::ReplaceEndpointsRequest,
        label: &str,
    ) -> Result<(), Failure> {
        let request = v1::ReplaceEndpointsRequest {
            endpoints: Vec::new(),
            ..request
        };
        let put = self.client.put(Item::Endpoints(request), false).await;
        self.outcome(label, put.map(|_| ()))
    }

    /// Prints what became of a resource.
    fn outcome(&mut self, label: &str, deleted: Result<(), Status>) -> Result<(), Failure> {
        match deleted {
            Ok(()) => writeln!(self.console.out, "{label} deleted")?,
            Err(status) if status.code() == Code::NotFound && self.delete.ignore_not_found => {}
            Err(status) if is_unreachable(&status) => return Err(self.client.failure(status)),
            Err(status) => {
                self.failed = true;
                for line in refusal(&self.delete.connection.server, &status, None) {
                    writeln!(self.console.err, "error: {label}: {line}")?;
                }
            }
        }
        Ok(())
    }
}
