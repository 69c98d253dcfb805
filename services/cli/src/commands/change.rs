//! A resource that is read, changed and written back, unless somebody was faster: what `edit`, `patch` and `label` do.

use super::Connection;
use crate::client::Client;
use crate::failure::Failure;
use crate::kind::Kind;
use crate::manifest::tree::{self, Node};
use crate::manifest::{self, Manifest, Reading, Scope, Source};
use crate::object::Object;
use crate::output;
use crate::output::yaml::Document;
use crate::target::Target;

/// A resource as it was when it was read.
pub(super) struct Present {
    pub(super) object: Object,
    /// What one may change of it.
    pub(super) document: Document,
    scope: Scope,
}

impl Present {
    /// Reads the one resource that the words name.
    pub(super) async fn fetch(
        client: &Client,
        connection: &Connection,
        words: &[String],
    ) -> Result<Self, Failure> {
        let targets = Target::parse(words).map_err(Failure::Usage)?;
        let (kind, name) = match targets.as_slice() {
            [target] if target.names.len() == 1 => (target.kind, &target.names[0]),
            _ => {
                let message = "name one resource: KIND NAME, or KIND/NAME";
                return Err(Failure::Usage(message.to_owned()));
            }
        };
        if kind == Kind::Endpoint {
            let message = "what a source gives a Service is written as a whole: apply a manifest of kind Endpoints";
            return Err(Failure::Usage(message.to_owned()));
        }
        let object = client.get(kind, &connection.path(kind, name)).await?;
        Ok(Self {
            document: output::manifest(output::document(&object)),
            object,
            scope: Scope {
                namespace: None,
                ..connection.scope()
            },
        })
    }

    /// `service/web`.
    pub(super) fn label(&self) -> String {
        format!("{}/{}", self.object.kind().noun(), self.object.name())
    }

    /// The document as a tree to be changed.
    pub(super) fn tree(&self) -> Node {
        let documents = tree::parse(&self.document.to_yaml());
        let mut documents = documents.expect("what is written here can be read");
        documents.remove(0)
    }

    /// What a changed document asks for, or what is wrong with it. `source` is where its author finds what it says.
    pub(super) fn read(&self, node: &Node, source: &Source) -> Result<Manifest, Vec<String>> {
        match manifest::read_node(node, source, &self.scope) {
            Reading::Manifest(mut manifest) => {
                let item = &mut manifest.item;
                if item.kind() != self.object.kind() || item.name() != self.object.path() {
                    let label = self.label();
                    return Err(vec![format!(
                        "kind, name and namespace of {label} can't be changed: delete it, and create another"
                    )]);
                }
                item.expect(self.object.etag().to_owned());
                Ok(*manifest)
            }
            Reading::Refused(lines) => Err(lines),
            Reading::Ignored(line) | Reading::Empty(line) => Err(vec![line]),
        }
    }
}
