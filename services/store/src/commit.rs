//! One transaction in the log.

use std::sync::Arc;

use portolan_model::{Change, Digest, Record, Revision, Timestamp, Uid};

use crate::StoreError;

/// One transaction of a cluster's log: all changes of one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Its position; the previous one plus 1.
    pub revision: Revision,
    /// Chosen by the writer: finds an own commit whose answer was lost.
    pub token: Uid,
    /// On the store's clock; never before the previous commit.
    pub committed_at: Timestamp,
    /// W3C trace context of the request that came first; may be empty.
    pub traceparent: String,
    /// Digest over all objects after this commit.
    pub digest: Digest,
    /// In the order of their effects; at least one. The same object may be in it several times.
    pub changes: Vec<Change>,
}

/// Who asked for what, in the same transaction as the change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Who.
    pub principal: String,
    /// The method, for example `CreateService`.
    pub method: String,
    /// The resource, below the cluster.
    pub resource: String,
    /// The client's request id, if it sent one.
    pub request_id: Option<uuid::Uuid>,
}

/// What a transaction writes.
#[derive(Clone, Debug)]
pub struct Write {
    /// The log's part.
    pub commit: Arc<Commit>,
    /// The commit's changes as they are written, one for one.
    pub records: Vec<Record>,
    /// The audit's part.
    pub audit: Vec<AuditEntry>,
}

impl Write {
    /// Refuses what does not continue a log that ends at `head`, before any constraint has to.
    pub fn follows(&self, head: Revision) -> Result<(), StoreError> {
        let Commit {
            revision, changes, ..
        } = self.commit.as_ref();
        let (changes, records) = (changes.len(), self.records.len());
        if *revision == head.next() && changes > 0 && changes == records {
            return Ok(());
        }
        Err(StoreError::conflict(format!(
            "revision {revision} with {changes} changes and {records} records after {head}"
        )))
    }
}
