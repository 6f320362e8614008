-- What the planner chooses: the index with its own conditions, with others', a btree and a sort, or the table.
CREATE SCHEMA ivfrabitq_plan;
SET search_path = ivfrabitq_plan, public;
CREATE TABLE p (id int, v vector(64), bucket int, other int, flag bool);
INSERT INTO p
SELECT i, (SELECT array_agg((i::bigint * (7919 + 104729 * d) + d * d * 31) % 100003 / 100003.0) FROM generate_series(1, 64) d)::vector,
    (i * 7919) % 1000, (i * 104729) % 1000, i % 2 = 0
FROM generate_series(1, 20000) i;
CREATE INDEX p_bucket ON p (bucket);
CREATE INDEX p_other ON p (other);
CREATE INDEX p_v ON p USING ivfrabitq (v, bucket, flag) WITH (lists = 140);
VACUUM ANALYZE p;
SET ivfrabitq.probes = 20; -- the calibration is not what is tested
SET max_parallel_workers_per_gather = 0;

CREATE FUNCTION chosen(condition text, rest text DEFAULT 'LIMIT 10') RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    line text;
    all_lines text := '';
BEGIN
    FOR line IN EXECUTE format('EXPLAIN (COSTS OFF) SELECT id FROM p WHERE %s ORDER BY v <-> %L %s', condition, array_fill(0.5, ARRAY[64])::vector, rest) LOOP
        all_lines := all_lines || line || E'\n';
    END LOOP;
    RETURN concat_ws(', ', CASE WHEN all_lines ~ 'Index Scan using p_v' THEN 'ivfrabitq' END,
        CASE WHEN all_lines ~ 'Index Cond: .*(bucket|flag)' AND all_lines ~ 'using p_v' THEN 'its condition' END,
        CASE WHEN all_lines ~ 'p_bucket|p_other' THEN 'btree' END,
        CASE WHEN all_lines ~ 'Seq Scan on p' AND all_lines !~ 'p_v' THEN 'table' END,
        CASE WHEN all_lines ~ 'Sort' THEN 'sort' END);
END $$;
SELECT condition, rest, chosen(condition, rest) FROM (VALUES
    ('true', 'LIMIT 10'), ('true', 'LIMIT 100'), ('true', ''),
    -- in the index: 50 %, 10 %, 1 %, and one or two rows
    ('bucket < 500', 'LIMIT 10'), ('bucket < 100', 'LIMIT 10'), ('bucket < 10', 'LIMIT 10'), ('bucket = 5 AND id < 2000', 'LIMIT 10'),
    ('bucket IN (1, 77, 400)', 'LIMIT 10'), ('flag', 'LIMIT 10'), ('NOT flag', 'LIMIT 10'), ('flag AND bucket < 100', 'LIMIT 10'),
    ('bucket < 500', ''),
    -- not in the index: 50 %, 1 %, 0.1 %
    ('other < 500', 'LIMIT 10'), ('other < 10', 'LIMIT 10'), ('other = 5', 'LIMIT 10'),
    -- both
    ('other < 500 AND bucket < 500', 'LIMIT 10'), ('other = 5 AND bucket < 500', 'LIMIT 10'),
    -- such rows are not in the index
    ('v IS NULL', 'LIMIT 10'), ('v IS NOT NULL', 'LIMIT 10')
) AS c(condition, rest);
-- never without an order
SET enable_seqscan = off;
SELECT chosen('flag', '') ~ 'ivfrabitq' AS ordered, (SELECT count(*) FROM p WHERE flag) AS counted;
