-- What EXPLAIN says of distributed tables. Bytes and times vary: TIMING OFF hides them.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 220000;
CREATE SCHEMA expl;
SET search_path = expl, public;
CREATE TABLE items (id int, bucket int, name text, name_c text COLLATE "C", v float8, at timestamptz,
                    embedding vector(3));
SELECT vecmesh.create_distributed_table('items', 'id', 8, colocate_with => 'none');
INSERT INTO items SELECT i, i % 20, 'n' || i % 50, 'c' || i % 50, i, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour', ARRAY[i, 1, 1]::vector
FROM generate_series(1, 100) i;
CREATE TABLE one_shard (id int, v int);
SELECT vecmesh.create_distributed_table('one_shard', 'id', 1, colocate_with => 'none');
CREATE TABLE small AS SELECT i AS k FROM generate_series(1, 10) i;
CREATE FUNCTION local_only(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i > 0; END';

EXPLAIN (COSTS OFF) SELECT * FROM items;
EXPLAIN (COSTS OFF) SELECT count(*) FROM items WHERE bucket < 3;

-- filters and outputs
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, upper(name), bucket + id FROM items WHERE bucket < 3 AND name LIKE 'n1%';
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, upper(name) FROM items WHERE local_only(bucket) AND v > 5;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, local_only(id), now() - at FROM items WHERE at > now() - interval '1 day';
EXPLAIN (VERBOSE, COSTS OFF) SELECT coalesce(nullif(bucket, 0), 1), CASE WHEN local_only(id) THEN 1 / id END FROM items WHERE random() < 2;

-- pruning
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 5;
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id IN (5, 6, NULL);
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 5 OR id = 6 AND bucket = 6;
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 5 OR bucket = 6;
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = 5 AND id = ANY ('{5,6}');
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = NULL::int OR id IS NULL;
EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id > 5;
EXPLAIN (COSTS OFF) SELECT k, (SELECT name FROM items WHERE id = k) FROM small;
SELECT explain_filtered('EXPLAIN (COSTS OFF) SELECT * FROM items WHERE id = (SELECT min(k) FROM small)');
SET plan_cache_mode = force_generic_plan;
PREPARE one(int) AS SELECT name FROM items WHERE id = $1;
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE one(5);
RESET plan_cache_mode;

-- order
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY name DESC, name_c NULLS FIRST, v + 1;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY name COLLATE "C" LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY name COLLATE "POSIX", at LIMIT 3 OFFSET 2;
EXPLAIN (COSTS OFF) SELECT id FROM items ORDER BY local_only(id);
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items LIMIT 3;
SELECT explain_filtered('EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY id LIMIT (SELECT min(k) FROM small)');
SELECT explain_filtered('EXPLAIN (COSTS OFF) SELECT max(v) FROM items');

-- LIMIT stays here
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items WHERE local_only(id) LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items ORDER BY id FETCH FIRST 3 ROWS WITH TIES;
EXPLAIN (VERBOSE, COSTS OFF) SELECT DISTINCT bucket FROM items ORDER BY bucket LIMIT 3;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, k FROM items, small ORDER BY id LIMIT 3;

-- nearest neighbours: one parameter, one LIMIT per branch
EXPLAIN (VERBOSE, COSTS OFF) SELECT id, embedding <-> '[1,2,3]' AS distance FROM items WHERE bucket < 10 ORDER BY embedding <-> '[1,2,3]' LIMIT 5;
EXPLAIN (VERBOSE, COSTS OFF) SELECT v FROM one_shard ORDER BY v LIMIT 2;

-- locks
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items WHERE id = 5 FOR UPDATE NOWAIT;
EXPLAIN (VERBOSE, COSTS OFF) SELECT id FROM items WHERE id IN (1, 2, 3, 4) FOR NO KEY UPDATE;
EXPLAIN (COSTS OFF) SELECT id, k FROM items JOIN small ON k = id FOR KEY SHARE OF items;

-- figures of an execution; the nodes' addresses differ from run to run
SELECT explain_filtered('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM items WHERE bucket < 10 ORDER BY id');
SELECT explain_filtered('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM items WHERE id = 7');
SELECT explain_filtered('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT id FROM items WHERE id IS NULL');
SELECT explain_filtered('EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT (SELECT v FROM one_shard WHERE id = k) FROM small');
CREATE FUNCTION explain_json(query text, OUT plan jsonb) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE 'EXPLAIN (ANALYZE, FORMAT json) ' || query INTO plan;
    plan := plan #> '{0,Plan}';
END $$;
SELECT plan->>'Workers' AS workers, plan->>'Shards' AS shards, plan->>'Shards Total' AS total,
       plan->'Merge Key' AS merge_key, jsonb_array_length(plan->'Remote Workers') AS listed,
       (SELECT sum((w->>'Rows')::int) FROM jsonb_array_elements(plan->'Remote Workers') w) AS rows,
       (SELECT bool_and((w->>'Bytes')::int > 0 AND (w->>'Total Time')::float > 0 AND w ? 'Node')
        FROM jsonb_array_elements(plan->'Remote Workers') w) AS measured
FROM explain_json('SELECT id FROM expl.items ORDER BY id');
