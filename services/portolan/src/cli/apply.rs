//! `apply`: what manifests describe is made so.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;

use clap::Args;
use futures_util::{StreamExt, stream};
use portolan_proto::v1;
use tonic::{Code, Status};

use super::{Connection, Console, files};
use crate::client::{Client, Put};
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::{Item, Manifest, Reading};

/// Requests on their way at once: enough to hide the round trip, too few to crowd out others.
const IN_FLIGHT: usize = 16;

/// Create or change what manifests describe.
#[derive(Args)]
pub(crate) struct Apply {
    /// File, directory, or `-` for the standard input
    #[arg(short, long, required = true, value_name = "FILE")]
    filename: Vec<PathBuf>,
    /// Create namespaces that do not exist
    #[arg(long)]
    create_namespace: bool,
    /// Leave out cluster IPs and node ports, so that new ones are allocated (for manifests of another cluster)
    #[arg(long)]
    reallocate: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Apply {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let readings = files::read(&self.filename, &self.connection.scope());
        let (mut manifests, mut failed) = report(readings, console)?;
        if self.reallocate {
            for manifest in &mut manifests {
                reallocate(&mut manifest.item);
            }
        }
        for stage in stages(manifests) {
            if self.create_namespace {
                failed |= self.create_namespaces(&client, &stage, console).await?;
            }
            let puts = stage
                .iter()
                .map(async |manifest| (manifest, client.put(manifest.item.clone()).await));
            let mut puts = stream::iter(puts).buffered(IN_FLIGHT);
            while let Some((manifest, put)) = puts.next().await {
                failed |= self.outcome(&client, manifest, put, console)?;
            }
        }
        if failed {
            Err(Failure::Reported)
        } else {
            Ok(())
        }
    }

    /// Prints what became of a manifest; true if it failed.
    fn outcome(
        &self,
        client: &Client,
        manifest: &Manifest,
        put: Result<Put, Status>,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        match put {
            Ok(put) => {
                writeln!(console.out, "{} {}", manifest.label, put.outcome)?;
                for warning in put.warnings {
                    writeln!(console.err, "warning: {}: {warning}", manifest.label)?;
                }
                Ok(false)
            }
            Err(status) if is_unreachable(&status) => Err(client.failure(status)),
            Err(status) => {
                for line in refusal(&self.connection.server, &status, Some(manifest)) {
                    writeln!(console.err, "error: {line}")?;
                }
                Ok(true)
            }
        }
    }

    /// Creates the namespaces that the manifests need and that are not there; true if one could not be created.
    async fn create_namespaces(
        &self,
        client: &Client,
        manifests: &[Manifest],
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        let needed: BTreeSet<_> = manifests
            .iter()
            .filter_map(|m| m.item.namespace())
            .collect();
        let mut failed = false;
        for namespace in needed {
            let path = self.connection.scope().namespace_path(namespace);
            match client.get(Kind::Namespace, &path).await {
                Err(Failure::Server { status, .. }) if status.code() == Code::NotFound => {}
                Err(Failure::Server { status, .. }) if is_unreachable(&status) => {
                    return Err(client.failure(*status));
                }
                // Whatever else is wrong with it, the refusals of its manifests will say.
                Ok(_) | Err(_) => continue,
            }
            let created = client.put(Item::Namespace(v1::Namespace {
                name: path,
                ..v1::Namespace::default()
            }));
            match created.await {
                Ok(put) => writeln!(console.out, "namespace/{namespace} {}", put.outcome)?,
                Err(status) => {
                    failed = true;
                    for line in refusal(&self.connection.server, &status, None) {
                        writeln!(console.err, "error: namespace/{namespace}: {line}")?;
                    }
                }
            }
        }
        Ok(failed)
    }
}

