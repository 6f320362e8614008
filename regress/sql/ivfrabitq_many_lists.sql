-- Where lists are many they lie in blocks of neighbours, and a search compares with those of the nearest blocks.
CREATE FUNCTION ml_row(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(sin(i * (k + 3) * 7.919))::vector FROM generate_series(1, 8) k';
CREATE TABLE ml (id int, v vector(8), w vector(8)) WITH (autovacuum_enabled = off);
INSERT INTO ml SELECT i, ml_row(i), ml_row(-i) FROM generate_series(1, 1000) i;
SET client_min_messages = error; -- there are fewer rows than lists
CREATE INDEX ml_few ON ml USING ivfrabitq (v vector_l2_ops) WITH (lists = 16383);
CREATE INDEX ml_v ON ml USING ivfrabitq (v vector_l2_ops) WITH (lists = 16384);
CREATE INDEX ml_w ON ml USING ivfrabitq (w vector_ip_ops) WITH (lists = 16400, spill = 0.2);
CREATE INDEX ml_none ON ml USING ivfrabitq (v vector_l2_ops) WITH (lists = 16384) WHERE id < 0;
RESET client_min_messages;
SELECT c.relname, lists, list_capacity, centroid_pages, directory_pages, calibration_queries > 0 AS calibrated
FROM pg_class c, LATERAL index_stats(c.oid) WHERE c.relname IN ('ml_few', 'ml_v', 'ml_w', 'ml_none') ORDER BY 1;
SELECT c.relname, p.* FROM pg_class c, LATERAL index_check(c.oid, true, true) p WHERE c.relname LIKE 'ml\_%';
DROP INDEX ml_few;

-- all rows come, and with recall_target = 1 in true order
SET enable_seqscan = off;
CREATE FUNCTION ml_differs(operator text, name text, recall real, n int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    missing bigint;
BEGIN
    PERFORM set_config('ivfrabitq.recall_target', recall::text, true);
    EXECUTE format($q$
        SELECT count(*) FROM generate_series(1, 20) q, LATERAL (
            (SELECT id FROM ml ORDER BY (%2$s %1$s ml_row(q * 37 + 5)) + 0.0, id LIMIT %3$s)
            EXCEPT SELECT id FROM (SELECT id FROM ml ORDER BY %2$s %1$s ml_row(q * 37 + 5) LIMIT %3$s) i) s
        $q$, operator, name, n) INTO missing;
    RETURN missing;
END $$;
SELECT ml_differs('<->', 'v', 1, 10), ml_differs('<->', 'v', 1, 1000);
SELECT ml_differs('<#>', 'w', 1, 10), ml_differs('<#>', 'w', 1, 1000);
SELECT ml_differs('<->', 'v', 0.9, 1000), ml_differs('<#>', 'w', 0.9, 1000);
SELECT ml_differs('<->', 'v', 0.98, 10) < 40 AS near, ml_differs('<#>', 'w', 0.98, 10) < 40 AS near;

-- rows that come later find the near lists too; a list that grows is split, within its block as long as it has places
INSERT INTO ml SELECT i, ml_row(i), ml_row(-i) FROM generate_series(1001, 2000) i;
INSERT INTO ml SELECT i, ml_row(7) + ml_row(i) * array_fill(0.0001, ARRAY[8])::vector, ml_row(-i)
FROM generate_series(2001, 4000) i;
SELECT lists, list_capacity FROM index_stats('ml_v');
VACUUM (INDEX_CLEANUP ON) ml;
SELECT lists > 16384 AS split FROM index_stats('ml_v');
SELECT ml_differs('<->', 'v', 1, 10), ml_differs('<->', 'v', 1, 4000), ml_differs('<->', 'v', 0.9, 4000);
SELECT c.relname, p.* FROM pg_class c, LATERAL index_check(c.oid, true, true) p WHERE c.relname LIKE 'ml\_%';

-- what a later calibration finds; dead lists become room
SELECT ivfrabitq_calibrate('ml_v');
DELETE FROM ml WHERE id > 2100;
VACUUM (INDEX_CLEANUP ON) ml;
SELECT ml_differs('<->', 'v', 1, 10), ml_differs('<->', 'v', 1, 2100), ml_differs('<->', 'v', 0.9, 2100);
SELECT c.relname, p.* FROM pg_class c, LATERAL index_check(c.oid, true, true) p WHERE c.relname LIKE 'ml\_%';
RESET enable_seqscan;

DROP TABLE ml;
DROP FUNCTION ml_row, ml_differs;
