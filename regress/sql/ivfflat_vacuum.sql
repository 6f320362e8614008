-- VACUUM of ivfflat indexes: dead rows leave, their slots are used again, the file does not grow.
SET enable_seqscan = off;
SET ivfflat.probes = 100;

CREATE TABLE t (id int, v vector(16)) WITH (autovacuum_enabled = off);
CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(i * (k + 3) * 7919 % 100003)::vector FROM generate_series(1, 16) k';
CREATE FUNCTION in_index() RETURNS bigint LANGUAGE sql AS
    'SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> row_of(1)) s';
INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 3000) i;
CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 20);
CREATE TABLE size AS SELECT pg_relation_size('t_v') AS bytes;

-- a part
DELETE FROM t WHERE id % 3 = 0;
VACUUM (INDEX_CLEANUP ON) t;
SELECT reltuples FROM pg_class WHERE relname = 't_v';
SELECT in_index();
SELECT id FROM t ORDER BY v <-> row_of(300) LIMIT 1;
INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 3000) i WHERE i % 3 = 0;
SELECT in_index();
SELECT id FROM t ORDER BY v <-> row_of(300) LIMIT 1;
SELECT pg_relation_size('t_v') = bytes AS same_size FROM size;

-- all, twice over
DELETE FROM t;
VACUUM (INDEX_CLEANUP ON) t;
SELECT in_index();
INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 3000) i;
DELETE FROM t;
VACUUM (INDEX_CLEANUP ON) t;
VACUUM (INDEX_CLEANUP ON) t;
INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 3000) i;
SELECT in_index();
SELECT pg_relation_size('t_v') = bytes AS same_size FROM size;

-- rows inserted beyond the build's pages: chained pages are emptied and used again, too
INSERT INTO t SELECT i, row_of(i) FROM generate_series(3001, 9000) i;
UPDATE size SET bytes = pg_relation_size('t_v');
SELECT in_index();
DELETE FROM t WHERE id > 3000;
VACUUM (INDEX_CLEANUP ON) t;
SELECT in_index();
INSERT INTO t SELECT i, row_of(i) FROM generate_series(3001, 9000) i;
SELECT in_index();
SELECT pg_relation_size('t_v') = bytes AS same_size FROM size;

-- rows of an aborted transaction are dead rows
BEGIN;
INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 500) i;
ROLLBACK;
VACUUM (INDEX_CLEANUP ON) t;
SELECT reltuples FROM pg_class WHERE relname = 't_v';
SELECT in_index();

DELETE FROM t WHERE id % 2 = 0;
VACUUM (INDEX_CLEANUP ON) t;
SELECT in_index();
SELECT count(*) FROM t;
-- nothing to do
VACUUM t;
ANALYZE t;
DROP TABLE t, size;
DROP FUNCTION in_index;
DROP FUNCTION row_of;
