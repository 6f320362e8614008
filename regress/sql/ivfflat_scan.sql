-- Scanning ivfflat indexes: order, ties, NULL and zero queries, rescans, iterative scans, work_mem.
SET enable_seqscan = off;
SET enable_sort = off;

CREATE TABLE rows3 (id int PRIMARY KEY, v vector(3));
INSERT INTO rows3
    SELECT i, ARRAY[i * 7919 % 1009, i * 10007 % 1013, i * 20011 % 1019]::vector
    FROM generate_series(1, 20000) i;
CREATE INDEX rows3_l2 ON rows3 USING ivfflat (v vector_l2_ops) WITH (lists = 40);

-- with all lists probed the answer is exact, in exact order
SET ivfflat.probes = 40;
CREATE TEMP TABLE by_index AS
    SELECT row_number() OVER () AS place, id, d
    FROM (SELECT id, v <-> '[500,500,500]' AS d FROM rows3 ORDER BY v <-> '[500,500,500]') s;
SET enable_seqscan = on;
SET enable_sort = on;
CREATE TEMP TABLE exact AS
    SELECT row_number() OVER (ORDER BY d) AS place, d
    FROM (SELECT v <-> '[500,500,500]' AS d FROM rows3) s;
SELECT count(*), count(DISTINCT id), sum((i.d = e.d)::int) AS same_distance
    FROM by_index i JOIN exact e USING (place);
SET enable_seqscan = off;
SET enable_sort = off;

-- the same within the least memory: the lists are read again for the rows that did not fit
SET work_mem = '64kB';
CREATE TEMP TABLE by_index_in_little AS
    SELECT row_number() OVER () AS place, id
    FROM (SELECT id FROM rows3 ORDER BY v <-> '[500,500,500]') s;
SELECT count(*), sum((a.id = b.id)::int) AS same FROM by_index a JOIN by_index_in_little b USING (place);
RESET work_mem;

-- fewer probes: a subset, still in order, nearest list first
SET ivfflat.probes = 1;
WITH few AS (SELECT id, v <-> '[500,500,500]' AS d FROM rows3 ORDER BY v <-> '[500,500,500]')
SELECT count(*) BETWEEN 1 AND 5000 AS a_part,
       count(*) = count(DISTINCT id) AS once
FROM few;
SELECT bool_and(d >= before) AS in_order FROM (
    SELECT d, lag(d) OVER () AS before
    FROM (SELECT v <-> '[500,500,500]' AS d FROM rows3 ORDER BY v <-> '[500,500,500]') s) t
    WHERE before IS NOT NULL;

-- iterative: all rows in the end, each once
SET ivfflat.iterative_scan = relaxed_order;
SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM rows3 ORDER BY v <-> '[1,2,3]') s;
SET ivfflat.max_probes = 5;
SELECT count(*) < 10000 AS a_part FROM (SELECT id FROM rows3 ORDER BY v <-> '[1,2,3]') s;
SET ivfflat.probes = 40; -- more than max_probes: probes counts
SELECT count(*) FROM (SELECT id FROM rows3 ORDER BY v <-> '[1,2,3]') s;
RESET ivfflat.max_probes;
SET ivfflat.probes = 1;
-- a filter that few rows pass
SELECT count(*) FROM (SELECT id FROM rows3 WHERE id % 500 = 7 ORDER BY v <-> '[1,2,3]' LIMIT 10) s;
RESET ivfflat.iterative_scan;

-- a NULL query: no distance, no order, the rows of some lists
SET ivfflat.probes = 40;
SELECT count(*) FROM (SELECT id FROM rows3 ORDER BY v <-> NULL::vector) s;
SELECT count(*) FROM (SELECT id FROM rows3 ORDER BY v <-> (SELECT NULL::vector)) s;

