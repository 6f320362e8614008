-- Scanning ivfrabitq indexes: exactness, rounds, LIMIT, filters of the executor, rescans, odd queries.
SET enable_seqscan = off;
SET enable_sort = off;

CREATE TABLE rows64 (id int PRIMARY KEY, part int, v vector(64));
INSERT INTO rows64
    SELECT i, i % 7, array_agg(sin(i * j * 0.37) + (i % 50) * cos(j) + (i * 7919 + j * 104729) % 1009 / 1009.0)::vector
    FROM generate_series(1, 4000) i, generate_series(1, 64) j GROUP BY i;
INSERT INTO rows64 SELECT 4000 + i, 1, NULL FROM generate_series(1, 5) i;
ANALYZE rows64;

-- the k nearest of 30 queries by the index and by a sort, for each metric
CREATE FUNCTION compare(op text, k int, lists_read text DEFAULT '1', filter text DEFAULT 'true')
    RETURNS TABLE (queries bigint, rows_found bigint, same_distance bigint, in_order bool) AS $$
BEGIN
    PERFORM set_config('ivfrabitq.recall_target', lists_read, true);
    RETURN QUERY EXECUTE format($q$
        SELECT count(DISTINCT q.id), count(*), sum((a.d = b.d)::int), bool_and(a.in_order)
        FROM (SELECT id, v FROM rows64 WHERE id %% 133 = 1 AND v IS NOT NULL) q,
             LATERAL (SELECT d, row_number() OVER () AS place,
                             d >= coalesce(lag(d) OVER (), d) AS in_order
                      FROM (SELECT v %1$s q.v AS d FROM rows64 WHERE %3$s ORDER BY v %1$s q.v LIMIT %2$s) s) a
             JOIN LATERAL (SELECT d, row_number() OVER (ORDER BY d) AS place
                      FROM (SELECT v %1$s q.v AS d FROM rows64 WHERE %3$s AND v IS NOT NULL) s) b USING (place)
    $q$, op, k, filter);
END $$ LANGUAGE plpgsql;

CREATE INDEX rows64_l2 ON rows64 USING ivfrabitq (v vector_l2_ops) WITH (lists = 20);
EXPLAIN (COSTS OFF) SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 1) LIMIT 3;
SELECT * FROM compare('<->', 10);
SELECT * FROM compare('<->', 100);
-- conditions that are not the index's: as many rows as LIMIT says, if they exist
SELECT * FROM compare('<->', 10, '1', 'part = 3');
SELECT * FROM compare('<->', 10, '1', 'id % 1000 = 7');
-- few lists: still LIMIT rows, in order
SELECT queries, rows_found, in_order FROM compare('<->', 10, '0.5', 'id % 100 = 7');
-- all rows, each once
SET ivfrabitq.recall_target = 0.5;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9)) s;
-- only the first round
SET ivfrabitq.iterative_scan = off;
SELECT count(*) < 1000 AS a_part FROM (SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9)) s;
-- rows that come too late are left out
SET ivfrabitq.iterative_scan = strict_order;
SELECT count(*) > 1000 AS many, bool_and(d >= before) AS in_order FROM (
    SELECT d, lag(d) OVER () AS before
    FROM (SELECT v <-> (SELECT v FROM rows64 WHERE id = 9) AS d FROM rows64
          ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9)) s) t;
-- no more lists than that
SET ivfrabitq.iterative_scan = relaxed_order;
SET ivfrabitq.probes = 1;
SET ivfrabitq.max_probes = 2;
SELECT count(*) < 3000 AS a_part FROM (SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9)) s;
RESET ivfrabitq.max_probes;
RESET ivfrabitq.probes;
RESET ivfrabitq.iterative_scan;
RESET ivfrabitq.recall_target;
DROP INDEX rows64_l2;

CREATE INDEX rows64_cosine ON rows64 USING ivfrabitq (v vector_cosine_ops) WITH (lists = 20);
SELECT * FROM compare('<=>', 10);
DROP INDEX rows64_cosine;
CREATE INDEX rows64_ip ON rows64 USING ivfrabitq (v vector_ip_ops) WITH (lists = 20);
SELECT * FROM compare('<#>', 10);
DROP INDEX rows64_ip;

-- two lists for some rows: each row comes once
CREATE INDEX rows64_spill ON rows64 USING ivfrabitq (v vector_l2_ops) WITH (lists = 20, spill = 0.5);
SELECT * FROM compare('<->', 10);
SELECT * FROM compare('<->', 70);
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9)) s;
DROP INDEX rows64_spill;

-- LIMIT with OFFSET, with ties, none, zero; prepared; a cursor; a lateral join
CREATE INDEX rows64_l2 ON rows64 USING ivfrabitq (v) WITH (lists = 20);
SELECT v AS v9 FROM rows64 WHERE id = 9 \gset
CREATE TEMP TABLE exact AS
    SELECT id, row_number() OVER (ORDER BY v <-> :'v9') AS place FROM rows64 WHERE v IS NOT NULL;
