//! `diff`: what `apply` would change, line by line.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use portolan_proto::v1;
use similar::TextDiff;
use tonic::Code;

use super::apply::stages;
use super::report::{Report, report};
use super::{Connection, Console, files};
use crate::client::Client;
use crate::failure::{Failure, refusal};
use crate::kind::Kind;
use crate::manifest::{Item, Manifest};
use crate::object::{self, Object};
use crate::output;

/// Show what applying manifests would change.
#[derive(Args)]
#[command(
    after_help = "Exit codes: 0 if nothing would change, 1 if something would, 2 if that can't be told."
)]
pub struct Diff {
    /// File, directory, or `-` for the standard input
    #[arg(short, long, required = true, value_name = "FILE")]
    filename: Vec<PathBuf>,
    #[command(flatten)]
    connection: Connection,
}

impl Diff {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let compared = self.compare(console).await;
        // 1 means a difference; trouble must be told from it.
        if compared.map_err(|failure| Failure::Trouble(Box::new(failure)))? {
            Err(Failure::Differs)
        } else {
            Ok(())
        }
    }

    /// True if something would change.
    async fn compare(&self, console: &mut Console<'_>) -> Result<bool, Failure> {
        let client = self.connection.client()?;
        let readings = files::read(&self.filename, &self.connection.scope());
        let Report {
            manifests,
            mut failed,
            ..
        } = report(readings, console)?;
        let mut differs = false;
        let mut to_come = BTreeSet::new();
        for manifest in stages(manifests).iter().flatten() {
            let now = present(&client, &manifest.item).await?;
            let put = match client.put(manifest.item.clone(), true).await {
                Ok(put) => put,
                // There is no namespace yet that a dry run could take place in: all of it is new.
                Err(status) if status.code() == Code::NotFound && is_in(&to_come, manifest) => {
                    differs = true;
                    let label = &manifest.label;
                    writeln!(console.err, "note: {label}: created with its namespace")?;
                    continue;
                }
                Err(status) => {
                    failed = true;
                    let server = &self.connection.server;
                    console.errors(&refusal(server, &status, Some(manifest)))?;
                    continue;
                }
            };
            if manifest.item.kind() == Kind::Namespace {
                to_come.insert(object::last(manifest.item.name()).to_owned());
            }
            console.warnings(&manifest.label, &put.warnings)?;
            let text = unified(manifest, &text(&now), &text(&put.objects));
            differs |= !text.is_empty();
            console.out.write_all(text.as_bytes())?;
        }
        if failed {
            Err(Failure::Reported)
        } else {
            Ok(differs)
        }
    }
}

fn is_in(namespaces: &BTreeSet<String>, manifest: &Manifest) -> bool {
    let namespace = manifest.item.namespace();
    namespace.is_some_and(|namespace| namespaces.contains(namespace))
}

/// What is there of that which a manifest is about.
async fn present(client: &Client, item: &Item) -> Result<Vec<Object>, Failure> {
    if let Item::Endpoints(request) = item {
        return written(client, request).await;
    }
    match client.get(item.kind(), item.name()).await {
        Ok(object) => Ok(vec![object]),
        Err(Failure::Server { status, .. }) if status.code() == Code::NotFound => Ok(Vec::new()),
        Err(failure) => Err(failure),
    }
}

/// The endpoints that a source gives a Service.
async fn written(
    client: &Client,
    request: &v1::ReplaceEndpointsRequest,
) -> Result<Vec<Object>, Failure> {
    let (parent, _) = request
        .service
        .rsplit_once("/services/")
        .unwrap_or_default();
    let listed = client
        .endpoints(parent, object::last(&request.service))
        .await?;
    let listed = listed.into_iter().filter(|endpoint| {
        let origin = endpoint.origin.as_ref().and_then(|o| o.origin.as_ref());
        matches!(origin, Some(v1::endpoint_origin::Origin::Source(source)) if *source == request.source)
    });
    Ok(listed.map(Object::Endpoint).collect())
}

fn text(objects: &[Object]) -> String {
    let objects: Vec<_> = objects.iter().collect();
    let documents = output::documents(&objects).into_iter();
    documents
        .map(|document| output::manifest(document).to_yaml())
        .collect()
}

/// Empty if they are the same.
fn unified(manifest: &Manifest, now: &str, then: &str) -> String {
    let label = match manifest.item.namespace() {
        Some(namespace) => format!("{namespace}/{}", manifest.label),
        None => manifest.label.clone(),
    };
    let diff = TextDiff::from_lines(now, then);
    let (now, then) = (format!("live/{label}"), format!("applied/{label}"));
    diff.unified_diff().header(&now, &then).to_string()
}
