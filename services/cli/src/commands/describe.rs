//! `describe`: one resource with what surrounds it.

use std::time::SystemTime;

use clap::Args;
use portolan_proto::v1;
use v1::endpoint_origin::Origin;

use super::{Connection, Console, targets};
use crate::client::Client;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::kinds::DESCRIBE;
use crate::output::{self, Surroundings};

/// Show one resource with what surrounds it.
#[derive(Args)]
pub struct Describe {
    #[arg(help = DESCRIBE, required = true, value_name = "KIND NAME")]
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
        let now = SystemTime::now().into();
        let object = client.get(kind, &path).await?;
        let around = Surroundings {
            endpoints: self.endpoints(client, kind, name).await?,
            events: match kind {
                // What happened in a cluster is too much to list here, and nothing happens to an endpoint.
                Kind::Cluster | Kind::Endpoint => Vec::new(),
                _ => client.events(path).await?,
            },
            now,
        };
        Ok(output::describe(&object, &around))
    }

    /// The endpoints behind a Service, or those that a workload makes.
    async fn endpoints(
        &self,
        client: &Client,
        kind: Kind,
        name: &str,
    ) -> Result<Vec<v1::Endpoint>, Failure> {
        let parent = self.connection.parent(Kind::Endpoint, false);
        match kind {
            Kind::Service => client.endpoints(&parent, name).await,
            Kind::Workload => {
                let mut endpoints = client.endpoints(&parent, "").await?;
                endpoints.retain(|endpoint| {
                    let origin = endpoint.origin.as_ref().and_then(|o| o.origin.as_ref());
                    matches!(origin, Some(Origin::Workload(workload)) if workload == name)
                });
                Ok(endpoints)
            }
            _ => Ok(Vec::new()),
        }
    }
}
