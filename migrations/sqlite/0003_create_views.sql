-- Current objects with the columns that people ask for. For reading only; programs use the API.

-- Services.
CREATE VIEW services AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.namespace'                         AS namespace,            -- where it lives
       body ->> '$.meta.name'                         AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->> '$.spec.type'                         AS type,                 -- ClusterIP, NodePort or ExternalName
       body ->  '$.spec.cluster_ips.addresses'        AS cluster_ips,          -- virtual addresses, JSON; NULL: headless
       body ->> '$.spec.external_name'                AS external_name,        -- what an ExternalName stands for
       body ->  '$.spec.selector'                     AS selector,             -- labels of its workloads, JSON; NULL: by hand
       body ->> '$.meta.generation'                   AS generation,           -- version of its specification
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 4;

-- Ports of Services, one a row.
CREATE VIEW service_ports AS
SELECT o.cluster,                                                              -- name of the cluster
       o.body ->> '$.namespace'                       AS namespace,            -- namespace of the Service
       o.body ->> '$.meta.name'                       AS service,              -- name of the Service
       coalesce(p.value ->> '$.name', '')             AS name,                 -- name of the port
       p.value ->> '$.port'                           AS port,                 -- port that clients use
       p.value ->> '$.protocol'                       AS protocol,             -- TCP, UDP or SCTP
       coalesce(p.value ->> '$.target.number', p.value ->> '$.target.name') AS target,  -- port that backends listen on
       p.value ->> '$.node_port'                      AS node_port             -- port on every node
FROM objects o, json_each(o.body, '$.spec.ports') p WHERE o.kind = 4;

-- Workloads.
CREATE VIEW workloads AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.namespace'                         AS namespace,            -- where it lives
       body ->> '$.meta.name'                         AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->> '$.spec.node'                         AS node,                 -- node it runs on
       body ->  '$.spec.addresses'                    AS addresses,            -- its addresses, JSON
       body ->  '$.meta.labels'                       AS labels,               -- its labels, JSON
       body ->> '$.health.serving'                    AS serving,              -- last accepted probe result; NULL: none yet
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 5;

-- Endpoints.
CREATE VIEW endpoints AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.namespace'                         AS namespace,            -- where it lives
       body ->> '$.name'                              AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->> '$.service'                           AS service,              -- Service that it serves
       body ->> '$.address'                           AS address,              -- where traffic goes
       body ->  '$.ports'                             AS ports,                -- ports of the Service that it serves, JSON
       body ->> '$.node'                              AS node,                 -- node it runs on
       body ->> '$.zone'                              AS zone,                 -- zone it is in
       body ->> '$.ready'                             AS ready,                -- 1: may be chosen
       body ->> '$.serving'                           AS serving,              -- 1: answers
       body ->> '$.terminating'                       AS terminating,          -- 1: about to end
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 6;

-- Nodes.
CREATE VIEW nodes AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.meta.name'                         AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->  '$.spec.addresses'                    AS addresses,            -- its addresses, JSON
       body ->> '$.spec.zone'                         AS zone,                 -- zone it is in
       body ->> '$.spec.dataplane'                    AS dataplane,            -- kind of its dataplane
       body ->> '$.session'                           AS session,              -- highest session with a committed report
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 7;

-- Namespaces.
CREATE VIEW namespaces AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.meta.name'                         AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->  '$.meta.labels'                       AS labels,               -- its labels, JSON
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 3;

-- Ranges for virtual addresses.
CREATE VIEW service_cidrs AS
SELECT cluster,                                                                -- name of the cluster
       body ->> '$.meta.name'                         AS name,                 -- its name
       uid,                                                                    -- its identity
       body ->  '$.cidrs'                             AS cidrs,                -- one range, or one of each family, JSON
       revision                                                                -- commit that last wrote it
FROM objects WHERE kind = 2;
