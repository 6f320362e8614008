-- Writes to distributed tables that must fail, with what the client is told and nothing left behind.
-- Uses twin() and contents() of vecmesh_write_setup.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 840000;
SET search_path = writing, public;
CREATE TABLE dist.guarded (
    id int PRIMARY KEY,
    a int NOT NULL,
    b int,
    c text,
    CONSTRAINT b_small CHECK (b < 100),
    UNIQUE (id, c)
);
CREATE TABLE local.guarded (LIKE dist.guarded INCLUDING ALL);
SELECT vecmesh.create_distributed_table('dist.guarded', 'id', shard_count => 4);
SELECT twin($$INSERT INTO guarded SELECT i, i, i, 'c' || i FROM generate_series(1, 50) i$$);

-- constraints: SQLSTATE, message and names are those of the table, not of a shard
SELECT twin($$INSERT INTO guarded VALUES (1, 1, 1, 'x')$$);
SELECT twin($$INSERT INTO guarded VALUES (60, NULL, 1, 'x')$$);
SELECT twin($$INSERT INTO guarded VALUES (60, 1, 100, 'x')$$);
SELECT twin($$INSERT INTO guarded VALUES (NULL, 1, 1, 'x')$$);
SELECT twin($$INSERT INTO guarded SELECT i, 1 FROM generate_series(60, 90) i UNION ALL SELECT 1, 1$$);
SELECT twin($$INSERT INTO guarded SELECT i, 1, i FROM generate_series(60, 130) i$$);
SELECT twin($$UPDATE guarded SET b = b + 90$$) ~ '^same: ERROR 23514: new row for relation "guarded" violates check constraint "b_small"' AS same;
SELECT twin($$UPDATE guarded SET a = NULL WHERE id = 3$$);
SELECT twin($$UPDATE guarded SET b = 100 FROM generate_series(3, 3) g WHERE id = g$$);
SELECT contents('guarded');
SET client_min_messages = notice;
DO $$
DECLARE c text; t text; s text; k text;
BEGIN
    INSERT INTO dist.guarded VALUES (1, 1, 1, 'x');
EXCEPTION WHEN unique_violation THEN
    GET STACKED DIAGNOSTICS c = CONSTRAINT_NAME, t = TABLE_NAME, s = SCHEMA_NAME, k = PG_EXCEPTION_DETAIL;
    RAISE NOTICE 'constraint % of %.%: %', c, s, t, k;
END $$;
SET client_min_messages = warning;

-- the distribution column
CREATE TABLE dist.loose (id int, v text);
SELECT vecmesh.create_distributed_table('dist.loose', 'id', shard_count => 4);
INSERT INTO dist.loose VALUES (NULL, 'x');
INSERT INTO dist.loose SELECT nullif(i, 30), 'x' FROM generate_series(1, 40) i;
SELECT count(*) FROM dist.loose;
UPDATE dist.guarded SET id = 5 WHERE id = 1;
UPDATE dist.guarded SET id = id + 0 WHERE id = 1;
INSERT INTO dist.guarded VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET id = 7;

-- what is not possible
MERGE INTO dist.guarded g USING writing.change c ON g.id = c.stock_id WHEN MATCHED THEN DELETE;
BEGIN;
DECLARE walk CURSOR FOR SELECT * FROM dist.guarded;
DELETE FROM dist.guarded WHERE CURRENT OF walk;
ROLLBACK;
INSERT INTO dist.guarded VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET c = writing.twice(guarded.a)::text;
INSERT INTO dist.guarded VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET c = (SELECT max(delta)::text FROM writing.change WHERE stock_id = guarded.id);
INSERT INTO dist.guarded VALUES (70, 1) RETURNING xmin;
UPDATE dist.guarded SET a = 1 WHERE id = 1 RETURNING ctid;
WITH new AS (INSERT INTO dist.guarded VALUES (71, 1) RETURNING id) SELECT * FROM new JOIN dist.guarded USING (id);
WITH new AS (INSERT INTO dist.guarded VALUES (71, 1)) UPDATE dist.guarded SET a = 2;
INSERT INTO dist.guarded VALUES (71, 1) RETURNING (SELECT count(*) FROM dist.guarded);
WITH gone AS (DELETE FROM dist.guarded WHERE id = 2 RETURNING id),
    changed AS (UPDATE dist.guarded SET a = 2 WHERE id IN (SELECT id + 1 FROM gone)) SELECT 1;
SELECT contents('guarded');

-- transactions
BEGIN READ ONLY;
INSERT INTO dist.guarded VALUES (80, 1);
ROLLBACK;
BEGIN READ ONLY;
DELETE FROM dist.guarded;
ROLLBACK;
BEGIN;
INSERT INTO dist.guarded VALUES (80, 1), (81, 1), (82, 1), (83, 1);
INSERT INTO dist.guarded VALUES (1, 1);
COMMIT;
SELECT contents('guarded');

-- privileges are the coordinator's table's
CREATE ROLE writing_reader;
GRANT USAGE ON SCHEMA dist TO writing_reader;
GRANT SELECT, UPDATE (a) ON dist.guarded TO writing_reader;
SET ROLE writing_reader;
INSERT INTO dist.guarded VALUES (90, 1);
DELETE FROM dist.guarded WHERE id = 1;
UPDATE dist.guarded SET b = 1 WHERE id = 1;
RESET ROLE;
DROP OWNED BY writing_reader;
SELECT bool_and(success) FROM vecmesh.run_on_workers('DROP OWNED BY writing_reader');
DROP ROLE writing_reader;

-- EXPLAIN without ANALYZE writes nothing
EXPLAIN (COSTS OFF) DELETE FROM dist.guarded;
SELECT contents('guarded');
SELECT count(*) FROM vecmesh.prepared_transactions;
DROP SCHEMA dist, local, writing CASCADE;
SELECT bool_and(success) FROM vecmesh.run_on_workers('DROP SCHEMA writing CASCADE');
