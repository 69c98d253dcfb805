//! `events`: what happened, the newest last.

use std::time::SystemTime;

use clap::Args;

use super::{Connection, Console, Format, targets};
use crate::failure::Failure;
use crate::kind::Kind;
use crate::output;

/// Show what happened.
#[derive(Args)]
pub struct Events {
    /// KIND NAME, or KIND/NAME: only what happened to it
    #[arg(value_name = "KIND NAME")]
    what: Vec<String>,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// Of the whole cluster
    #[arg(short = 'A', long, conflicts_with_all = ["namespace", "what"])]
    all_namespaces: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Events {
    /// The command that shows all events of a namespace, or of the cluster.
    pub(super) fn all(output: Format, all_namespaces: bool, connection: Connection) -> Self {
        Self {
            what: Vec::new(),
            output,
            all_namespaces,
            connection,
        }
    }

    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let events = client.events(self.parent()?).await?;
        let text = match self.output {
            Format::Table | Format::Wide if events.is_empty() => {
                writeln!(console.err, "No events found")?;
                return Ok(());
            }
            Format::Table | Format::Wide => {
                let now = SystemTime::now().into();
                let table = output::events::table(&events, self.all_namespaces, now);
                table.render(&mut Vec::new(), true)
            }
            Format::Name => events
                .iter()
                .map(|e| output::events::name(e) + "\n")
                .collect(),
            format => {
                let documents = events.iter().map(output::events::document).collect();
                let list = output::list(documents);
                match format {
                    Format::Json => list.to_json(),
                    _ => list.to_yaml(),
                }
            }
        };
        Ok(console.out.write_all(text.as_bytes())?)
    }

    fn parent(&self) -> Result<String, Failure> {
        if self.what.is_empty() {
            let kind = if self.all_namespaces {
                Kind::Node
            } else {
                Kind::Service
            };
            return Ok(self.connection.parent(kind, false));
        }
        let targets = targets(&self.what)?;
        match targets.as_slice() {
            [target] if target.names.len() == 1 => {
                Ok(self.connection.path(target.kind, &target.names[0]))
            }
            _ => Err(Failure::Usage(
                "events are shown of one resource: KIND NAME".to_owned(),
            )),
        }
    }
}
