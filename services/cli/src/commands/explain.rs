//! `explain`: why a Service does not work, and where a flow goes.

mod destination;

use clap::Args;
use portolan_proto::v1;
use v1::{FindingSeverity, FlowVerdict};

use super::{Connection, Console, Form};
use crate::client::Client;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::output::explain as output;
use crate::target::Target;
use destination::Destination;

/// Say why a Service does not work, or where a flow goes.
#[derive(Args)]
#[command(
    override_usage = "portolan explain service NAME [--from NODE] [OPTIONS]\n       portolan explain flow HOST:PORT[/udp] --node NODE [--source ADDRESS] [OPTIONS]",
    after_help = "Of a flow, HOST is an address, or a Service by its name: `web`, `web.shop`.\n\nExit codes: 0 if nothing is worse than a warning; 1 if there is an error, or the flow is refused or dropped."
)]
pub struct Explain {
    /// `service NAME`, `service/NAME`, or `flow HOST:PORT[/udp]`
    #[arg(required = true, num_args = 1..=2, value_name = "WHAT")]
    what: Vec<String>,
    /// Of a Service: as it looks from this node alone
    #[arg(long, value_name = "NODE")]
    from: Option<String>,
    /// Of a flow: the node on which it arrives or begins
    #[arg(long, value_name = "NODE")]
    node: Option<String>,
    /// Of a flow: the client's address; left out, the node itself
    #[arg(long, value_name = "ADDRESS")]
    source: Option<String>,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "table")]
    output: Form,
    #[command(flatten)]
    connection: Connection,
}

impl Explain {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let is_wrong = match self.what.as_slice() {
            [word, destination] if word == "flow" => {
                self.flow(&client, destination, console).await?
            }
            [word] if word == "flow" => {
                return Err(usage("say where the flow goes: explain flow HOST:PORT"));
            }
            words => self.service(&client, words, console).await?,
        };
        if is_wrong {
            Err(Failure::Reported)
        } else {
            Ok(())
        }
    }

    /// True if there is an error.
    async fn service(
        &self,
        client: &Client,
        words: &[String],
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        if self.node.is_some() || self.source.is_some() {
            return Err(usage(
                "--node and --source are for flows; a Service is looked at --from a node",
            ));
        }
        let targets = Target::parse(words).map_err(Failure::Usage)?;
        let name = match targets.as_slice() {
            [target] if target.kind == Kind::Service && target.names.len() == 1 => &target.names[0],
            _ => {
                return Err(usage(
                    "one Service is explained, or a flow: explain service NAME, or explain flow HOST:PORT",
                ));
            }
        };
        let node = self.from.as_ref();
        let request = v1::ExplainServiceRequest {
            name: self.connection.path(Kind::Service, name),
            node: node.map_or_else(String::new, |n| self.connection.path(Kind::Node, n)),
            ..v1::ExplainServiceRequest::default()
        };
        let answer = client.explain_service(request).await?;
        let text = match self.output {
            Form::Table => output::service(&answer, self.from.as_deref()),
            form => form.write(&output::service_document(&answer)),
        };
        console.out.write_all(text.as_bytes())?;
        Ok(answer.severity() == FindingSeverity::Error)
    }

    /// True if the flow goes nowhere.
    async fn flow(
        &self,
        client: &Client,
        destination: &str,
        console: &mut Console<'_>,
    ) -> Result<bool, Failure> {
        let Some(node) = self.node.as_ref().filter(|_| self.from.is_none()) else {
            return Err(usage(
                "say on which node the flow arrives or begins: --node",
            ));
        };
        let destination = Destination::parse(destination).map_err(Failure::Usage)?;
        let address = destination.address(client, &self.connection).await?;
        let request = v1::ExplainFlowRequest {
            name: self.connection.path(Kind::Node, node),
            source_address: self.source.clone().unwrap_or_default(),
            destination_address: address.clone(),
            destination_port: destination.port.into(),
            protocol: destination.protocol.into(),
            min_revision: 0,
        };
        let answer = client.explain_flow(request.clone()).await?;
        let text = match self.output {
            Form::Table => output::flow(&request, &answer),
            form => form.write(&output::flow_document(&request, &answer)),
        };
        console.out.write_all(text.as_bytes())?;
        let is_lost = matches!(
            answer.verdict(),
            FlowVerdict::Rejected | FlowVerdict::Dropped
        );
        let findings = answer.findings.iter();
        let worst = findings.map(v1::Finding::severity).max();
        Ok(is_lost || worst == Some(FindingSeverity::Error))
    }
}

fn usage(text: &str) -> Failure {
    Failure::Usage(text.to_owned())
}
