//! A committer in short: what every replica does, with nothing left out that order depends on.

use std::sync::Arc;

use portolan_model::{Change, Name, State, Timestamp, Uid};

use crate::{AuditEntry, Commit, CommitError, Locked, Store, StoreError, Transaction, Write};

/// Writes changes that are decided on the exact committed state.
pub struct Writer<S> {
    store: S,
    cluster: Name,
    state: State,
}

/// A write that did not happen, or may not have.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// No lock.
    #[error("locking")]
    Lock(#[source] StoreError),
    /// No commit.
    #[error("committing")]
    Commit(#[source] CommitError),
}

impl<S: Store> Writer<S> {
    /// With an empty cache.
    pub fn new(store: S, cluster: &Name) -> Self {
        Self {
            store,
            cluster: cluster.clone(),
            state: State::default(),
        }
    }

    /// The state as of the last write.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The store.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// Takes the lock, and catches up with everybody else.
    pub async fn lock(&mut self) -> Result<Locked<S::Transaction>, StoreError> {
        let locked = self
            .store
            .lock_and_read_after(&self.cluster, self.state.revision())
            .await?;
        for commit in &locked.commits {
            assert_eq!(
                commit.revision,
                self.state.revision().next(),
                "commits read under the lock are contiguous"
            );
            self.state.apply_all(commit.revision, &commit.changes);
            assert_eq!(
                self.state.digest(),
                commit.digest,
                "the digest of {}",
                commit.revision
            );
        }
        Ok(locked)
    }

    /// One transaction. `decide` sees the committed state and the store's clock.
    pub async fn write(
        &mut self,
        decide: impl FnOnce(&State, Timestamp) -> Vec<Change>,
    ) -> Result<Arc<Commit>, Refused> {
        let locked = self.lock().await.map_err(Refused::Lock)?;
        let changes = decide(&self.state, locked.now);
        let (write, next) = draft(&self.state, locked.now, changes);
        locked
            .transaction
            .commit(&write)
            .await
            .map_err(Refused::Commit)?;
        self.state = next;
        Ok(write.commit)
    }

    /// The same for changes that are known beforehand, and must succeed.
    pub async fn put(&mut self, changes: Vec<Change>) -> Arc<Commit> {
        self.write(|_, _| changes)
            .await
            .expect("a sound write succeeds")
    }
}

/// What a committer would write on top of a state, and the state that it leads to.
pub fn draft(state: &State, now: Timestamp, changes: Vec<Change>) -> (Write, State) {
    let mut next = state.clone();
    let revision = state.revision().next();
    let records = changes.iter().map(|change| next.apply(change)).collect();
    next.set_revision(revision);
    let audit = AuditEntry {
        principal: "tester".to_owned(),
        method: "Put".to_owned(),
        resource: changes
            .first()
            .map(|change| change.object().resource())
            .unwrap_or_default(),
        request_id: None,
    };
    let commit = Commit {
        revision,
        token: Uid::from_random(rand::random()),
        committed_at: now,
        traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
        digest: next.digest(),
        changes,
    };
    (
        Write {
            commit: Arc::new(commit),
            records,
            audit: vec![audit],
        },
        next,
    )
}
