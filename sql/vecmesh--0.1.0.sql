-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION vecmesh" to load this file. \quit

-- ------------------------------------------------------------------------------------------------
-- Catalogs. Written by the functions below only; an administrator's manual edit works too, since the
-- triggers tell every session that its cache is stale. distribution/catalog/README.md explains them.
-- ------------------------------------------------------------------------------------------------

GRANT USAGE ON SCHEMA vecmesh TO PUBLIC;

CREATE TABLE vecmesh.cluster (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    cluster_id text NOT NULL
);
COMMENT ON TABLE vecmesh.cluster IS 'identity of this cluster; part of the names of its prepared transactions';
INSERT INTO vecmesh.cluster (cluster_id) VALUES (pg_catalog.gen_random_uuid()::text);

CREATE SEQUENCE vecmesh.metadata_version_seq;
COMMENT ON SEQUENCE vecmesh.metadata_version_seq IS 'advanced by every change of the catalogs';
CREATE SEQUENCE vecmesh.node_id_seq AS integer;
COMMENT ON SEQUENCE vecmesh.node_id_seq IS 'node ids';
CREATE SEQUENCE vecmesh.group_id_seq AS integer;
COMMENT ON SEQUENCE vecmesh.group_id_seq IS 'node group ids; 0 is the coordinator';
CREATE SEQUENCE vecmesh.colocation_id_seq AS integer;
COMMENT ON SEQUENCE vecmesh.colocation_id_seq IS 'co-location ids';
CREATE SEQUENCE vecmesh.shard_id_seq AS bigint START WITH 102008;
COMMENT ON SEQUENCE vecmesh.shard_id_seq IS 'shard ids, which end the names of shards';
CREATE SEQUENCE vecmesh.placement_id_seq AS bigint;
COMMENT ON SEQUENCE vecmesh.placement_id_seq IS 'placement ids';

CREATE TABLE vecmesh.node_group (
    group_id integer PRIMARY KEY CHECK (group_id >= 0)
);
COMMENT ON TABLE vecmesh.node_group IS 'a primary database and its standbys; what a placement points at';
INSERT INTO vecmesh.node_group VALUES (0);

CREATE TABLE vecmesh.node (
    node_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('vecmesh.node_id_seq'),
    group_id integer NOT NULL REFERENCES vecmesh.node_group,
    host text NOT NULL CHECK (host <> ''),
    port integer NOT NULL CHECK (port BETWEEN 1 AND 65535),
    dbname text NOT NULL CHECK (dbname <> ''),
    role text NOT NULL DEFAULT 'primary' CHECK (role IN ('primary', 'standby')),
    is_active boolean NOT NULL DEFAULT true,
    identity text UNIQUE,
    UNIQUE (host, port, dbname)
);
COMMENT ON TABLE vecmesh.node IS 'the databases of the cluster, and how to reach them';
COMMENT ON COLUMN vecmesh.node.identity IS
    'system identifier of the server and oid of the database: the same database under two addresses is refused';
CREATE UNIQUE INDEX node_primary_idx ON vecmesh.node (group_id) WHERE role = 'primary';
COMMENT ON INDEX vecmesh.node_primary_idx IS 'one primary per node group';

CREATE TABLE vecmesh.colocation (
    colocation_id integer PRIMARY KEY DEFAULT pg_catalog.nextval('vecmesh.colocation_id_seq'),
    shard_count integer NOT NULL CHECK (shard_count > 0),
    column_type regtype NOT NULL,
    column_collation oid NOT NULL,
    is_default boolean NOT NULL
);
COMMENT ON TABLE vecmesh.colocation IS 'sets of tables whose shards of equal hash range lie on the same node group';
COMMENT ON COLUMN vecmesh.colocation.is_default IS 'new tables of this column type and shard count join by default';

CREATE TABLE vecmesh.distributed_table (
    relation regclass PRIMARY KEY,
    method text NOT NULL CHECK (method IN ('hash')),
    column_name name NOT NULL,
    colocation_id integer NOT NULL REFERENCES vecmesh.colocation
);
COMMENT ON TABLE vecmesh.distributed_table IS 'the distributed tables';

CREATE TABLE vecmesh.shard (
    shard_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('vecmesh.shard_id_seq'),
    relation regclass NOT NULL REFERENCES vecmesh.distributed_table,
    min_hash bigint NOT NULL,
    max_hash bigint NOT NULL,
    CHECK (min_hash <= max_hash)
);
COMMENT ON TABLE vecmesh.shard IS 'the shards of each distributed table and the hash range of each';
CREATE INDEX shard_relation_idx ON vecmesh.shard (relation);
COMMENT ON INDEX vecmesh.shard_relation_idx IS 'the shards of a table';

