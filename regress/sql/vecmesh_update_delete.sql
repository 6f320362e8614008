-- UPDATE and DELETE of distributed tables, sent whole or row by row. Uses twin() and contents() of
-- vecmesh_write_setup.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 820000;
SET search_path = writing, public;
CREATE TABLE dist.stock (
    id int PRIMARY KEY,
    kind text,
    n int CHECK (n > -1000),
    price numeric,
    total numeric GENERATED ALWAYS AS (n * price) STORED,
    label text GENERATED ALWAYS AS (upper(kind)) STORED,
    slots int[],
    doc jsonb,
    embedding vector(2)
);
CREATE TABLE local.stock (LIKE dist.stock INCLUDING ALL);
SELECT vecmesh.create_distributed_table('dist.stock', 'id', shard_count => 8);
SELECT twin($$INSERT INTO stock (id, kind, n, price, slots, doc, embedding)
    SELECT i, (ARRAY['bolt', 'nut', NULL])[i % 3 + 1], i % 50, i % 7, ARRAY[i, i], jsonb_build_object('k', i),
        ARRAY[i % 10, 1]::vector
    FROM generate_series(1, 500) i$$);

-- sent whole
SELECT twin($$UPDATE stock SET n = n + 1 WHERE id = 7$$);
SELECT twin($$UPDATE stock SET n = n + 1, price = price * 1.5 WHERE id IN (7, 8, 9)$$);
SELECT twin($$UPDATE stock SET kind = lower(kind) || '-x', n = CASE WHEN n > 25 THEN 0 ELSE n END WHERE n > 20$$);
SELECT twin($$UPDATE stock SET n = n + 1$$);
SELECT twin($$UPDATE stock SET kind = NULL WHERE kind = 'nut'$$);
SELECT twin($$UPDATE stock SET n = 0 WHERE id = NULL$$);
SELECT twin($$UPDATE stock SET n = 0 WHERE false$$);
SELECT twin($$UPDATE stock SET n = -5 WHERE embedding <-> '[3,1]' < 0.5$$);
SELECT twin($$UPDATE stock SET id = id, n = 1 WHERE id = 20$$);
SELECT twin($$DELETE FROM stock WHERE id = 10$$);
SELECT twin($$DELETE FROM stock WHERE id = 10$$);
SELECT twin($$DELETE FROM stock WHERE n BETWEEN 30 AND 35$$);
SELECT twin($$DELETE FROM ONLY stock AS s WHERE s.id = ANY ('{11,12,13}')$$);
SELECT contents('stock');

-- row by row: assignments and conditions that workers cannot evaluate
UPDATE dist.stock SET n = writing.twice(n) WHERE id < 40; -- a generated column depends on it
SELECT twin($$UPDATE stock SET embedding = ARRAY[writing.twice(id), 0]::vector WHERE id < 40$$);
SELECT twin($$UPDATE stock SET slots[2] = 77, slots[5] = id, doc['new'] = to_jsonb(kind) WHERE id % 5 = 0$$);
SELECT twin($$UPDATE stock SET n = (SELECT max(delta) FROM writing.change) WHERE id = 21$$);
SELECT twin($$UPDATE stock SET (n, kind) = (SELECT count(*), 'c' FROM writing.change WHERE stock_id = id) WHERE id < 30$$);
SELECT twin($$UPDATE stock SET n = n + delta FROM writing.change WHERE stock_id = id AND id > 6$$);
SELECT twin($$UPDATE stock s SET n = s.n + o.n FROM stock o WHERE o.id = s.id - 1 AND s.id BETWEEN 50 AND 80$$);
SELECT twin($$UPDATE stock SET n = 1 WHERE n > (SELECT avg(n) FROM stock)$$);
SELECT twin($$UPDATE stock SET kind = 'exists' WHERE EXISTS (SELECT FROM writing.change WHERE stock_id = stock.id + 1)$$);
SELECT twin($$DELETE FROM stock USING writing.change WHERE stock_id = id AND delta > 90$$);
SELECT twin($$DELETE FROM stock WHERE writing.twice(id) = 200$$);
SELECT twin($$DELETE FROM stock WHERE id IN (SELECT stock_id FROM writing.change WHERE delta < 4)$$);
SELECT twin($$DELETE FROM stock a USING stock b WHERE a.id = b.id + 1 AND b.kind IS NULL AND a.id > 400$$);
SELECT contents('stock');

-- many rows in several batches
SELECT twin($$INSERT INTO stock (id, n, price) SELECT i, 1, 1 FROM generate_series(1001, 4000) i$$);
SELECT twin($$UPDATE stock SET n = n + writing.change.delta FROM writing.change WHERE stock.id > 1000 AND delta = 50$$);
SELECT twin($$DELETE FROM stock WHERE id > 1000 AND writing.twice(id) > 4000$$);
SELECT contents('stock');

-- WITH
SELECT twin($$WITH gone AS (DELETE FROM stock WHERE id < 60 RETURNING id, n)
    UPDATE writing.change SET delta = gone.n FROM gone WHERE stock_id = gone.id$$);
SELECT twin($$WITH gone AS (DELETE FROM stock WHERE id BETWEEN 60 AND 70)
    SELECT delta FROM writing.change WHERE stock_id = 3 AND delta < 0 -- rows$$);
SELECT twin($$WITH keys AS (SELECT stock_id FROM writing.change WHERE delta % 2 = 1)
    DELETE FROM stock WHERE id IN (SELECT stock_id FROM keys)$$);
SELECT contents('stock');

-- parameters, custom and generic
PREPARE change(int, int) AS UPDATE dist.stock SET n = $2 WHERE id = $1;
SET plan_cache_mode = force_generic_plan;
EXECUTE change(100, 5);
EXECUTE change(101, NULL);
EXECUTE change(NULL, 1);
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE change(100, 5);
SET plan_cache_mode = auto;
PREPARE remove(int[]) AS DELETE FROM dist.stock WHERE id = ANY ($1);
EXECUTE remove('{104,107,NULL,100}');
SELECT id, n FROM dist.stock WHERE id BETWEEN 100 AND 108 ORDER BY id;

-- the plan
EXPLAIN (VERBOSE, COSTS OFF) UPDATE dist.stock SET n = n + 1 WHERE id = 7;
EXPLAIN (VERBOSE, COSTS OFF) DELETE FROM dist.stock WHERE n = length('abc') AND kind = current_setting('a.b', true);
EXPLAIN (COSTS OFF) UPDATE dist.stock SET kind = 'x' WHERE id IN (1, 2);
EXPLAIN (COSTS OFF) UPDATE dist.stock SET embedding = ARRAY[writing.twice(id), 0]::vector WHERE id < 10;
SELECT explain_filtered('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) DELETE FROM dist.stock WHERE id = 9999');

-- nothing of a failed statement stays
BEGIN;
UPDATE dist.stock SET n = 5 WHERE id = 72;
SAVEPOINT a;
\set VERBOSITY terse
UPDATE dist.stock SET n = n - 999 - id; -- the detail is that of whichever worker is first
\set VERBOSITY default
ROLLBACK TO a;
SELECT n FROM dist.stock WHERE id = 72;
ROLLBACK;
SELECT n = 5 AS changed FROM dist.stock WHERE id = 72;
