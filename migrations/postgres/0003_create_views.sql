-- Current objects with the columns that people ask for. For reading only; programs use the API.

CREATE VIEW services AS SELECT
    cluster,
    body ->> 'namespace'                      AS namespace,
    body -> 'meta' ->> 'name'                 AS name,
    uid,
    body -> 'spec' ->> 'type'                 AS type,
    body #> '{spec,cluster_ips,addresses}'    AS cluster_ips,
    body -> 'spec' ->> 'external_name'        AS external_name,
    body -> 'spec' -> 'selector'              AS selector,
    (body -> 'meta' ->> 'generation')::bigint AS generation,
    revision
FROM objects WHERE kind = 4;
COMMENT ON VIEW services IS 'Services, from objects.';
COMMENT ON COLUMN services.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN services.namespace IS 'Where it lives.';
COMMENT ON COLUMN services.name IS 'Its name.';
COMMENT ON COLUMN services.uid IS 'Its identity.';
COMMENT ON COLUMN services.type IS 'ClusterIP, NodePort or ExternalName.';
COMMENT ON COLUMN services.cluster_ips IS 'Virtual addresses; NULL: headless.';
COMMENT ON COLUMN services.external_name IS 'What an ExternalName stands for.';
COMMENT ON COLUMN services.selector IS 'Labels of its workloads; NULL: its endpoints are written by hand.';
COMMENT ON COLUMN services.generation IS 'Version of its specification.';
COMMENT ON COLUMN services.revision IS 'Commit that last wrote it.';

CREATE VIEW service_ports AS SELECT
    o.cluster                                                      AS cluster,
    o.body ->> 'namespace'                                         AS namespace,
    o.body -> 'meta' ->> 'name'                                    AS service,
    coalesce(p ->> 'name', '')                                     AS name,
    (p ->> 'port')::integer                                        AS port,
    p ->> 'protocol'                                               AS protocol,
    coalesce(p -> 'target' ->> 'number', p -> 'target' ->> 'name') AS target,
    (p ->> 'node_port')::integer                                   AS node_port
