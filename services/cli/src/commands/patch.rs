//! `patch`: a JSON merge patch on a resource's document.

use clap::Args;

use super::change::Present;
use super::{Connection, Console};
use crate::failure::{Failure, refusal};
use crate::manifest::Source;
use crate::manifest::merge::merge;
use crate::manifest::tree;

/// Change fields of a resource.
#[derive(Args)]
pub struct Patch {
    /// KIND NAME, or KIND/NAME
    #[arg(required = true, num_args = 1..=2, value_name = "KIND NAME")]
    what: Vec<String>,
    /// JSON or YAML: what is named is replaced, null removes it, maps are merged (RFC 7386)
    #[arg(short = 'p', long = "patch", value_name = "PATCH")]
    changes: String,
    /// Kind of the patch: merge
    #[arg(long = "type", default_value = "merge", value_parser = patch_type)]
    kind: String,
    #[command(flatten)]
    connection: Connection,
}

/// kubectl has others, which people will try.
fn patch_type(text: &str) -> Result<String, String> {
    match text {
        "merge" => Ok(text.to_owned()),
        "strategic" => Err(
            "there is no strategic merge here: use merge, and write lists such as spec.ports whole"
                .to_owned(),
        ),
        _ => Err("use merge: a JSON merge patch (RFC 7386)".to_owned()),
    }
}

impl Patch {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let patch = tree::parse(&self.changes);
        let patch = patch.map_err(|malformed| Failure::Usage(format!("--patch:{malformed}")))?;
        let [patch] = patch.as_slice() else {
            return Err(Failure::Usage("--patch is one JSON or YAML map".to_owned()));
        };
        let client = self.connection.client()?;
        let present = Present::fetch(&client, &self.connection, &self.what).await?;
        let mut node = present.tree();
        merge(&mut node, patch);
        let source = Source::new("--patch", patch.clone());
        let manifest = match present.read(&node, &source) {
            Ok(manifest) => manifest,
            Err(lines) => return super::refused(console, &lines),
        };
        match client.put(manifest.item.clone(), false).await {
            Ok(put) => super::written(console, &present.label(), "patched", &put),
            Err(status) => {
                let lines = refusal(&self.connection.server, &status, Some(&manifest));
                super::refused(console, &lines)
            }
        }
    }
}
