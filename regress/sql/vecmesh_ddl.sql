-- DDL on distributed tables: what reaches the shards, and that all else is refused.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 112000;
CREATE TABLE things (id int PRIMARY KEY, word text, embedding vector(2), serial_no serial);
SELECT vecmesh.create_distributed_table('things', 'id');
INSERT INTO things (id, word, embedding) SELECT i, 'w' || i, ARRAY[i, i % 10]::vector FROM generate_series(1, 200) i;

-- CREATE INDEX
CREATE INDEX ON things (word);
CREATE INDEX things_partial ON things (lower(word) text_pattern_ops) WHERE id > 100;
CREATE UNIQUE INDEX things_unique ON things (word, id) WITH (fillfactor = 80);
CREATE INDEX things_ivf ON things USING ivfflat (embedding vector_l2_ops) WITH (lists = 2);
CREATE INDEX IF NOT EXISTS things_partial ON things (id);
CREATE INDEX IF NOT EXISTS things_new ON things (id) INCLUDE (word);
CREATE INDEX things_partial ON things (id);
CREATE UNIQUE INDEX ON things (word);
CREATE UNIQUE INDEX ON things (lower(word), (id + 1));
CREATE INDEX ON things (nothing);
CREATE INDEX CONCURRENTLY things_concurrently ON things (id, word);
CREATE UNIQUE INDEX CONCURRENTLY ON things (word);
BEGIN;
CREATE INDEX CONCURRENTLY ON things (id);
ROLLBACK;
BEGIN;
CREATE INDEX things_undone ON things (id);
ROLLBACK;
SELECT objects FROM on_shards('^things_.*_112000$');
SELECT result FROM on_workers($$ SELECT string_agg(pg_get_indexdef(oid), E'\n' ORDER BY relname) FROM pg_class
    WHERE relkind = 'i' AND relname ~ '^things_(ivf|partial|unique|new)_112000$' $$) WHERE result IS NOT NULL;
SELECT indexrelid::regclass, indisvalid FROM pg_index WHERE indrelid = 'things'::regclass ORDER BY indexrelid::regclass::text;
SET enable_seqscan = off;
SELECT id FROM things ORDER BY embedding <-> '[42,2]' LIMIT 3;
RESET enable_seqscan;

-- CONCURRENTLY that fails on the workers leaves an invalid index, which can be dropped.
INSERT INTO things (id, word) VALUES (1001, 'x'), (1002, 'y');
\set VERBOSITY sqlstate
CREATE INDEX CONCURRENTLY things_broken ON things ((1 / (id - 1001)));
\set VERBOSITY default
SELECT indisvalid FROM pg_index WHERE indexrelid = 'things_broken'::regclass;
DROP INDEX things_broken;
SELECT count(*) FROM on_shards('^things_broken') WHERE objects IS NOT NULL;
DELETE FROM things WHERE id > 1000;

-- DROP INDEX, REINDEX
BEGIN;
DROP INDEX things_partial;
SELECT count(*) FROM on_shards('^things_partial') WHERE objects IS NOT NULL; -- sees what is committed
ROLLBACK;
DROP INDEX things_partial, things_new;
DROP INDEX IF EXISTS things_partial;
DROP INDEX things_partial;
DROP INDEX CONCURRENTLY things_word_idx;
DROP INDEX things_pkey;
SELECT objects FROM on_shards('^things_.*_112000$');
REINDEX INDEX things_word_idx;
REINDEX TABLE things;
REINDEX TABLE CONCURRENTLY things;
REINDEX (CONCURRENTLY) INDEX things_word_idx;

-- ANALYZE, VACUUM
SELECT reltuples FROM pg_class WHERE oid = 'things'::regclass;
ANALYZE things;
SELECT reltuples, relpages > 0 AS pages FROM pg_class WHERE oid = 'things'::regclass;
SELECT sum(result::int) FROM on_workers($$ SELECT count(*) FROM pg_stats WHERE tablename ~ '^things_1120..$' $$);
DELETE FROM things WHERE id > 100;
BEGIN;
VACUUM things;
ROLLBACK;
VACUUM (FREEZE, ANALYZE) things (word);
SELECT reltuples FROM pg_class WHERE oid = 'things'::regclass;
VACUUM FULL things;
BEGIN;
ANALYZE things (id), pg_class;
COMMIT;
SELECT vecmesh.table_size('things') BETWEEN 100000 AND 10000000 AS size;

