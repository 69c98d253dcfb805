CREATE TABLE store_meta (
    one_row       boolean     NOT NULL PRIMARY KEY DEFAULT true CHECK (one_row),
    store_id   uuid        NOT NULL DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE  store_meta            IS 'Which history this database holds. One row, made with the tables.';
COMMENT ON COLUMN store_meta.one_row     IS 'Keeps it one row.';
COMMENT ON COLUMN store_meta.store_id   IS 'Identity of the history; nodes refuse the snapshot of another one. Change it after restoring a backup.';
COMMENT ON COLUMN store_meta.created_at IS 'When the tables were made.';
INSERT INTO store_meta DEFAULT VALUES;

CREATE TABLE logs (
    cluster       text   NOT NULL PRIMARY KEY,
    compacted_rev bigint NOT NULL
);
COMMENT ON TABLE  logs               IS 'One log a cluster.';
COMMENT ON COLUMN logs.cluster       IS 'Name of the cluster.';
COMMENT ON COLUMN logs.compacted_rev IS 'Commits up to here were forgotten; raised, in a transaction of its own, before their rows go.';

CREATE TABLE change_log (
    cluster      text        NOT NULL,
    rev          bigint      NOT NULL,
    ord          integer     NOT NULL,
    kind         smallint    NOT NULL,
    path         text        NOT NULL,
    uid          uuid        NOT NULL,
    before       json,
    after        json,
    committed_at timestamptz NOT NULL,
    token        uuid,
    traceparent  text,
    digest       bytea,
    format       smallint    NOT NULL,
    PRIMARY KEY (cluster, rev, ord)
);
COMMENT ON TABLE  change_log              IS 'Every change, in order; append-only, compacted from its beginning. No further index: each costs every writer. Its primary key is what stops a writer that got around the lock.';
COMMENT ON COLUMN change_log.cluster      IS 'Name of the cluster.';
COMMENT ON COLUMN change_log.rev          IS 'Revision of the commit; dense, from 1.';
COMMENT ON COLUMN change_log.ord          IS 'Place in the commit; dense, from 0.';
COMMENT ON COLUMN change_log.kind         IS 'Kind of the object: 1 cluster, 2 serviceCidr, 3 namespace, 4 service, 5 workload, 6 endpoint, 7 node, 8 ipClaim, 9 portClaim, 10 request.';
COMMENT ON COLUMN change_log.path         IS 'Key of the object among its kind.';
COMMENT ON COLUMN change_log.uid          IS 'Identity of the object; of a claim that of its owner.';
COMMENT ON COLUMN change_log.before       IS 'The object before the change, as it was written; NULL: it is new.';
COMMENT ON COLUMN change_log.after        IS 'The object after the change, as it was written; NULL: it is gone.';
COMMENT ON COLUMN change_log.committed_at IS 'When, on the database''s clock; never before the previous commit.';
COMMENT ON COLUMN change_log.token        IS 'On the last row of a commit: the writer''s own mark, to find a commit whose answer was lost.';
COMMENT ON COLUMN change_log.traceparent  IS 'On the last row of a commit: W3C trace context of its first request.';
COMMENT ON COLUMN change_log.digest       IS 'On the last row of a commit: digest over all objects of the cluster after it.';
COMMENT ON COLUMN change_log.format       IS 'Level of this row''s format; releases refuse what is above their own.';

-- Room in each page for the next value of a row that changes often: no index moves then.
CREATE TABLE objects (
    cluster  text     NOT NULL,
    kind     smallint NOT NULL,
    path     text     NOT NULL,
    uid      uuid     NOT NULL,
    revision bigint   NOT NULL,
    body     json     NOT NULL,
    PRIMARY KEY (cluster, kind, path)
) WITH (fillfactor = 85);
COMMENT ON TABLE  objects          IS 'Current objects of all kinds but claims, exactly as the log leaves them.';
COMMENT ON COLUMN objects.cluster  IS 'Name of the cluster.';
COMMENT ON COLUMN objects.kind     IS 'See change_log.kind.';
COMMENT ON COLUMN objects.path     IS 'Name, namespace/name, or request id.';
COMMENT ON COLUMN objects.uid      IS 'Identity.';
COMMENT ON COLUMN objects.revision IS 'Commit that last wrote it.';
COMMENT ON COLUMN objects.body     IS 'The object, as it was written.';

CREATE TABLE ip_claims (
    cluster     text   NOT NULL,
    address     inet   NOT NULL,
    owner_uid   uuid   NOT NULL,
    owner       text   NOT NULL,
    state       text   NOT NULL CHECK (state IN ('held', 'quarantined')),
    released_in bigint,
    released_at timestamptz,
    PRIMARY KEY (cluster, address),
    CHECK ((state = 'held') = (released_in IS NULL) AND (released_in IS NULL) = (released_at IS NULL))
);
COMMENT ON TABLE  ip_claims             IS 'Addresses that are not free. The primary key makes a second owner impossible, even in overlapping ranges.';
COMMENT ON COLUMN ip_claims.cluster     IS 'Name of the cluster.';
COMMENT ON COLUMN ip_claims.address     IS 'The address.';
COMMENT ON COLUMN ip_claims.owner_uid   IS 'Identity of the Service that holds it, or held it.';
COMMENT ON COLUMN ip_claims.owner       IS 'That Service, namespace/name.';
COMMENT ON COLUMN ip_claims.state       IS 'held, or quarantined: released, but a node may still forward for it.';
COMMENT ON COLUMN ip_claims.released_in IS 'Quarantined: the commit that released it.';
COMMENT ON COLUMN ip_claims.released_at IS 'Quarantined: when.';

CREATE TABLE port_claims (
    cluster     text    NOT NULL,
    port        integer NOT NULL CHECK (port BETWEEN 0 AND 65535),
    owner_uid   uuid    NOT NULL,
    owner       text    NOT NULL,
    state       text    NOT NULL CHECK (state IN ('held', 'quarantined')),
    released_in bigint,
    released_at timestamptz,
    PRIMARY KEY (cluster, port),
    CHECK ((state = 'held') = (released_in IS NULL) AND (released_in IS NULL) = (released_at IS NULL))
);
COMMENT ON TABLE  port_claims             IS 'Node ports that are not free. A port has one owner whatever the protocol.';
COMMENT ON COLUMN port_claims.cluster     IS 'Name of the cluster.';
COMMENT ON COLUMN port_claims.port        IS 'The port.';
COMMENT ON COLUMN port_claims.owner_uid   IS 'Identity of the Service that holds it, or held it.';
COMMENT ON COLUMN port_claims.owner       IS 'That Service, namespace/name.';
COMMENT ON COLUMN port_claims.state       IS 'held, or quarantined: released, but a node may still forward for it.';
COMMENT ON COLUMN port_claims.released_in IS 'Quarantined: the commit that released it.';
COMMENT ON COLUMN port_claims.released_at IS 'Quarantined: when.';

CREATE TABLE audit (
    cluster    text        NOT NULL,
    rev        bigint      NOT NULL,
    ord        integer     NOT NULL,
    at         timestamptz NOT NULL,
    principal  text        NOT NULL,
    method     text        NOT NULL,
    resource   text        NOT NULL,
    request_id uuid,
    PRIMARY KEY (cluster, rev, ord)
);
COMMENT ON TABLE  audit            IS 'Who asked for what, written in the transaction that did it.';
COMMENT ON COLUMN audit.cluster    IS 'Name of the cluster.';
COMMENT ON COLUMN audit.rev        IS 'The commit.';
COMMENT ON COLUMN audit.ord        IS 'Place in the commit, from 0.';
COMMENT ON COLUMN audit.at         IS 'When it was committed.';
COMMENT ON COLUMN audit.principal  IS 'Who.';
COMMENT ON COLUMN audit.method     IS 'For example CreateService.';
COMMENT ON COLUMN audit.resource   IS 'Resource name below the cluster.';
COMMENT ON COLUMN audit.request_id IS 'What the client sent to make repetitions harmless.';
