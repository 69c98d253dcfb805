//! `label`: labels of a resource, one by one.

use clap::Args;

use super::change::Present;
use super::{Connection, Console};
use crate::failure::{Failure, refusal};
use crate::manifest::Source;
use crate::manifest::merge::merge;
use crate::manifest::tree::{Entry, Node, Position, Value};

/// Set and remove labels of a resource.
#[derive(Args)]
pub struct Label {
    /// KIND NAME, or KIND/NAME; then KEY=VALUE to set a label, KEY- to remove it
    #[arg(required = true, num_args = 1.., value_name = "KIND NAME KEY=VALUE")]
    words: Vec<String>,
    /// Replace values of labels that are there
    #[arg(long)]
    overwrite: bool,
    #[command(flatten)]
    connection: Connection,
}

/// What becomes of one label.
struct LabelChange<'a> {
    key: &'a str,
    /// What it is set to; `None` removes the label.
    value: Option<&'a str>,
}

impl Label {
    pub(super) async fn run(&self, console: &mut Console<'_>) -> Result<(), Failure> {
        let named = if self.words[0].contains('/') { 1 } else { 2 };
        let (what, changes) = self.words.split_at(named.min(self.words.len()));
        let changes: Option<Vec<_>> = changes.iter().map(|word| change(word)).collect();
        let Some(changes) = changes.filter(|changes| !changes.is_empty()) else {
            let message = "say what to change: KEY=VALUE, or KEY- to remove a label";
            return Err(Failure::Usage(message.to_owned()));
        };
        let client = self.connection.client()?;
        let present = Present::fetch(&client, &self.connection, what).await?;
        let label = present.label();
        let Some(labels) = present.object.labels() else {
            let message = format!("a {} has no labels", present.object.kind().noun());
            return Err(Failure::Usage(message));
        };
        let taken = changes.iter().find_map(|LabelChange { key, value }| {
            let old = labels.get(*key)?;
            let is_other = value.is_some_and(|value| value != old);
            (is_other && !self.overwrite).then_some((key, old))
        });
        if let Some((key, old)) = taken {
            let line = format!("{label}: {key} is {old:?} already; --overwrite replaces it");
            return super::refused(console, &[line]);
        }
        let mut node = present.tree();
        merge(&mut node, &patch(&changes));
        let manifest = match present.read(&node, &Source::new("labels", node.clone())) {
            Ok(manifest) => manifest,
            Err(lines) => return super::refused(console, &lines),
        };
        match client.put(manifest.item, false).await {
            Ok(put) => super::written(console, &label, "labeled", &put),
            Err(status) => {
                let lines = refusal(&self.connection.server, &status, None);
                let lines: Vec<_> = lines
                    .iter()
                    .map(|line| format!("{label}: {line}"))
                    .collect();
                super::refused(console, &lines)
            }
        }
    }
}

fn change(word: &str) -> Option<LabelChange<'_>> {
    let (key, value) = match word.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (word.strip_suffix('-')?, None),
    };
    (!key.is_empty()).then_some(LabelChange { key, value })
}

/// `{metadata: {labels: …}}`.
fn patch(changes: &[LabelChange<'_>]) -> Node {
    let at = Position::default();
    let entry = |key: &str, value| Entry {
        key: key.to_owned(),
        at,
        node: Node { at, value },
    };
    let labels = changes.iter().map(|LabelChange { key, value }| {
        let value = value.map_or(Value::Null, |value| Value::Text(value.to_owned()));
        entry(key, value)
    });
    let labels = entry("labels", Value::Map(labels.collect()));
    let metadata = entry("metadata", Value::Map(vec![labels]));
    Node {
        at,
        value: Value::Map(vec![metadata]),
    }
}