-- TRUNCATE
CREATE TABLE local_one (i int);
INSERT INTO local_one VALUES (1);
CREATE TABLE other (k int);
SELECT vecmesh.create_distributed_table('other', 'k');
INSERT INTO other SELECT generate_series(1, 10);
BEGIN;
TRUNCATE things, local_one, other;
SELECT (SELECT count(*) FROM things), (SELECT count(*) FROM local_one), (SELECT count(*) FROM other);
ROLLBACK;
SELECT (SELECT count(*) FROM things), (SELECT count(*) FROM local_one), (SELECT count(*) FROM other);
TRUNCATE TABLE things RESTART IDENTITY;
TRUNCATE ONLY other CASCADE;
SELECT (SELECT count(*) FROM things), (SELECT count(*) FROM local_one), (SELECT count(*) FROM other);
INSERT INTO things (id) VALUES (1);
SELECT id, serial_no FROM things;

-- GRANT
CREATE ROLE vecmesh_reader;
SET ROLE vecmesh_reader;
SELECT count(*) FROM things;
TRUNCATE things;
CREATE INDEX ON things (id);
\set VERBOSITY sqlstate
VACUUM things;
\set VERBOSITY default
SELECT vecmesh.undistribute_table('things');
SELECT vecmesh.table_size('things');
RESET ROLE;
GRANT SELECT, INSERT (id) ON things TO vecmesh_reader WITH GRANT OPTION;
SELECT result FROM on_workers($$ SELECT replace(relacl::text, 'xtm/', 'xt/') FROM pg_class WHERE relname = 'things_112000' $$) WHERE result ~ '=';
REVOKE GRANT OPTION FOR SELECT ON things FROM vecmesh_reader CASCADE;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO PUBLIC;
SELECT result FROM on_workers($$ SELECT replace(relacl::text, 'xtm/', 'xt/') FROM pg_class WHERE relname = 'things_112000' $$) WHERE result ~ '=';
REVOKE ALL ON things, local_one FROM vecmesh_reader, PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC;
SELECT result FROM on_workers($$ SELECT replace(relacl::text, 'xtm/', 'xt/') FROM pg_class WHERE relname = 'things_112000' $$) WHERE result ~ '=';
-- rights and owner that a table has when it is distributed
CREATE SCHEMA granted;
GRANT USAGE, CREATE ON SCHEMA granted TO vecmesh_reader;
CREATE TABLE granted.one (k int, v int);
GRANT SELECT ON granted.one TO PUBLIC;
GRANT UPDATE (v) ON granted.one TO pg_monitor;
ALTER TABLE granted.one OWNER TO vecmesh_reader;
SELECT vecmesh.create_distributed_table('granted.one', 'k');
SELECT DISTINCT result FROM on_workers($$ SELECT format('%s %s %s', relowner::regrole, replace(relacl::text, 'xtm/', 'xt/'),
    (SELECT attacl FROM pg_attribute a WHERE attrelid = c.oid AND attname = 'v')) FROM pg_class c WHERE relname ~ '^one_' LIMIT 1 $$);
DROP SCHEMA granted CASCADE;
DROP OWNED BY vecmesh_reader;
DROP ROLE vecmesh_reader;