-- rescans: from a join, from a cursor
SELECT q.id, n.id AS nearest
FROM (SELECT * FROM rows3 WHERE id IN (11, 22, 33)) q
    CROSS JOIN LATERAL (SELECT id FROM rows3 ORDER BY v <-> q.v LIMIT 1) n
ORDER BY q.id;
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM rows3 ORDER BY v <-> '[500,500,500]';
FETCH 2 FROM c;
FETCH 2 FROM c;
SELECT array_agg(id ORDER BY place) FROM by_index WHERE place <= 4;
COMMIT;

-- prepared, with a generic plan
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector) AS SELECT id FROM rows3 ORDER BY v <-> $1 LIMIT 1;
EXPLAIN (COSTS OFF) EXECUTE nearest('[1,1,1]');
SELECT v AS v77 FROM rows3 WHERE id = 77 \gset
SELECT v AS v78 FROM rows3 WHERE id = 78 \gset
EXECUTE nearest(:'v77');
EXECUTE nearest(:'v78');
DEALLOCATE nearest;
RESET plan_cache_mode;

-- old snapshots see what they should while others' rows come and go
BEGIN ISOLATION LEVEL REPEATABLE READ;
DECLARE c CURSOR FOR SELECT id FROM rows3 ORDER BY v <-> '[2000,2000,2000]' LIMIT 2;
INSERT INTO rows3 VALUES (30000, '[2000,2000,2000]');
FETCH ALL FROM c;
SELECT id FROM rows3 ORDER BY v <-> '[2000,2000,2000]' LIMIT 1;
ROLLBACK;

-- updates: HOT and not
UPDATE rows3 SET v = '[3000,3000,3000]' WHERE id = 5;
SELECT id, v FROM rows3 ORDER BY v <-> '[3000,3000,3000]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM rows3 ORDER BY v <-> '[0,0,0]') s;

-- ties come in the order of the heap
CREATE TABLE ties (id int, v vector(2));
INSERT INTO ties SELECT i, '[1,1]' FROM generate_series(1, 1000) i;
CREATE INDEX ON ties USING ivfflat (v vector_l2_ops) WITH (lists = 1);
SELECT id FROM ties ORDER BY v <-> '[0,0]' LIMIT 3;
SELECT bool_and(id = place) AS heap_order FROM (
    SELECT id, row_number() OVER () AS place FROM (SELECT id FROM ties ORDER BY v <-> '[0,0]') s) t;
-- a cosine query without direction: every row is equally near
DROP INDEX ties_v_idx;
CREATE INDEX ON ties USING ivfflat (v vector_cosine_ops) WITH (lists = 1);
SELECT count(*) FROM (SELECT id FROM ties ORDER BY v <=> '[0,0]') s;
DROP TABLE ties;

-- values at the edge of float4: infinite distances come last, and are not lost
CREATE TABLE far (id int, v vector(2));
INSERT INTO far VALUES (1, '[3e38,3e38]'), (2, '[1,1]'), (3, '[-3e38,3e38]'), (4, '[-3e38,-3e38]');
CREATE INDEX ON far USING ivfflat (v vector_l2_ops) WITH (lists = 1);
SELECT id FROM far ORDER BY v <-> '[3e38,3e38]' LIMIT 1;
SELECT count(*) FROM (SELECT id FROM far ORDER BY v <-> '[3e38,3e38]') s;
DROP INDEX far_v_idx;
CREATE INDEX ON far USING ivfflat (v vector_ip_ops) WITH (lists = 1);
SELECT count(*) FROM (SELECT id FROM far ORDER BY v <#> '[3e38,3e38]') s;
SELECT id FROM far ORDER BY v <#> '[3e38,3e38]' LIMIT 1;
DROP TABLE far;

-- statistics: one scan per rescan
SELECT pg_stat_force_next_flush();
SELECT idx_scan > 10 AS counted FROM pg_stat_user_indexes WHERE indexrelname = 'rows3_l2';
DROP TABLE rows3;
