-- avg(vector) and sum(vector), alone and in parallel

CREATE TABLE samples (id int, kind int, v vector(3));
INSERT INTO samples SELECT i, i % 4, ARRAY[i, -i, 0.5] FROM generate_series(1, 1000) i;
INSERT INTO samples VALUES (1001, 4, NULL), (1002, 5, '[1,2,3]'), (1003, 5, NULL);

SELECT avg(v), sum(v) FROM samples;
SELECT kind, avg(v), sum(v), count(v) FROM samples GROUP BY kind ORDER BY kind;
SELECT avg(v) IS NULL AND sum(v) IS NULL AS none FROM samples WHERE id < 0;
SELECT avg(v) FILTER (WHERE id <= 2), sum(v) FILTER (WHERE id <= 2), avg(DISTINCT v) FILTER (WHERE id < 4) FROM samples;
-- a window: the state goes on after its average was taken
SELECT id, avg(v) OVER (ORDER BY id), sum(v) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
FROM samples WHERE id <= 4 ORDER BY id;
-- sums are kept in float8, so that avg does not lose what float4 would
SELECT avg(v), sum(v) FROM (VALUES ('[16777216]'::vector), ('[1]'), ('[1]'), ('[2]')) t (v);
SELECT avg(v) AS beyond_float4_in_between FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t (v);
-- as wide as can be
SELECT vector_dims(avg(v)), vector_norm(avg(v) - array_fill(2, ARRAY[16000])::vector)
FROM (SELECT array_fill(i, ARRAY[16000])::vector FROM generate_series(1, 3) i) t (v);

-- in parallel
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT avg(v), sum(v) FROM samples;
SELECT avg(v), sum(v) FROM samples;
SELECT kind, avg(v), sum(v) FROM samples GROUP BY kind ORDER BY kind;
-- workers that meet no row
SELECT avg(v), sum(v) FROM samples WHERE id = 2;
SELECT avg(v) IS NULL AND sum(v) IS NULL AS none FROM samples WHERE id < 0;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;
RESET max_parallel_workers_per_gather;

-- the support functions by hand
SELECT vector_accum('{0}', '[1,2]'), vector_accum('{1,1,2}', '[3,4]'), vector_accum('[3:5]={1,1,2}', '[3,4]');
SELECT vector_combine('{1,1,2}', '{2,3,4}'), vector_combine('{0}', '{2,3,4}'), vector_combine('{2,3,4}', '{0}'),
    vector_combine('{0}', '{0}');
SELECT vector_avg('{4,2,6}'), vector_avg('{0}') IS NULL AS none;
-- called by hand they leave their arguments alone
DO $$
DECLARE
    state float8[] := '{1,1,2}';
    other float8[];
BEGIN
    other := vector_accum(state, '[3,4]');
    other := vector_combine(state, other);
    RAISE NOTICE 'state %, other %', state, other;
END $$;

DROP TABLE samples;
