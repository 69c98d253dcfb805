-- What happens outside log and revisions. Times are microseconds since 1970.

-- Events for people; equal ones are counted. Bounded.
CREATE TABLE events (
    cluster    TEXT    NOT NULL,  -- name of the cluster
    object     TEXT    NOT NULL,  -- resource name below the cluster
    object_uid TEXT    NOT NULL,  -- identity of the resource
    event_type TEXT    NOT NULL CHECK (event_type IN ('Normal', 'Warning')),  -- whether somebody should look
    reason     TEXT    NOT NULL,  -- CamelCase word that programs may compare
    message    TEXT    NOT NULL,  -- sentence for people
    component  TEXT    NOT NULL,  -- who says so
    count      INTEGER NOT NULL,  -- how often
    first_at   INTEGER NOT NULL,  -- first time
    last_at    INTEGER NOT NULL,  -- last time
    PRIMARY KEY (cluster, object_uid, reason, component, message)
) STRICT;

CREATE INDEX events_by_time ON events (cluster, last_at);

-- What each node last reported.
CREATE TABLE node_runtime (
    cluster      TEXT    NOT NULL,  -- name of the cluster
    node         TEXT    NOT NULL,  -- name of the node
    uid          TEXT    NOT NULL,  -- identity of the node
    session      INTEGER NOT NULL,  -- session that the plugin chose; rows of older ones are refused
    connected    INTEGER NOT NULL,  -- 1: a stream is open
    attempted    INTEGER NOT NULL,  -- tried up to this revision
    durable      INTEGER NOT NULL,  -- would remember up to this revision after a crash
    rejected     TEXT    NOT NULL,  -- what it could not apply, JSON
    last_contact INTEGER NOT NULL,  -- last sign of life
    PRIMARY KEY (cluster, node)
) STRICT, WITHOUT ROWID;
