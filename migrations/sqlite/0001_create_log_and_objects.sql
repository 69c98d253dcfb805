-- Times are microseconds since 1970; uids are hyphenated text; JSON is text as it was written.

-- Which history this file holds. One row, made with the file.
CREATE TABLE store_meta (
    one_row       INTEGER NOT NULL PRIMARY KEY CHECK (one_row = 1),  -- keeps it one row
    store_id   TEXT    NOT NULL,  -- identity of the history; nodes refuse the snapshot of another one
    created_at INTEGER NOT NULL   -- when the file was made
) STRICT;

INSERT INTO store_meta (one_row, store_id, created_at)
SELECT 1,
       lower(substr(h, 1, 8) || '-' || substr(h, 9, 4) || '-4' || substr(h, 14, 3) || '-8' || substr(h, 18, 3) || '-' || substr(h, 21, 12)),
       unixepoch() * 1000000
FROM (SELECT hex(randomblob(16)) AS h);

-- One log a cluster.
CREATE TABLE logs (
    cluster       TEXT    NOT NULL PRIMARY KEY,  -- name of the cluster
    compacted_rev INTEGER NOT NULL               -- commits up to here were forgotten; raised before their rows go
) STRICT, WITHOUT ROWID;

-- Every change, in order; append-only, compacted from its beginning. No further index: each costs every writer.
CREATE TABLE change_log (
    cluster      TEXT    NOT NULL,  -- name of the cluster
    rev          INTEGER NOT NULL,  -- revision of the commit; dense, from 1
    ord          INTEGER NOT NULL,  -- place in the commit; dense, from 0
    kind         INTEGER NOT NULL,  -- kind of the object: 1 cluster, 2 serviceCidr, 3 namespace, 4 service, 5 workload, 6 endpoint, 7 node, 8 ipClaim, 9 portClaim, 10 request
    path         TEXT    NOT NULL,  -- key of the object among its kind
    uid          TEXT    NOT NULL,  -- identity of the object; of a claim that of its owner
    before       TEXT,              -- JSON before the change; NULL: it is new
    after        TEXT,              -- JSON after the change; NULL: it is gone
    committed_at INTEGER NOT NULL,  -- when; never before the previous commit
    token        TEXT,              -- last row of a commit only: the writer's own mark, to find a commit whose answer was lost
    traceparent  TEXT,              -- last row of a commit only: W3C trace context of its first request
    digest       BLOB,              -- last row of a commit only: digest over all objects of the cluster after it
    format       INTEGER NOT NULL,  -- level of this row's format; releases refuse what is above their own
    PRIMARY KEY (cluster, rev, ord)
) STRICT;

-- Current objects of all kinds but claims, exactly as the log leaves them.
CREATE TABLE objects (
    cluster  TEXT    NOT NULL,  -- name of the cluster
    kind     INTEGER NOT NULL,  -- see change_log.kind
    path     TEXT    NOT NULL,  -- name, namespace/name, or request id
    uid      TEXT    NOT NULL,  -- identity
    revision INTEGER NOT NULL,  -- commit that last wrote it
    body     TEXT    NOT NULL,  -- the object, JSON
    PRIMARY KEY (cluster, kind, path)
) STRICT;

-- Addresses that are not free. The primary key is what makes a second owner impossible, even in overlapping ranges.
CREATE TABLE ip_claims (
    cluster     TEXT NOT NULL,  -- name of the cluster
    address     TEXT NOT NULL,  -- the address, canonical
    owner_uid   TEXT NOT NULL,  -- identity of the Service that holds it, or held it
    owner       TEXT NOT NULL,  -- that Service, namespace/name
    state       TEXT NOT NULL CHECK (state IN ('held', 'quarantined')),  -- quarantined: released, but a node may still forward for it
    released_in INTEGER,        -- quarantined: the commit that released it
    released_at INTEGER,        -- quarantined: when
    PRIMARY KEY (cluster, address),
    CHECK ((state = 'held') = (released_in IS NULL) AND (released_in IS NULL) = (released_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Node ports that are not free. A port has one owner whatever the protocol.
CREATE TABLE port_claims (
    cluster     TEXT    NOT NULL,  -- name of the cluster
    port        INTEGER NOT NULL CHECK (port BETWEEN 0 AND 65535),  -- the port
    owner_uid   TEXT    NOT NULL,  -- identity of the Service that holds it, or held it
    owner       TEXT    NOT NULL,  -- that Service, namespace/name
    state       TEXT    NOT NULL CHECK (state IN ('held', 'quarantined')),  -- quarantined: released, but a node may still forward for it
    released_in INTEGER,           -- quarantined: the commit that released it
    released_at INTEGER,           -- quarantined: when
    PRIMARY KEY (cluster, port),
    CHECK ((state = 'held') = (released_in IS NULL) AND (released_in IS NULL) = (released_at IS NULL))
) STRICT, WITHOUT ROWID;

-- Who asked for what, written in the transaction that did it.
CREATE TABLE audit (
    cluster    TEXT    NOT NULL,  -- name of the cluster
    rev        INTEGER NOT NULL,  -- the commit
    ord        INTEGER NOT NULL,  -- place in the commit, from 0
    at         INTEGER NOT NULL,  -- when it was committed
    principal  TEXT    NOT NULL,  -- who
    method     TEXT    NOT NULL,  -- for example CreateService
    resource   TEXT    NOT NULL,  -- resource name below the cluster
    request_id TEXT,              -- what the client sent to make repetitions harmless
    PRIMARY KEY (cluster, rev, ord)
) STRICT, WITHOUT ROWID;
