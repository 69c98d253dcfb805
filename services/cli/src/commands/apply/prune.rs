//! `--prune`: what carries the labels and no manifest describes any more.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::Application;
use crate::client::DeleteOptions;
use crate::commands::Console;
use crate::failure::{Failure, is_unreachable, refusal};
use crate::kind::Kind;
use crate::manifest::Manifest;
use crate::object;
use crate::selector::Selector;

/// What the manifests are about.
#[derive(Default)]
pub(super) struct Described {
    /// Each kind by its stage, so that what others need comes first.
    kinds: BTreeMap<(u8, &'static str), Kind>,
    namespaces: BTreeSet<String>,
    paths: BTreeSet<String>,
}

impl Described {
    pub(super) fn of(manifests: &[Manifest]) -> Self {
        let mut described = Self::default();
        for Manifest { item, .. } in manifests {
            let kind = item.kind();
            described.kinds.insert((item.stage(), kind.noun()), kind);
            described
                .namespaces
                .extend(item.namespace().map(ToOwned::to_owned));
            described.paths.insert(item.name().to_owned());
        }
        described
    }
}

impl Application<'_> {
    pub(super) async fn prune(
        &mut self,
        described: &Described,
        selector: &Selector,
        ignored: bool,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        // What was not read may be what describes something that is there.
        let reason = match (self.failed, ignored) {
            (true, _) => "not everything was applied",
            (false, true) => {
                "something was ignored; give --prune only what Portolan applies, and no empty files"
            }
            (false, false) => "",
        };
        if !reason.is_empty() {
            self.failed = true;
            writeln!(console.err, "error: nothing is pruned, since {reason}")?;
            return Ok(());
        }
        let mut superfluous = Vec::new();
        for ((stage, _), kind) in &described.kinds {
            for parent in self.parents(*kind, described) {
                let objects = self.client.list(*kind, &parent).await?;
                let objects = objects.into_iter().filter(|object| {
                    let labels = object.labels();
                    labels.is_some_and(|labels| selector.matches(labels))
                        && !described.paths.contains(object.path())
                });
                superfluous.extend(objects.map(|object| (Reverse(*stage), object)));
            }
        }
        // Against the order of application: first what needs others.
        superfluous.sort_by_key(|(stage, _)| *stage);
        for (_, object) in superfluous {
            self.prune_one(object.kind(), object.path(), console)
                .await?;
        }
        Ok(())
    }

    /// Where things of a kind are looked for. A namespace of a dry run holds nothing.
    fn parents(&self, kind: Kind, described: &Described) -> Vec<String> {
        let scope = self.apply.connection.scope();
        if !kind.is_namespaced() {
            return vec![scope.cluster_path()];
        }
        let namespaces = described.namespaces.iter();
        let there = namespaces.filter(|namespace| !self.to_come.contains(*namespace));
        there
            .map(|namespace| scope.namespace_path(namespace))
            .collect()
    }

    async fn prune_one(
        &mut self,
        kind: Kind,
        path: &str,
        console: &mut Console<'_>,
    ) -> Result<(), Failure> {
        let label = format!("{}/{}", kind.noun(), object::last(path));
        let options = DeleteOptions {
            validate_only: self.apply.is_dry_run(),
            ..DeleteOptions::default()
        };
        match self.client.delete(kind, path.to_owned(), options).await {
            Ok(()) => writeln!(console.out, "{label} pruned{}", self.apply.suffix())?,
            Err(status) if is_unreachable(&status) => return Err(self.client.failure(status)),
            Err(status) => {
                self.failed = true;
                for line in refusal(&self.apply.connection.server, &status, None) {
                    writeln!(console.err, "error: {label} not pruned: {line}")?;
                }
            }
        }
        Ok(())
    }
}
