-- The catalogs: constraints, rights, edits by hand, what pg_dump takes.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 113000;

-- Everything has a comment, and nobody but the owner writes.
SELECT c.oid::regclass FROM pg_class c WHERE relnamespace = 'vecmesh'::regnamespace
    AND relkind IN ('r', 'v', 'S') AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'vecmesh'::regnamespace
    AND obj_description(p.oid, 'pg_proc') IS NULL;
SELECT c.oid::regclass FROM pg_class c, aclexplode(relacl) a
    WHERE relnamespace = 'vecmesh'::regnamespace AND grantee = 0 AND privilege_type <> 'SELECT';
SELECT p.oid::regprocedure FROM pg_proc p WHERE pronamespace = 'vecmesh'::regnamespace
    AND NOT has_function_privilege('public', p.oid, 'EXECUTE') ORDER BY p.oid::regprocedure::text;
SELECT unnest(extconfig)::regclass, unnest(extcondition) FROM pg_extension WHERE extname = 'vecmesh';

-- Constraints
INSERT INTO vecmesh.node (group_id, host, port, dbname) VALUES (1, 'h', 1, 'd');
INSERT INTO vecmesh.node (group_id, host, port, dbname) VALUES (77, 'h', 1, 'd');
INSERT INTO vecmesh.node (group_id, host, port, dbname, role) VALUES (1, 'h', 70000, 'd', 'standby');
INSERT INTO vecmesh.shard (relation, min_hash, max_hash) VALUES ('pg_class', 1, 2);
DELETE FROM vecmesh.node_group WHERE group_id = 1;

-- A hand edit is seen at once, by prepared statements too.
CREATE TABLE edited (id int);
SELECT vecmesh.create_distributed_table('edited', 'id', 4);
PREPARE here AS SELECT count(*) FROM edited;
EXECUTE here;
INSERT INTO edited SELECT generate_series(1, 100);
EXECUTE here;
SELECT last_value AS before FROM vecmesh.metadata_version_seq \gset
BEGIN;
UPDATE vecmesh.shard SET max_hash = max_hash - 1 WHERE relation = 'edited'::regclass AND max_hash > 9e18;
SELECT vecmesh.shard_for('edited', 1);
ROLLBACK;
SELECT last_value > :before AS changed FROM vecmesh.metadata_version_seq;
SELECT vecmesh.shard_for('edited', 1) > 0 AS fine;
BEGIN;
DELETE FROM vecmesh.placement WHERE shard_id = 113001;
SELECT vecmesh.shard_for('edited', 1);
ROLLBACK;
EXECUTE here;
BEGIN;
DELETE FROM vecmesh.placement;
DELETE FROM vecmesh.shard;
DELETE FROM vecmesh.distributed_table;
EXECUTE here;
ROLLBACK;
EXECUTE here;
SELECT vecmesh.catalog_changed();
SELECT vecmesh.drop_shards();

-- What people without rights may do.
CREATE ROLE vecmesh_user;
SET ROLE vecmesh_user;
SELECT count(*) FROM vecmesh.nodes;
SELECT relation, shard_count FROM vecmesh.tables;
SELECT vecmesh.shard_for('edited', 1) > 0 AS fine;
DELETE FROM vecmesh.shard;
SELECT vecmesh.add_node('h', 1, 'd');
SELECT vecmesh.remove_node('h', 1, 'd');
SELECT vecmesh.run_on_workers('SELECT 1');
RESET ROLE;
DROP TABLE edited;
DEALLOCATE here;

-- Nodes that are no longer needed.
SELECT vecmesh.remove_node(test_host(), current_setting('port')::int, 'vecmesh_w4');
SELECT node_id, dbname FROM vecmesh.nodes ORDER BY 1;
CREATE TABLE on_three (id int);
SELECT vecmesh.create_distributed_table('on_three', 'id');
SELECT dbname, count(*) FROM vecmesh.shards GROUP BY 1 ORDER BY 1;
SELECT vecmesh.add_node(test_host(), current_setting('port')::int, 'vecmesh_w4');
SELECT node_id, group_id, dbname, shards FROM vecmesh.nodes ORDER BY 1;
DROP TABLE on_three;
DROP ROLE vecmesh_user;

-- A database without the extension notices nothing.
\c vecmesh_plain
CREATE TABLE plain (id int PRIMARY KEY, t text);
ALTER TABLE plain ADD COLUMN u int;
COPY plain (id, t) FROM stdin;
1	one
\.
COPY plain TO stdout;
CREATE INDEX ON plain (t);
TRUNCATE plain;
VACUUM ANALYZE plain;
DROP TABLE plain;
SHOW vecmesh.shard_count;
