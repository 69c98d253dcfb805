//! The two statements of a commit, prepared in SQL, so that they can travel in one message with others: `BEGIN` and the
//! lock, `COMMIT`. The extended protocol, as the driver speaks it, has a round trip for every statement.

use portolan_model::{Name, Revision};
use portolan_store::rows::number;

use crate::call::Call;
use crate::read::READ_AFTER;
use crate::write::{NAME, WRITE};

const READ: &str = "portolan_read";

/// What a connection that writes has to be told first.
pub(crate) fn prepare() -> String {
    format!(
        "PREPARE {READ} (text, bigint, bigint) AS {READ_AFTER};
         PREPARE {NAME} (text, bigint, bigint, uuid, text, bytea, smallint, smallint[], text[], uuid[], json[], json[],
             smallint[], integer, text[], text[], text[], uuid[], bigint, text[], bigint[], bigint[]) AS {WRITE}"
    )
}

/// Reads everything after a revision.
pub(crate) fn read(cluster: &Name, after: Revision) -> String {
    let call = Call::new(READ, 128).text(cluster.as_str());
    call.number(number(after.0)).number(i64::MAX).end()
}