CREATE TABLE vecmesh.placement (
    placement_id bigint PRIMARY KEY DEFAULT pg_catalog.nextval('vecmesh.placement_id_seq'),
    shard_id bigint NOT NULL REFERENCES vecmesh.shard,
    group_id integer NOT NULL REFERENCES vecmesh.node_group,
    state text NOT NULL DEFAULT 'active' CHECK (state IN ('active')),
    UNIQUE (shard_id, group_id)
);
COMMENT ON TABLE vecmesh.placement IS 'which node group holds a shard';
CREATE INDEX placement_group_idx ON vecmesh.placement (group_id);
COMMENT ON INDEX vecmesh.placement_group_idx IS 'the placements on a node group';

CREATE TABLE vecmesh.transaction_record (
    group_id integer NOT NULL,
    gid text NOT NULL,
    PRIMARY KEY (group_id, gid)
);
COMMENT ON TABLE vecmesh.transaction_record IS
    'commit records of two-phase commit: a prepared transaction named here is to be committed';

-- What pg_dump takes along. Commit records and the cluster's identity stay: a restored copy is
-- another cluster, and must not decide about the prepared transactions of this one.
SELECT pg_catalog.pg_extension_config_dump('vecmesh.node_group', 'WHERE group_id <> 0');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.node', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.colocation', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.distributed_table', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.shard', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.placement', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.node_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.group_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.colocation_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.shard_id_seq', '');
SELECT pg_catalog.pg_extension_config_dump('vecmesh.placement_id_seq', '');

REVOKE ALL ON ALL TABLES IN SCHEMA vecmesh FROM PUBLIC;
GRANT SELECT ON ALL TABLES IN SCHEMA vecmesh TO PUBLIC;

CREATE FUNCTION vecmesh.catalog_changed() RETURNS trigger
    AS 'MODULE_PATHNAME', 'vecmesh_catalog_changed' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.catalog_changed() IS 'tells every session that the catalogs have changed';
REVOKE ALL ON FUNCTION vecmesh.catalog_changed() FROM PUBLIC;

CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE ON vecmesh.distributed_table
    FOR EACH ROW EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_truncated AFTER TRUNCATE ON vecmesh.distributed_table
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.cluster
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.node_group
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.node
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.colocation
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.shard
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();
CREATE TRIGGER catalog_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON vecmesh.placement
    FOR EACH STATEMENT EXECUTE FUNCTION vecmesh.catalog_changed();

-- ------------------------------------------------------------------------------------------------
-- Nodes
-- ------------------------------------------------------------------------------------------------

CREATE FUNCTION vecmesh.add_node(host text, port integer, dbname text DEFAULT pg_catalog.current_database())
    RETURNS integer
    AS 'MODULE_PATHNAME', 'vecmesh_add_node' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.add_node(text, integer, text) IS 'adds a worker database to the cluster';
REVOKE ALL ON FUNCTION vecmesh.add_node(text, integer, text) FROM PUBLIC;

CREATE FUNCTION vecmesh.remove_node(host text, port integer, dbname text DEFAULT pg_catalog.current_database())
    RETURNS void
    AS 'MODULE_PATHNAME', 'vecmesh_remove_node' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.remove_node(text, integer, text) IS
    'removes a worker database that holds no shards from the cluster';
REVOKE ALL ON FUNCTION vecmesh.remove_node(text, integer, text) FROM PUBLIC;