FROM objects o CROSS JOIN LATERAL json_array_elements(o.body #> '{spec,ports}') AS p WHERE o.kind = 4;
COMMENT ON VIEW service_ports IS 'Ports of Services, one a row, from objects.';
COMMENT ON COLUMN service_ports.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN service_ports.namespace IS 'Namespace of the Service.';
COMMENT ON COLUMN service_ports.service IS 'Name of the Service.';
COMMENT ON COLUMN service_ports.name IS 'Name of the port.';
COMMENT ON COLUMN service_ports.port IS 'Port that clients use.';
COMMENT ON COLUMN service_ports.protocol IS 'TCP, UDP or SCTP.';
COMMENT ON COLUMN service_ports.target IS 'Port that backends listen on, by number or name.';
COMMENT ON COLUMN service_ports.node_port IS 'Port on every node.';

CREATE VIEW workloads AS SELECT
    cluster,
    body ->> 'namespace'                      AS namespace,
    body -> 'meta' ->> 'name'                 AS name,
    uid,
    body -> 'spec' ->> 'node'                 AS node,
    body -> 'spec' -> 'addresses'             AS addresses,
    body -> 'meta' -> 'labels'                AS labels,
    (body -> 'health' ->> 'serving')::boolean AS serving,
    revision
FROM objects WHERE kind = 5;
COMMENT ON VIEW workloads IS 'Workloads, from objects.';
COMMENT ON COLUMN workloads.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN workloads.namespace IS 'Where it lives.';
COMMENT ON COLUMN workloads.name IS 'Its name.';
COMMENT ON COLUMN workloads.uid IS 'Its identity.';
COMMENT ON COLUMN workloads.node IS 'Node it runs on.';
COMMENT ON COLUMN workloads.addresses IS 'Its addresses.';
COMMENT ON COLUMN workloads.labels IS 'Its labels.';
COMMENT ON COLUMN workloads.serving IS 'Last accepted probe result; NULL: none yet.';
COMMENT ON COLUMN workloads.revision IS 'Commit that last wrote it.';

CREATE VIEW endpoints AS SELECT
    cluster,
    body ->> 'namespace'              AS namespace,
    body ->> 'name'                   AS name,
    uid,
    body ->> 'service'                AS service,
    (body ->> 'address')::inet        AS address,
    body -> 'ports'                   AS ports,
    body ->> 'node'                   AS node,
    body ->> 'zone'                   AS zone,
    (body ->> 'ready')::boolean       AS ready,
    (body ->> 'serving')::boolean     AS serving,
    (body ->> 'terminating')::boolean AS terminating,
    revision
FROM objects WHERE kind = 6;
COMMENT ON VIEW endpoints IS 'Endpoints, from objects.';
COMMENT ON COLUMN endpoints.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN endpoints.namespace IS 'Where it lives.';
COMMENT ON COLUMN endpoints.name IS 'Its name.';
COMMENT ON COLUMN endpoints.uid IS 'Its identity.';
COMMENT ON COLUMN endpoints.service IS 'Service that it serves.';
COMMENT ON COLUMN endpoints.address IS 'Where traffic goes.';
COMMENT ON COLUMN endpoints.ports IS 'Ports of the Service that it serves.';
COMMENT ON COLUMN endpoints.node IS 'Node it runs on.';
COMMENT ON COLUMN endpoints.zone IS 'Zone it is in.';
COMMENT ON COLUMN endpoints.ready IS 'May be chosen.';
COMMENT ON COLUMN endpoints.serving IS 'Answers.';
COMMENT ON COLUMN endpoints.terminating IS 'About to end.';
COMMENT ON COLUMN endpoints.revision IS 'Commit that last wrote it.';

CREATE VIEW nodes AS SELECT
    cluster,
    body -> 'meta' ->> 'name'      AS name,
    uid,
    body -> 'spec' -> 'addresses'  AS addresses,
    body -> 'spec' ->> 'zone'      AS zone,
    body -> 'spec' ->> 'dataplane' AS dataplane,
    (body ->> 'session')::numeric  AS session,
    revision
FROM objects WHERE kind = 7;
COMMENT ON VIEW nodes IS 'Nodes, from objects.';
COMMENT ON COLUMN nodes.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN nodes.name IS 'Its name.';
COMMENT ON COLUMN nodes.uid IS 'Its identity.';
COMMENT ON COLUMN nodes.addresses IS 'Its addresses.';
COMMENT ON COLUMN nodes.zone IS 'Zone it is in.';
COMMENT ON COLUMN nodes.dataplane IS 'Kind of its dataplane.';
COMMENT ON COLUMN nodes.session IS 'Highest session with a committed report.';
COMMENT ON COLUMN nodes.revision IS 'Commit that last wrote it.';

CREATE VIEW namespaces AS SELECT
    cluster,
    body -> 'meta' ->> 'name'  AS name,
    uid,
    body -> 'meta' -> 'labels' AS labels,
    revision
FROM objects WHERE kind = 3;
COMMENT ON VIEW namespaces IS 'Namespaces, from objects.';
COMMENT ON COLUMN namespaces.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN namespaces.name IS 'Its name.';
COMMENT ON COLUMN namespaces.uid IS 'Its identity.';
COMMENT ON COLUMN namespaces.labels IS 'Its labels.';
COMMENT ON COLUMN namespaces.revision IS 'Commit that last wrote it.';

CREATE VIEW service_cidrs AS SELECT
    cluster,
    body -> 'meta' ->> 'name' AS name,
    uid,
    body -> 'cidrs'           AS cidrs,
    revision
FROM objects WHERE kind = 2;
COMMENT ON VIEW service_cidrs IS 'Ranges for virtual addresses, from objects.';
COMMENT ON COLUMN service_cidrs.cluster IS 'Name of the cluster.';
COMMENT ON COLUMN service_cidrs.name IS 'Its name.';
COMMENT ON COLUMN service_cidrs.uid IS 'Its identity.';
COMMENT ON COLUMN service_cidrs.cidrs IS 'One range, or one of each family.';
COMMENT ON COLUMN service_cidrs.revision IS 'Commit that last wrote it.';