/// Prints what can't or need not be applied; keeps the rest. True if something was refused.
pub(super) fn report(
    readings: Vec<Reading>,
    console: &mut Console<'_>,
) -> Result<(Vec<Manifest>, bool), Failure> {
    let (mut manifests, mut failed) = (Vec::new(), false);
    if readings.is_empty() {
        writeln!(console.err, "error: there is no document in it")?;
        failed = true;
    }
    for reading in readings {
        match reading {
            Reading::Manifest(manifest) => {
                for note in &manifest.notes {
                    writeln!(console.err, "note: {}: {note}", manifest.label)?;
                }
                manifests.push(*manifest);
            }
            Reading::Ignored(line) => writeln!(console.out, "{line}")?,
            Reading::Refused(lines) => {
                failed = true;
                for line in lines {
                    writeln!(console.err, "error: {line}")?;
                }
            }
        }
    }
    Ok((manifests, failed))
}

/// What may be sent together: first what others need; and of two manifests for one resource, or that ask for one
/// address or node port, one after the other, so that the first has it.
fn stages(manifests: Vec<Manifest>) -> Vec<Vec<Manifest>> {
    let mut rounds: HashMap<String, usize> = HashMap::new();
    let mut order: Vec<((u8, usize), Manifest)> = Vec::new();
    for manifest in manifests {
        let keys = contested(&manifest.item);
        let round = keys.iter().filter_map(|key| rounds.get(key)).max();
        let round = round.copied().unwrap_or_default();
        rounds.extend(keys.into_iter().map(|key| (key, round + 1)));
        order.push(((manifest.item.stage(), round), manifest));
    }
    order.sort_by_key(|(key, _)| *key);
    let mut stages: Vec<((u8, usize), Vec<Manifest>)> = Vec::new();
    for (key, manifest) in order {
        match stages.last_mut() {
            Some((last, stage)) if *last == key => stage.push(manifest),
            _ => stages.push((key, vec![manifest])),
        }
    }
    stages.into_iter().map(|(_, stage)| stage).collect()
}

/// What only one manifest at a time can write or have.
fn contested(item: &Item) -> Vec<String> {
    let name = item.name();
    match item {
        Item::Endpoints(request) => vec![format!("endpoints of {name} from {}", request.source)],
        Item::Service(v1::Service {
            spec: Some(spec), ..
        }) => {
            let addresses = spec.cluster_ips.iter().filter(|ip| *ip != "None");
            let ports = spec.ports.iter().map(|port| port.node_port);
            let ports = ports.filter(|port| *port != 0);
            [name.to_owned()]
                .into_iter()
                .chain(addresses.map(|ip| format!("address {ip}")))
                .chain(ports.map(|port| format!("node port {port}")))
                .collect()
        }
        _ => vec![name.to_owned()],
    }
}

/// Forgets what another cluster allocated; `None` is no address, but says headless.
fn reallocate(item: &mut Item) {
    let Item::Service(v1::Service {
        spec: Some(spec), ..
    }) = item
    else {
        return;
    };
    spec.cluster_ips.retain(|ip| ip == "None");
    spec.health_check_node_port = 0;
    for port in &mut spec.ports {
        port.node_port = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Scope, read};

    #[test]
    fn who_comes_first_has_what_two_ask_for() {
        let service = |name: &str, spec: &str| {
            format!(
                "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, spec: {{{spec}}}}}\n"
            )
        };
        let port = "type: NodePort, ports: [{port: 80, nodePort: 31080}]";
        let text = [
            service("a", port),
            service("b", "clusterIP: 10.96.0.1"),
            service("c", port),
            service(
                "d",
                "clusterIP: 10.96.0.1, type: NodePort, ports: [{port: 80, nodePort: 31080}]",
            ),
            service("e", "clusterIP: None"),
            service("f", "clusterIP: None"),
        ];
        let scope = Scope {
            cluster: "default".into(),
            namespace: None,
        };
        let manifest = |reading| match reading {
            Reading::Manifest(manifest) => *manifest,
            other => panic!("{other:?}"),
        };
        let readings = read("a.yaml", &text.concat(), &scope);
        let stages = stages(readings.into_iter().map(manifest).collect());
        let labels: Vec<Vec<_>> = stages
            .iter()
            .map(|stage| {
                stage
                    .iter()
                    .map(|manifest| manifest.label.as_str())
                    .collect()
            })
            .collect();
        assert_eq!(
            labels,
            [
                vec!["service/a", "service/b", "service/e", "service/f"],
                vec!["service/c"],
                vec!["service/d"],
            ]
        );
    }
}
