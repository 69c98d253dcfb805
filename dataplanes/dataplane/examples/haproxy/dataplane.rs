//! The five methods.

use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;

use portolan_dataplane::{
    Applied, Capabilities, Dataplane, DataplaneError, Environment, FrontendKey, Health, NodeState,
    Plan, Rejected, RejectionCode,
};
use portolan_model::{Family, Protocol};
use tokio::process::Command;

use crate::file::{Content, read, replace};
use crate::section::is_writable;

/// Keeps one file in step. The file itself is the memory: what is read from it is what is programmed, so a restarted
/// plugin adopts what it finds, and notices what somebody changed.
pub(crate) struct HaproxyDataplane {
    path: PathBuf,
    reload: Option<String>,
}

impl HaproxyDataplane {
    /// Writes this file; `reload` is run by a shell after each change.
    pub(crate) fn new(path: impl Into<PathBuf>, reload: Option<String>) -> Self {
        Self {
            path: path.into(),
            reload,
        }
    }

    /// Takes over a new content: either it is there and HAProxy follows it, or the old one is there again.
    async fn write(&self, content: &Content) -> Result<(), DataplaneError> {
        let failed = |context: &str, source: io::Error| DataplaneError {
            context: format!("{}: {context}", self.path.display()),
            source: Some(source),
        };
        let Some(before) = replace(&self.path, &content.to_string())
            .map_err(|error| failed("can't be replaced", error))?
        else {
            return Ok(());
        };
        if let Err(error) = self.reload().await {
            // Else it would be taken for programmed, and nobody would try again.
            replace(&self.path, &before).map_err(|error| failed("can't be put back", error))?;
            return Err(failed("HAProxy does not take it", error));
        }
        Ok(())
    }

    async fn reload(&self) -> io::Result<()> {
        let Some(command) = &self.reload else {
            return Ok(());
        };
        let output = Command::new("sh").args(["-c", command]).output().await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("{command}: {}", said.trim())))
    }

    fn content(&self) -> Result<Content, DataplaneError> {
        read(&self.path).map_err(|source| DataplaneError {
            context: format!("{} can't be read", self.path.display()),
            source: Some(source),
        })
    }
}

impl Dataplane for HaproxyDataplane {
    // What is not in here never reaches `apply`: the plan lists it as unsupported, with a message for its owner.
    fn capabilities(&self) -> Capabilities {
        Capabilities {
            kind: "haproxy",
            families: BTreeSet::from([Family::V4, Family::V6]),
            // HAProxy relays no datagrams.
            protocols: BTreeSet::from([Protocol::Tcp]),
            affinity: true,
            source_ranges: true,
            drop: true,
            inside: true,
            preserves_source: false,
            guard: false,
            // HAProxy is a process of its own.
            persistent: true,
        }
    }

    // The ranges that are inside are part of the file, so it is written again when they change.
    async fn configure(&mut self, environment: &Environment) -> Result<(), DataplaneError> {
        let mut content = self.content()?;
        content.set_inside(environment);
        self.write(&content).await
    }

    async fn observe(&mut self) -> Result<NodeState, DataplaneError> {
        Ok(self.content()?.state)
    }

    // All or nothing, but for frontends that can't be written at all: those are rejected alone.
    async fn apply(&mut self, plan: &Plan) -> Applied {
        let (good, bad): (Vec<_>, Vec<_>) = plan.put.iter().partition(|(_, f)| is_writable(f));
        let reject = |code, message: &str| {
            let message = message.to_owned();
            move |key: FrontendKey| Rejected {
                key,
                code,
                message: message.clone(),
            }
        };
        let unwritable =
            "the name of its port has characters that HAProxy's file can't carry: rename the port";
        let bad = bad.into_iter().map(|(key, _)| *key);
        let mut applied = Applied {
            rejected: bad
                .map(reject(RejectionCode::InvalidObject, unwritable))
                .collect(),
        };
        let written = match self.content() {
            Ok(mut content) => {
                content.state.extend(good.iter().map(|put| (*put).clone()));
                for key in &plan.remove {
                    content.state.remove(key);
                }
                self.write(&content).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            let source = error
                .source
                .as_ref()
                .map_or_else(String::new, |s| format!(": {s}"));
            let why = format!("{error}{source}; it is tried again");
            let all = good
                .iter()
                .map(|(key, _)| *key)
                .chain(plan.remove.iter().copied());
            let rejected = all.map(reject(RejectionCode::Internal, &why));
            applied.rejected.extend(rejected);
        }
        applied
    }

    async fn probe(&mut self) -> Health {
        match self.content() {
            Ok(_) => Health::Serving,
            Err(error) => Health::Down(error.to_string()),
        }
    }

    async fn cleanup(&mut self) -> Result<(), DataplaneError> {
        self.write(&Content::default()).await
    }
}
