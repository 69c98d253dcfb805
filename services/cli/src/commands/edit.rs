//! `edit`: a resource in an editor; what is saved is applied.

mod draft;

use std::io;
use std::path::Path;

use clap::Args;
use tonic::Code;

use super::change::Present;
use super::{Connection, Console};
use crate::client::{Client, Put};
use crate::failure::{Failure, is_unreachable, refusal};
use crate::manifest::{Manifest, Source, tree};
use draft::Draft;

/// Change a resource in an editor.
#[derive(Args)]
#[command(after_help = "The editor is $VISUAL, else $EDITOR, else vi.")]
pub struct Edit {
    /// KIND NAME, or KIND/NAME
    #[arg(required = true, num_args = 1..=2, value_name = "KIND NAME")]
    what: Vec<String>,
    #[command(flatten)]
    connection: Connection,
}

impl Edit {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let client = self.connection.client()?;
        let present = Present::fetch(&client, &self.connection, &self.what).await?;
        let original = present.document.to_yaml();
        let mut draft = Draft::new(&original);
        let mut file = tempfile::Builder::new()
            .prefix("portolan-edit-")
            .suffix(".yaml")
            .tempfile()?;
        let session = Session {
            server: &self.connection.server,
            client,
            present,
            file: file.path().display().to_string(),
        };
        loop {
            file.as_file_mut().set_len(0)?;
            std::fs::write(file.path(), draft.text())?;
            Self::open(file.path()).await?;
            let saved = draft::body(&std::fs::read_to_string(file.path())?);
            if saved.trim().is_empty() || saved == original {
                writeln!(console.out, "Edit cancelled, no changes made.")?;
                return Ok(());
            }
            if saved == draft.body {
                return kept(file, console, "no valid changes were saved");
            }
            draft.body = saved;
            match session.attempt(&draft).await? {
                Attempt::Done(put) => {
                    return super::written(console, &session.present.label(), "edited", &put);
                }
                Attempt::Overtaken(line) => return kept(file, console, &line),
                Attempt::Refused(lines) => draft.complaints = lines,
            }
        }
    }

    /// Runs the editor on the file, on this terminal.
    async fn open(file: &Path) -> Result<(), Failure> {
        let variables = ["VISUAL", "EDITOR"].into_iter();
        let mut named = variables.filter_map(|name| std::env::var(name).ok());
        let editor = named.find(|editor| !editor.is_empty());
        let editor = editor.unwrap_or_else(|| "vi".to_owned());
        // The variable may hold options, as with `code --wait`.
        let mut command = tokio::process::Command::new("sh");
        command
            .arg("-c")
            .arg(format!("{editor} \"$1\""))
            .arg("sh")
            .arg(file);
        let status = command.status().await?;
        if status.success() {
            return Ok(());
        }
        Err(Failure::Input {
            file: editor,
            source: io::Error::other(format!("the editor failed ({status}); nothing was changed")),
        })
    }
}

/// A resource that is being edited.
struct Session<'a> {
    server: &'a str,
    client: Client,
    present: Present,
    /// Name of the file that is edited.
    file: String,
}

impl Session<'_> {
    async fn attempt(&self, draft: &Draft) -> Result<Attempt, Failure> {
        // What is complained about must be found where it stands once the complaints stand above it.
        let located = |complain: &dyn Fn(&str) -> Vec<String>| {
            let count = complain(&draft.body).len();
            complain(&draft.below(count))
        };
        let Ok(manifest) = self.read(&draft.body) else {
            let complain = |text: &str| self.read(text).err().unwrap_or_default();
            return Ok(Attempt::Refused(located(&complain)));
        };
        match self.client.put(manifest.item, false).await {
            Ok(put) => Ok(Attempt::Done(put)),
            Err(status) if is_unreachable(&status) => Err(self.client.failure(status)),
            Err(status) if status.code() == Code::Aborted => {
                Ok(Attempt::Overtaken(status.message().to_owned()))
            }
            Err(status) => Ok(Attempt::Refused(located(&|text| {
                let manifest = self.read(text).ok();
                refusal(self.server, &status, manifest.as_ref())
            }))),
        }
    }

    fn read(&self, text: &str) -> Result<Manifest, Vec<String>> {
        let file = &self.file;
        let documents =
            tree::parse(text).map_err(|malformed| vec![format!("{file}:{malformed}")])?;
        let [node] = documents.as_slice() else {
            return Err(vec![format!("{file}: it must stay one document")]);
        };
        self.present.read(node, &Source::new(file, node.clone()))
    }
}

/// What became of what was saved.
enum Attempt {
    Done(Put),
    /// Somebody else changed the resource in the meantime.
    Overtaken(String),
    Refused(Vec<String>),
}

/// Leaves the file behind, so that nobody's work is lost.
fn kept(
    file: tempfile::NamedTempFile,
    console: &mut Console<'_>,
    why: &str,
) -> Result<(), Failure> {
    let (_, path) = file.keep().map_err(|error| error.error)?;
    let line = format!(
        "Edit cancelled, {why}; your version is kept in {}",
        path.display()
    );
    super::refused(console, &[line])
}
