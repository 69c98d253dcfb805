//! What a commit sends to the server, for measuring what it costs without this crate around it.

use portolan_model::Name;

use crate::connection::WRITER;
use crate::read::READ_AFTER;
use crate::transaction::lock_statement;
use crate::write::WRITE;

/// The texts of one commit, in the order in which they are sent: `BEGIN`, `lock` and `read` in one message, `write` and
/// `COMMIT` in another.
pub struct Statements {
    /// Takes the cluster's lock.
    pub lock: String,
    /// Reads the log: `$1` cluster, `$2` revision to begin after, `$3` most rows.
    pub read: &'static str,
    /// Writes all rows: `$1` cluster, `$2` revision, `$3` time, `$4` token, `$5` trace context, `$6` digest, `$7`
    /// format; a row's `$8` kind, `$9` path, `$10` uid, `$11` before, `$12` after, `$13` effect; `$14` the last
    /// ordinal; an audit entry's `$15` principal, `$16` method, `$17` resource, `$18` request id; `$19` how many rows
    /// change or go; of a row that is a claim `$20` the owner, and, once it is released, `$21` in which revision and
    /// `$22` when.
    pub write: &'static str,
    /// Settings of the connection.
    pub settings: &'static [(&'static str, &'static str)],
}

impl Statements {
    /// Those of a cluster.
    pub fn of(cluster: &Name) -> Self {
        Self {
            lock: lock_statement(cluster),
            read: READ_AFTER,
            write: WRITE,
            settings: &WRITER,
        }
    }
}