CREATE FUNCTION vecmesh.run_on_workers(command text, OUT node text, OUT success boolean, OUT result text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'vecmesh_run_on_workers' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.run_on_workers(text) IS
    'runs a command on every worker, outside the transaction, and shows its first value or its error';
REVOKE ALL ON FUNCTION vecmesh.run_on_workers(text) FROM PUBLIC;

-- ------------------------------------------------------------------------------------------------
-- Tables
-- ------------------------------------------------------------------------------------------------

CREATE FUNCTION vecmesh.create_distributed_table(relation regclass, column_name text,
        shard_count integer DEFAULT NULL, colocate_with text DEFAULT 'default')
    RETURNS void
    AS 'MODULE_PATHNAME', 'vecmesh_create_distributed_table' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.create_distributed_table(regclass, text, integer, text) IS
    'spreads a table, with the rows it holds, over the workers by the hash of a column';

CREATE FUNCTION vecmesh.undistribute_table(relation regclass) RETURNS void
    AS 'MODULE_PATHNAME', 'vecmesh_undistribute_table' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.undistribute_table(regclass) IS
    'brings the rows of a distributed table back and makes it an ordinary table';

CREATE FUNCTION vecmesh.table_size(relation regclass) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecmesh_table_size' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.table_size(regclass) IS
    'bytes that the shards of a distributed table use on the workers, with indexes and TOAST';

CREATE FUNCTION vecmesh.drop_shards() RETURNS event_trigger
    AS 'MODULE_PATHNAME', 'vecmesh_drop_shards' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.drop_shards() IS
    'drops the shards and the metadata of distributed tables that have been dropped';
REVOKE ALL ON FUNCTION vecmesh.drop_shards() FROM PUBLIC;
CREATE EVENT TRIGGER vecmesh_drop_shards ON sql_drop EXECUTE FUNCTION vecmesh.drop_shards();
COMMENT ON EVENT TRIGGER vecmesh_drop_shards IS 'drops the shards of dropped distributed tables';

CREATE FUNCTION vecmesh.shard_object_name(name, bigint) RETURNS name
    AS 'MODULE_PATHNAME', 'vecmesh_shard_object_name' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecmesh.shard_object_name(name, bigint) IS
    'name that an object of a distributed table has on a shard';

CREATE FUNCTION vecmesh.shard_for(relation regclass, value anyelement) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecmesh_shard_for' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecmesh.shard_for(regclass, anyelement) IS
    'id of the shard that holds rows with this value of the distribution column';

CREATE FUNCTION vecmesh.shard_for(relation regclass, value text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'vecmesh_shard_for' LANGUAGE C STABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vecmesh.shard_for(regclass, text) IS
    'id of the shard that holds rows with this value of the distribution column';

-- ------------------------------------------------------------------------------------------------
-- Views for people
-- ------------------------------------------------------------------------------------------------

CREATE VIEW vecmesh.nodes AS
    SELECT n.node_id, n.group_id, n.host, n.port, n.dbname, n.role, n.is_active,
           (SELECT pg_catalog.count(*) FROM vecmesh.placement p WHERE p.group_id = n.group_id) AS shards
    FROM vecmesh.node n;
COMMENT ON VIEW vecmesh.nodes IS 'nodes of the cluster and the number of shards each holds';

CREATE VIEW vecmesh.tables AS
    SELECT t.relation, t.method, t.column_name,
           (SELECT pg_catalog.count(*) FROM vecmesh.shard s WHERE s.relation = t.relation) AS shard_count,
           t.colocation_id
    FROM vecmesh.distributed_table t;
COMMENT ON VIEW vecmesh.tables IS 'distributed tables';

CREATE VIEW vecmesh.shards AS
    SELECT s.relation, s.shard_id,
           ns.nspname AS schema_name, vecmesh.shard_object_name(c.relname, s.shard_id) AS shard_name,
           s.min_hash, s.max_hash, n.node_id, n.host, n.port, n.dbname
    FROM vecmesh.shard s
    JOIN vecmesh.placement p USING (shard_id)
    LEFT JOIN vecmesh.node n ON n.group_id = p.group_id AND n.role = 'primary'
    LEFT JOIN pg_catalog.pg_class c ON c.oid = s.relation
    LEFT JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace;
COMMENT ON VIEW vecmesh.shards IS 'shards of the distributed tables and where they are';

GRANT SELECT ON vecmesh.nodes, vecmesh.tables, vecmesh.shards TO PUBLIC;

-- ------------------------------------------------------------------------------------------------
-- Transactions
-- ------------------------------------------------------------------------------------------------

CREATE FUNCTION vecmesh.list_prepared_transactions(
        OUT group_id integer, OUT node text, OUT gid text, OUT prepared timestamptz,
        OUT owner text, OUT decision text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'vecmesh_list_prepared_transactions' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.list_prepared_transactions() IS
    'asks all workers for prepared transactions of this coordinator';
REVOKE ALL ON FUNCTION vecmesh.list_prepared_transactions() FROM PUBLIC;

CREATE VIEW vecmesh.prepared_transactions AS
    SELECT group_id, node, gid, prepared, owner, decision FROM vecmesh.list_prepared_transactions();
COMMENT ON VIEW vecmesh.prepared_transactions IS
    'prepared transactions of this coordinator on the workers, and how recovery will end each';
REVOKE ALL ON vecmesh.prepared_transactions FROM PUBLIC;

CREATE FUNCTION vecmesh.recover_prepared_transactions() RETURNS integer
    AS 'MODULE_PATHNAME', 'vecmesh_recover_prepared_transactions' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION vecmesh.recover_prepared_transactions() IS
    'commits or rolls back prepared transactions that were left behind on workers; returns how many';
REVOKE ALL ON FUNCTION vecmesh.recover_prepared_transactions() FROM PUBLIC;
