//! `describe`: one resource with what surrounds it.

use std::time::SystemTime;

use clap::Args;
use portolan_proto::v1::endpoint_origin::Origin;

use super::{Connection, Console, targets};
use crate::client::Client;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::object::Object;
use crate::output;

/// Show one resource with what surrounds it.
#[derive(Args)]
pub struct Describe {
    /// KIND NAME..., or KIND/NAME...; kinds: service, workload, node, namespace, servicecidr, cluster
    #[arg(required = true, value_name = "KIND NAME")]
    what: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Describe {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let mut first = true;
        for target in targets(&self.what)? {
            if target.names.is_empty() {
                let message = format!("say which {} to describe", target.kind.noun());
                return Err(Failure::Usage(message));
            }
            for name in &target.names {
                let text = self.describe(&client, target.kind, name).await?;
                let separator = if first { "" } else { "\n\n" };
                first = false;
                console
                    .out
                    .write_all(format!("{separator}{text}").as_bytes())?;
            }
        }
        Ok(())
    }

    async fn describe(&self, client: &Client, kind: Kind, name: &str) -> Result<String, Failure> {
        let path = self.connection.path(kind, name);
        let parent = self.connection.parent(Kind::Endpoint, false);
        let now = SystemTime::now().into();
        Ok(match client.get(kind, &path).await? {
            Object::Service(service) => {
                let endpoints = client.endpoints(&parent, name).await?;
                let events = client.events(path).await?;
                output::describe_service(&service, &endpoints, &events, now)
            }
            Object::Workload(workload) => {
                let mut endpoints = client.endpoints(&parent, "").await?;
                endpoints.retain(|endpoint| {
                    let origin = endpoint.origin.as_ref().and_then(|o| o.origin.as_ref());
                    matches!(origin, Some(Origin::Workload(workload)) if workload == name)
                });
                let events = client.events(path).await?;
                output::describe_workload(&workload, &endpoints, &events, now)
            }
            Object::Node(node) => {
                let events = client.events(path).await?;
                output::describe_node(&node, &events, now)
            }
            Object::Namespace(namespace) => {
                let events = client.events(path).await?;
                output::describe_namespace(&namespace, &events, now)
            }
            Object::ServiceCidr(range) => {
                let events = client.events(path).await?;
                output::describe_service_cidr(&range, &events, now)
            }
            Object::Cluster(cluster) => output::describe_cluster(&cluster),
            // What there is to say about it is all in its document.
            endpoint @ Object::Endpoint(_) => output::document(&endpoint).to_yaml(),
        })
    }
}
