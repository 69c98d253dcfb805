//! `apply`: what manifests describe is made so.

mod namespaces;
mod prune;
mod stages;

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use futures_util::{StreamExt, stream};
use tonic::{Code, Status};

use super::report::{Report, report};
use super::{Connection, Console, DryRun, files};
use crate::client::{Client, Put};
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::Manifest;
use crate::object::last;
use crate::selector::Selector;
use stages::reallocate;
pub(super) use stages::stages;

/// Requests on their way at once: enough to hide the round trip, too few to crowd out others.
const IN_FLIGHT: usize = 16;

/// Create or change what manifests describe.
#[derive(Args)]
pub struct Apply {
    /// File, directory, or `-` for the standard input
    #[arg(short, long, required = true, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Create namespaces that do not exist
    #[arg(long)]
    create_namespace: bool,
    /// Leave out cluster IPs and node ports, so that new ones are allocated (for manifests of another cluster)
    #[arg(long)]
    reallocate: bool,
    /// Have the server check everything, and change nothing
    #[arg(long, value_enum, value_name = "WHERE")]
    dry_run: Option<DryRun>,
    /// Afterwards delete what --selector matches and no manifest describes: of the kinds, and in the namespaces, that
    /// the manifests name
    #[arg(long, requires = "selector")]
    prune: bool,
    /// Labels of what --prune may delete: `app=shop,tier!=test`
    #[arg(short = 'l', long, value_name = "SELECTOR", requires = "prune")]
    selector: Option<Selector>,
    #[command(flatten)]
    connection: Connection,
}

impl Apply {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let readings = files::read(&self.filename, &self.connection.scope());
        let Report {
            mut manifests,
            failed,
            ignored,
        } = report(readings, console)?;
        if self.reallocate {
            for manifest in &mut manifests {
                reallocate(&mut manifest.item);
            }
        }
        let mut application = Application {
            apply: self,
            client: self.connection.client()?,
            failed,
            to_come: BTreeSet::new(),
        };
        let described = prune::Described::of(&manifests);
        for stage in stages(manifests) {
            application.stage(&stage, console).await?;
        }
        if let Some(selector) = self.selector.as_ref().filter(|_| self.prune) {
            application
                .prune(&described, selector, ignored, console)
                .await?;
        }
        if application.failed {
            Err(Failure::Reported)
        } else {
            Ok(())
        }
    }

    fn is_dry_run(&self) -> bool {
        self.dry_run.is_some()
    }

    /// What follows the verb in a line.
    fn suffix(&self) -> &'static str {
        if self.is_dry_run() {
            " (server dry run)"
        } else {
            ""
        }
    }
}

/// One application of manifests.
struct Application<'a> {
    apply: &'a Apply,
    client: Client,
    failed: bool,
    /// Namespaces that a dry run would create.
    to_come: BTreeSet<String>,
}

impl Application<'_> {
    async fn stage(
        &mut self,
        manifests: &[Manifest],
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        if self.apply.create_namespace {
            self.create_namespaces(manifests, console).await?;
        }
        let (client, dry_run) = (self.client.clone(), self.apply.is_dry_run());
        let puts = manifests.iter().map(async |manifest| {
            let put = client.put(manifest.item.clone(), dry_run).await;
            (manifest, put)
        });
        let mut puts = stream::iter(puts).buffered(IN_FLIGHT);
        while let Some((manifest, put)) = puts.next().await {
            self.outcome(manifest, put, console)?;
        }
        Ok(())
    }

    /// Prints what became of a manifest.
    fn outcome(
        &mut self,
        manifest: &Manifest,
        put: Result<Put, Status>,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let (label, suffix) = (&manifest.label, self.apply.suffix());
        match put {
            Ok(put) => {
                if self.apply.is_dry_run() && manifest.item.kind() == Kind::Namespace {
                    self.to_come.insert(last(manifest.item.name()).to_owned());
                }
                writeln!(console.out, "{label} {}{suffix}", put.outcome)?;
                console.warnings(label, &put.warnings)?;
            }
            Err(status) if is_unreachable(&status) => return Err(self.client.failure(status)),
            // A dry run leaves no namespace that anything else could be tried in.
            Err(status) if status.code() == Code::NotFound && self.is_to_come(manifest) => {
                writeln!(
                    console.out,
                    "{label} not checked: its namespace does not exist yet{suffix}"
                )?;
            }
            Err(status) => {
                self.failed = true;
                let server = &self.apply.connection.server;
                console.errors(&refusal(server, &status, Some(manifest)))?;
            }
        }
        Ok(())
    }

    fn is_to_come(&self, manifest: &Manifest) -> bool {
        let namespace = manifest.item.namespace();
        namespace.is_some_and(|namespace| self.to_come.contains(namespace))
    }
}
