//! `get`: resources as a table, or as documents.

use clap::Args;

use super::events::Events;
use super::view::View;
use super::watch::Watch;
use super::{Connection, Console, Format, targets};
use crate::client::Client;
use crate::failure::{Failure, refusal};
use crate::kind::Kind;
use crate::kinds::GET;
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

/// What is there of a target.
struct Found {
    kind: Kind,
    objects: Vec<Object>,
    /// A name was asked for that is not there.
    is_incomplete: bool,
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
        let mut found = Vec::new();
        for target in &targets {
            found.push(self.fetch(&client, target, console).await?);
        }
        self.print(&found, console)?;
        if found.iter().any(|found| found.is_incomplete) {
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
        console: &mut Console<'_>,
    ) -> Result<Found, Failure> {
        let kind = target.kind;
        let mut found = Found {
            kind,
            objects: Vec::new(),
            is_incomplete: false,
        };
        if target.names.is_empty() {
            let parent = self.connection.parent(kind, self.all_namespaces);
            found.objects = client.list(kind, &parent).await?;
        }
        for name in &target.names {
            match client.get(kind, &self.connection.path(kind, name)).await {
                Ok(object) => found.objects.push(object),
                Err(Failure::Server { server, status })
                    if status.code() == tonic::Code::NotFound =>
                {
                    found.is_incomplete = true;
                    console.errors(&refusal(&server, &status, None))?;
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(found)
    }

    fn print(&self, found: &[Found], console: &mut Console<'_>) -> Result<(), Failure> {
        match self.output {
            Format::Yaml | Format::Json => self.documents(found, console),
            Format::Table | Format::Wide | Format::Name => {
                let is_nothing = |found: &Found| found.objects.is_empty() && !found.is_incomplete;
                if found.iter().all(is_nothing) {
                    self.nothing(found, console)?;
                }
                self.tables(found, console)
            }
        }
    }

    fn documents(&self, found: &[Found], console: &mut Console<'_>) -> Result<(), Failure> {
        let objects: Vec<_> = found.iter().flat_map(|found| &found.objects).collect();
        let mut documents = if self.is_named() {
            objects.iter().copied().map(output::document).collect()
        } else {
            output::documents(&objects)
        };
        let document = match documents.pop() {
            Some(document) if objects.len() == 1 && self.is_single() => document,
            last => output::list(documents.into_iter().chain(last).collect()),
        };
        let text = match self.output {
            Format::Json => document.to_json(),
            _ => document.to_yaml(),
        };
        Ok(console.out.write_all(text.as_bytes())?)
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

    fn nothing(&self, found: &[Found], console: &mut Console<'_>) -> Result<(), Failure> {
        let namespaced = found.iter().any(|found| found.kind.is_namespaced());
        if namespaced && !self.all_namespaces {
            let namespace = self.connection.namespace();
            writeln!(console.err, "No resources found in {namespace} namespace.")?;
        } else {
            writeln!(console.err, "No resources found")?;
        }
        Ok(())
    }

    fn tables(&self, found: &[Found], console: &mut Console<'_>) -> Result<(), Failure> {
        let mut first = true;
        for Found { kind, objects, .. } in found {
            if objects.is_empty() {
                continue;
            }
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
