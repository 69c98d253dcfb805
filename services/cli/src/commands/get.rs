//! `get`: resources as a table, or as documents.

use clap::Args;

use super::events::Events;
use super::view::View;
use super::watch::Watch;
use super::{Connection, Console, Format, targets};
use crate::client::Client;
use crate::failure::{Failure, refusal};
use crate::kind::{GET, Kind};
use crate::object::Object;
use crate::output;
use crate::target::Target;

/// Show resources.
#[derive(Args)]
pub struct Get {
    #[arg(help = GET, required = true, value_name = "KIND NAME")]
    what: Vec<String>,
    /// Form of the output
    #[arg(short, long, value_enum, default_value = "table")]
    output: Format,
    /// Stay, and show what changes
    #[arg(short, long)]
    watch: bool,
    /// Of every namespace
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    all_namespaces: bool,
    #[command(flatten)]
    connection: Connection,
}

impl Get {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        if let [word] = self.what.as_slice()
            && ["events", "event", "ev"].contains(&word.as_str())
            && !self.watch
        {
            let events = Events::all(self.output, self.all_namespaces, self.connection.clone());
            return events.run(console).await;
        }
        let client = self.connection.client()?;
        let targets = targets(&self.what)?;
        let named = targets.iter().any(|target| !target.names.is_empty());
        if named && self.all_namespaces {
            let message = "a name is looked for in one namespace: leave out --all-namespaces";
            return Err(Failure::Usage(message.to_owned()));
        }
        if self.watch {
            let [target] = targets.as_slice() else {
                let message = "--watch follows one kind: name just one";
                return Err(Failure::Usage(message.to_owned()));
            };
            let parent = self.connection.parent(target.kind, self.all_namespaces);
            let view = self.view(target.kind, false);
            return Watch::new(target, parent, view).run(&client, console).await;
        }
        let mut failed = false;
        let mut found = Vec::new();
        for target in &targets {
            let objects = self.fetch(&client, target, &mut failed, console).await?;
            found.push((target.kind, objects));
        }
        self.print(&found, failed, console)?;
        if failed {
            Err(Failure::Reported)
        } else {
            Ok(())
        }
    }

    /// What is there of the target; what is not there is said, and the rest shown.
    async fn fetch(
        &self,
        client: &Client,
        target: &Target,
        failed: &mut bool,
        console: &mut Console<'_>,
    ) -> Result<Vec<Object>, Failure> {
        if target.names.is_empty() {
            let parent = self.connection.parent(target.kind, self.all_namespaces);
            return client.list(target.kind, &parent).await;
        }
        let mut objects = Vec::new();
        for name in &target.names {
            match client
                .get(target.kind, &self.connection.path(target.kind, name))
                .await
            {
                Ok(object) => objects.push(object),
                Err(Failure::Server { server, status })
                    if status.code() == tonic::Code::NotFound =>
                {
                    *failed = true;
                    console.errors(&refusal(&server, &status, None))?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(objects)
    }

    fn print(
        &self,
        found: &[(Kind, Vec<Object>)],
        failed: bool,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let objects = || found.iter().flat_map(|(_, objects)| objects);
        let single = objects().count() == 1 && self.is_single();
        match self.output {
            Format::Yaml | Format::Json => {
                let mut documents = if self.is_named() {
                    objects().map(output::document).collect()
                } else {
                    output::documents(&objects().collect::<Vec<_>>())
                };
                let document = match documents.pop() {
                    Some(document) if single => document,
                    last => output::list(documents.into_iter().chain(last).collect()),
                };
                let text = match self.output {
                    Format::Json => document.to_json(),
                    _ => document.to_yaml(),
                };
                console.out.write_all(text.as_bytes())?;
            }
            Format::Table | Format::Wide | Format::Name => {
                if objects().next().is_none() && !failed {
                    self.nothing(found, console)?;
                }
                self.tables(found, console)?;
            }
        }
        Ok(())
    }

    /// Resources are asked for by name.
    fn is_named(&self) -> bool {
        self.what.len() > 1 || self.what.iter().any(|word| word.contains('/'))
    }

    /// Exactly one resource is asked for, by name.
    fn is_single(&self) -> bool {
        match self.what.as_slice() {
            [word] => word.contains('/'),
            words => words.len() == 2 && !words[0].contains('/'),
        }
    }

    fn nothing(
        &self,
        found: &[(Kind, Vec<Object>)],
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let namespaced = found.iter().any(|(kind, _)| kind.is_namespaced());
        if namespaced && !self.all_namespaces {
            let namespace = self.connection.namespace();
            writeln!(console.err, "No resources found in {namespace} namespace.")?;
        } else {
            writeln!(console.err, "No resources found")?;
        }
        Ok(())
    }

    fn tables(
        &self,
        found: &[(Kind, Vec<Object>)],
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let mut first = true;
        for (kind, objects) in found.iter().filter(|(_, objects)| !objects.is_empty()) {
            let view = self.view(*kind, found.len() > 1);
            if !first && !view.is_names() {
                writeln!(console.out)?;
            }
            first = false;
            let text = view.render(objects, &mut Vec::new(), true);
            console.out.write_all(text.as_bytes())?;
        }
        Ok(())
    }

    fn view(&self, kind: Kind, with_kind: bool) -> View {
        View {
            kind,
            format: self.output,
            with_namespace: self.all_namespaces && kind.is_namespaced(),
            with_kind,
        }
    }
}