-- Refused, and nothing changed.
CREATE FUNCTION trigger_function() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE ROLE vecmesh_owner;
CREATE TYPE some_type AS ENUM ('x');
ALTER TABLE things ADD COLUMN more int;
ALTER TABLE things DROP COLUMN word;
ALTER TABLE things ALTER COLUMN word TYPE varchar;
ALTER TABLE things ALTER COLUMN word SET DEFAULT 'x';
ALTER TABLE things ADD CHECK (id > 0);
ALTER TABLE things DROP CONSTRAINT things_pkey;
ALTER TABLE things ADD UNIQUE (word, id);
ALTER TABLE things ADD FOREIGN KEY (id) REFERENCES things;
ALTER TABLE things OWNER TO vecmesh_owner;
ALTER TABLE things ENABLE ROW LEVEL SECURITY;
ALTER TABLE things SET (fillfactor = 50);
ALTER TABLE things RENAME TO stuff;
ALTER TABLE things RENAME COLUMN word TO words;
ALTER TABLE things RENAME CONSTRAINT things_pkey TO stuff_pkey;
ALTER TABLE things SET SCHEMA pg_temp;
ALTER TABLE things INHERIT local_one;
ALTER TABLE local_one INHERIT things;
ALTER TABLE IF EXISTS things SET UNLOGGED;
ALTER INDEX things_pkey RENAME TO stuff_pkey;
ALTER INDEX things_word_idx SET (fillfactor = 50);
ALTER INDEX things_word_idx DEPENDS ON EXTENSION vector;
CREATE TRIGGER tr BEFORE INSERT ON things FOR EACH ROW EXECUTE FUNCTION trigger_function();
CREATE RULE ru AS ON INSERT TO things DO NOTHING;
CREATE POLICY po ON things USING (true);
CREATE STATISTICS st ON id, word FROM things;
CREATE TABLE child () INHERITS (things);
CREATE TABLE referencing (id int REFERENCES things);
CREATE PUBLICATION pu FOR TABLE things;
CREATE PUBLICATION pu FOR TABLE local_one, things;
CLUSTER things USING things_pkey;
ALTER SCHEMA public RENAME TO private;
DO 'BEGIN EXECUTE ''ALTER TABLE things ADD COLUMN more int''; END';
CREATE ROLE vecmesh_heir;
CREATE TABLE inherited (id int);
ALTER TABLE inherited OWNER TO vecmesh_owner;
SELECT vecmesh.create_distributed_table('inherited', 'id');
REASSIGN OWNED BY vecmesh_owner TO vecmesh_heir;
DROP OWNED BY vecmesh_owner;
SELECT * FROM on_shards('inherited') WHERE objects IS NOT NULL;
DROP ROLE vecmesh_heir;
DROP EXTENSION vecmesh;
DROP EXTENSION vecmesh CASCADE;
DROP SCHEMA vecmesh CASCADE;
DROP TYPE vector CASCADE;
\d things
SELECT worker, objects FROM on_shards('^things_112') ORDER BY 1;

-- Allowed: what concerns the coordinator alone.
COMMENT ON TABLE things IS 'distributed';
COMMENT ON COLUMN things.word IS 'a word';
BEGIN;
LOCK TABLE things IN ACCESS SHARE MODE;
COMMIT;
CREATE VIEW thing_view AS SELECT id FROM things;
SELECT * FROM thing_view;
CREATE TABLE like_things (LIKE things INCLUDING ALL);
CREATE TABLE as_things AS SELECT * FROM things;

-- DROP, by all ways; in a transaction that is rolled back, too.
BEGIN;
DROP TABLE other;
ROLLBACK;
SELECT count(*) FROM other;
DROP TABLE things;
DROP TABLE things CASCADE;
DROP TABLE other, local_one, like_things, as_things;
SELECT * FROM on_shards('_112[0-9]+$') WHERE objects IS NOT NULL;
CREATE SCHEMA doomed;
CREATE TABLE doomed.a (id int);
CREATE TABLE doomed.b (id int);
SELECT vecmesh.create_distributed_table('doomed.a', 'id'), vecmesh.create_distributed_table('doomed.b', 'id');
DROP SCHEMA doomed CASCADE;
DROP ROLE vecmesh_owner;
DROP TYPE some_type;
DROP FUNCTION trigger_function();
SELECT * FROM on_shards('_112[0-9]+$') WHERE objects IS NOT NULL;
SELECT count(*) FROM vecmesh.distributed_table;
SELECT count(*) FROM vecmesh.shard;
SELECT count(*) FROM vecmesh.placement;
SELECT count(*) FROM vecmesh.colocation;
