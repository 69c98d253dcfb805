//! The directory of a store, with the cluster that the flags name.

use std::time::Duration;

use portolan_store::StoreError;
use tokio::task::JoinSet;

use crate::args::Settings;
use crate::bootstrap::bootstrap;
use crate::compaction::compact;
use crate::directory::Directory;
use crate::error::ServerError;
use crate::plane::Common;

/// How long the first read may take: a database may still be starting.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running control plane.
pub(super) struct ControlPlane {
    pub(super) directory: Directory,
    /// Ends only when it must not go on.
    pub(super) tasks: JoinSet<Result<(), StoreError>>,
}

impl ControlPlane {
    /// Starts all clusters of a store, and makes sure that the one of the flags is there.
    pub(super) async fn start(
        common: Common,
        settings: &Settings,
        remedy: &str,
    ) -> Result<Self, ServerError> {
        let opening = Directory::open(common.clone());
        let opened = tokio::time::timeout(PATIENCE, opening).await;
        let (directory, watch) = opened
            .map_err(|_| ServerError::Start("the store does not answer".to_owned()))?
            .map_err(|error| unusable(&error))?;
        bootstrap(&directory, settings, remedy).await?;
        let mut tasks = JoinSet::new();
        tasks.spawn(watch.run());
        tasks.spawn(async {
            compact(common.store, common.clock).await;
            Ok(())
        });
        Ok(Self { directory, tasks })
    }
}

fn unusable(error: &StoreError) -> ServerError {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    ServerError::Start(text)
}
