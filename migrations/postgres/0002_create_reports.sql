CREATE TABLE events (
    cluster     text        NOT NULL,
    fingerprint bytea       NOT NULL,
    object      text        NOT NULL,
    object_uid  uuid        NOT NULL,
    event_type  text        NOT NULL CHECK (event_type IN ('Normal', 'Warning')),
    reason      text        NOT NULL,
    message     text        NOT NULL,
    component   text        NOT NULL,
    count       bigint      NOT NULL,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (cluster, fingerprint)
);
CREATE INDEX events_by_time ON events (cluster, last_at);
COMMENT ON TABLE  events             IS 'What happened, for people; equal events are counted. Outside log and revisions, bounded.';
COMMENT ON COLUMN events.cluster     IS 'Name of the cluster.';
COMMENT ON COLUMN events.fingerprint IS 'Digest of object_uid, reason, component and message: what makes two events one.';
COMMENT ON COLUMN events.object      IS 'Resource name below the cluster.';
COMMENT ON COLUMN events.object_uid  IS 'Identity of the resource.';
COMMENT ON COLUMN events.event_type  IS 'Normal, or Warning: somebody should look.';
COMMENT ON COLUMN events.reason      IS 'CamelCase word that programs may compare.';
COMMENT ON COLUMN events.message     IS 'Sentence for people.';
COMMENT ON COLUMN events.component   IS 'Who says so.';
COMMENT ON COLUMN events.count       IS 'How often.';
COMMENT ON COLUMN events.first_at    IS 'First time.';
COMMENT ON COLUMN events.last_at     IS 'Last time.';

-- Every row is written again every few seconds: room in each page keeps that from moving any index.
CREATE TABLE node_runtime (
    cluster      text        NOT NULL,
    node         text        NOT NULL,
    uid          uuid        NOT NULL,
    session      bigint      NOT NULL,
    connected    boolean     NOT NULL,
    attempted    bigint      NOT NULL,
    durable      bigint      NOT NULL,
    rejected     json        NOT NULL,
    last_contact timestamptz NOT NULL,
    PRIMARY KEY (cluster, node)
) WITH (fillfactor = 50);
COMMENT ON TABLE  node_runtime              IS 'What each node last reported. Outside log and revisions, written in bulk.';
COMMENT ON COLUMN node_runtime.cluster      IS 'Name of the cluster.';
COMMENT ON COLUMN node_runtime.node         IS 'Name of the node.';
COMMENT ON COLUMN node_runtime.uid          IS 'Identity of the node.';
COMMENT ON COLUMN node_runtime.session      IS 'Session that the plugin chose; rows of older ones are refused.';
COMMENT ON COLUMN node_runtime.connected    IS 'A stream is open.';
COMMENT ON COLUMN node_runtime.attempted    IS 'Tried up to this revision.';
COMMENT ON COLUMN node_runtime.durable      IS 'Would remember up to this revision after a crash.';
COMMENT ON COLUMN node_runtime.rejected     IS 'What it could not apply.';
COMMENT ON COLUMN node_runtime.last_contact IS 'Last sign of life.';