SET ivfrabitq.recall_target = 1;
SELECT array_agg(id) = (SELECT array_agg(id ORDER BY place) FROM exact WHERE place BETWEEN 21 AND 25) AS same
    FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' LIMIT 5 OFFSET 20) s;
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' FETCH FIRST 5 ROWS WITH TIES) s;
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' LIMIT 0) s;
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' LIMIT NULL) s;
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector, int) AS SELECT id FROM rows64 ORDER BY v <-> $1 LIMIT $2;
EXPLAIN (COSTS OFF) EXECUTE nearest(:'v9', 3);
EXECUTE nearest(:'v9', 1);
SELECT id FROM exact WHERE place <= 3 ORDER BY place;
EXECUTE nearest(:'v9', 3);
RESET plan_cache_mode;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM rows64 ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 9);
FETCH 2 FROM c;
FETCH 1 FROM c;
MOVE 1000 IN c;
FETCH 1 FROM c;
SELECT id FROM exact WHERE place = 1004;
COMMIT;
SELECT q.id, n.id AS nearest
FROM (SELECT * FROM rows64 WHERE id IN (11, 22, 33)) q
    CROSS JOIN LATERAL (SELECT id FROM rows64 ORDER BY v <-> q.v LIMIT 1) n
ORDER BY q.id;

-- rows that are gone or have changed
DELETE FROM rows64 WHERE id IN (SELECT id FROM exact WHERE place <= 30 AND place % 2 = 1);
UPDATE rows64 SET part = 99 WHERE id IN (SELECT id FROM exact WHERE place <= 30);
SELECT array_agg(id) = (SELECT array_agg(id ORDER BY place) FROM
                        (SELECT * FROM exact WHERE place > 30 OR place % 2 = 0 ORDER BY place LIMIT 20) t) AS same
    FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' LIMIT 20) s;
-- row locks are taken above the scan
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> :'v9' LIMIT 7 FOR UPDATE) s;

-- a NULL query, and ones too large to tell distances apart: no order, all rows
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> NULL::vector LIMIT 20) s;
SELECT count(*) FROM (SELECT id FROM rows64 ORDER BY v <-> (SELECT NULL::vector)) s;
SELECT count(*) FROM (SELECT id FROM rows64
    ORDER BY v <-> (SELECT array_agg(1e30::float4)::vector FROM generate_series(1, 64))) s;
-- another number of dimensions
SELECT id FROM rows64 ORDER BY v <-> '[1,2,3]' LIMIT 1;
DROP INDEX rows64_l2;

CREATE INDEX rows64_cosine ON rows64 USING ivfrabitq (v vector_cosine_ops) WITH (lists = 20);
SELECT count(*) FROM (SELECT id FROM rows64
    ORDER BY v <=> (SELECT array_agg(0)::vector FROM generate_series(1, 64)) LIMIT 20) s;
DROP INDEX rows64_cosine;

-- an expression, a condition
CREATE INDEX rows64_part ON rows64 USING ivfrabitq ((l2_normalize(v)::vector(64)) vector_l2_ops) WITH (lists = 5) WHERE part = 2;
EXPLAIN (COSTS OFF) SELECT id FROM rows64 WHERE part = 2 ORDER BY l2_normalize(v)::vector(64) <-> l2_normalize((SELECT v FROM rows64 WHERE id = 22)) LIMIT 5;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM rows64 WHERE part = 2 AND v IS NOT NULL
                        ORDER BY (l2_normalize(v) <-> l2_normalize((SELECT v FROM rows64 WHERE id = 22))) + 0 LIMIT 5) t) AS same
    FROM (SELECT id FROM rows64 WHERE part = 2 ORDER BY l2_normalize(v)::vector(64) <-> l2_normalize((SELECT v FROM rows64 WHERE id = 22)) LIMIT 5) s;
DROP INDEX rows64_part;

-- partitions: each gives its nearest
CREATE TABLE parted (id int, v vector(64)) PARTITION BY HASH (id);
CREATE TABLE parted0 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE parted1 PARTITION OF parted FOR VALUES WITH (MODULUS 2, REMAINDER 1);
INSERT INTO parted SELECT id, v FROM rows64 WHERE v IS NOT NULL;
CREATE INDEX ON parted USING ivfrabitq (v) WITH (lists = 10);
EXPLAIN (COSTS OFF) SELECT id FROM parted ORDER BY v <-> (SELECT v FROM rows64 WHERE id = 22) LIMIT 5;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM rows64 WHERE v IS NOT NULL ORDER BY (v <-> :'v9') + 0 LIMIT 5) t) AS same
    FROM (SELECT id FROM parted ORDER BY v <-> :'v9' LIMIT 5) s;
DROP TABLE parted, rows64;
DROP FUNCTION compare;

-- strict_order: what comes late and is nearer stays away, round after round. The list nearest to the query has far rows,
-- which came after the build; rows of the second list and, nearer than the first's but farther than these, of the third
CREATE TABLE far (v vector(2));
INSERT INTO far SELECT (CASE WHEN i <= 60 THEN '[0,0]' WHEN i <= 260 THEN '[1,0]' ELSE '[3,0]' END)::vector FROM generate_series(1, 320) i;
CREATE INDEX far_v ON far USING ivfrabitq (v vector_l2_ops) WITH (lists = 3);
DELETE FROM far WHERE v = '[0,0]';
VACUUM (INDEX_CLEANUP ON) far;
INSERT INTO far SELECT '[-0.5,10]' FROM generate_series(1, 40);
SET ivfrabitq.probes = 1;
SET ivfrabitq.iterative_scan = strict_order;
SELECT d, count(*) FROM (SELECT round((v <-> '[0.4,0]')::numeric, 1) AS d FROM far ORDER BY v <-> '[0.4,0]') s GROUP BY d ORDER BY d;
SET ivfrabitq.iterative_scan = relaxed_order;
SELECT d, count(*) FROM (SELECT round((v <-> '[0.4,0]')::numeric, 1) AS d FROM far ORDER BY v <-> '[0.4,0]') s GROUP BY d ORDER BY d;
RESET ivfrabitq.iterative_scan;
RESET ivfrabitq.probes;
DROP TABLE far;
