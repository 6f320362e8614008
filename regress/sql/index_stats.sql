-- index_stats(), index_pages(): what indexes consist of. Damaged pages: tests/tap/014_index_check.pl.
CREATE SCHEMA described;
SET search_path TO described, public;
SET client_min_messages = warning;
CREATE FUNCTION random_vector(seed int, dimensions int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(sin(seed * 12.9898 + i * 78.233 + seed * i % 17))::public.vector
    FROM generate_series(1, dimensions) i $$;

-- the sums of index_stats() are those of index_pages() and of the file: no row
CREATE FUNCTION differences(index regclass) RETURNS TABLE (what text, stats bigint, pages bigint)
    LANGUAGE sql AS $$
    SELECT d.* FROM public.index_stats(index) s, (
        SELECT count(*) AS pages, count(*) * current_setting('block_size')::int AS bytes,
            count(*) FILTER (WHERE kind IN ('metapage', 'mean')) AS meta,
            count(*) FILTER (WHERE kind = 'centroids') AS centroids,
            count(*) FILTER (WHERE kind = 'directory') AS directory,
            count(*) FILTER (WHERE kind IN ('rows', 'scan')) AS rows,
            count(*) FILTER (WHERE kind = 'fine') AS fine,
            count(*) FILTER (WHERE kind = 'unused') AS unused,
            count(*) FILTER (WHERE kind IN ('rows', 'scan') AND items = 0) AS empty,
            coalesce(sum(items) FILTER (WHERE kind IN ('rows', 'scan')), 0) AS items,
            count(*) FILTER (WHERE free_bytes NOT BETWEEN 0 AND 8192) AS no_bytes,
            count(*) FILTER (WHERE lsn IS NULL) AS no_lsn
        FROM public.index_pages(index)) p,
        LATERAL (VALUES ('pages', s.pages, p.pages), ('bytes', s.bytes, p.bytes),
            ('file', s.bytes, pg_relation_size(index)),
            ('meta', s.meta_pages, p.meta), ('centroids', s.centroid_pages, p.centroids),
            ('directory', s.directory_pages, p.directory), ('rows', s.row_pages, p.rows),
            ('fine', s.fine_pages, p.fine), ('unused', s.unused_pages, p.unused),
            ('empty', s.empty_row_pages, p.empty), ('damaged', s.damaged_pages, 0),
            ('items', s.rows + s.retired_rows, p.items),
            ('free_bytes', 0, p.no_bytes), ('lsn', 0, p.no_lsn)) d (what, stats, pages)
    WHERE d.stats <> d.pages $$;
CREATE VIEW all_differences AS
    SELECT c.relname, d.* FROM pg_class c, LATERAL differences(c.oid) d
    WHERE c.relkind = 'i' AND c.relnamespace = 'described'::regnamespace;

-- an index without rows, and with the first ones
CREATE TABLE few (id int, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX few_codes ON few USING ivfrabitq (v vector_ip_ops);
CREATE INDEX few_flat ON few USING ivfflat (v vector_cosine_ops) WITH (lists = 3);
\x
SELECT * FROM index_stats('few_codes');
SELECT * FROM index_stats('few_flat');
INSERT INTO few SELECT i, random_vector(i, 3) FROM generate_series(1, 100) i;
SELECT * FROM index_stats('few_codes');
\x
SELECT rows, row_pages, rows + unused_slots = row_pages * 452 AS slots, lists FROM index_stats('few_flat');
SELECT block, kind, lists, items, free_slots, free_bytes FROM index_pages('few_codes');
SELECT block, kind, items > 0 AS items, free_slots IS NOT NULL AS slots, free_bytes > 0 AS bytes
    FROM index_pages('few_flat');
SELECT sum(cardinality(lists)), sum(items) FROM index_pages('few_flat') WHERE kind = 'rows';
SELECT * FROM all_differences;

-- built over rows: two lists on a page and lists of several pages; emptied slots, dead rows
CREATE TABLE many (id int, category int, v vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO many SELECT i, i % 10, random_vector(i, 16) FROM generate_series(1, 3000) i;
CREATE INDEX many_codes ON many USING ivfrabitq (v vector_l2_ops, category) WITH (lists = 20);
CREATE INDEX many_flat ON many USING ivfflat (v vector_l2_ops) WITH (lists = 20);
CREATE INDEX many_half ON many USING ivfflat (v vector_l2_ops) WITH (lists = 7) WHERE id % 2 = 0;
CREATE VIEW many_stats AS
    SELECT c.relname, s.* FROM pg_class c, LATERAL public.index_stats(c.oid) s
    WHERE c.relkind = 'i' AND c.relname LIKE 'many%' AND c.relnamespace = 'described'::regnamespace;
SELECT relname, method, lists, rows, emptied_slots, rows_at_build, calibration_queries > 0 AS calibrated,
    lists_at_calibration FROM many_stats ORDER BY 1;
SELECT relname, list_rows_min <= list_rows_p50 AND list_rows_p50 <= list_rows_p90 AND
    list_rows_p90 <= list_rows_p99 AND list_rows_p99 <= list_rows_max AS ordered,
    list_rows_mean, list_pages_mean BETWEEN 1 AND list_pages_max AS pages FROM many_stats ORDER BY 1;
SELECT * FROM all_differences;
DELETE FROM many WHERE id % 3 = 0;
SELECT relname, rows, emptied_slots FROM many_stats ORDER BY 1;
VACUUM (INDEX_CLEANUP ON) many;
SELECT relname, rows, emptied_slots > 0 AS emptied FROM many_stats ORDER BY 1;
SELECT * FROM all_differences;
DELETE FROM many;
VACUUM (INDEX_CLEANUP ON) many;
SELECT relname, rows, empty_row_pages = row_pages AS all_empty, empty_lists, list_rows_max
    FROM many_stats ORDER BY 1;

-- a list that was split: older scans might read it still
CREATE TABLE grown (id int, v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX grown_v ON grown USING ivfrabitq (v vector_l2_ops);
INSERT INTO grown SELECT i, random_vector(i, 16) FROM generate_series(1, 3000) i;
SELECT lists, retired_lists, rows, retired_rows, structure_version FROM index_stats('grown_v');
VACUUM grown;
SELECT lists > 1 AS split, retired_lists, rows, retired_rows, structure_version FROM index_stats('grown_v');
SELECT * FROM all_differences;

-- unlogged, temporary
CREATE UNLOGGED TABLE unlogged (v vector(4));
CREATE INDEX unlogged_v ON unlogged USING ivfrabitq (v vector_l2_ops);
CREATE TEMPORARY TABLE temporary (v vector(4));
CREATE INDEX temporary_v ON temporary USING ivfflat (v vector_l2_ops) WITH (lists = 2);
INSERT INTO temporary SELECT random_vector(i, 4) FROM generate_series(1, 300) i;
SELECT rows FROM index_stats('unlogged_v');
SELECT rows FROM index_stats('temporary_v');
SELECT * FROM differences('temporary_v');

-- what cannot be described
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE INDEX parts_v ON parts USING ivfrabitq (v vector_l2_ops);
CREATE INDEX few_id ON few (id);
\set VERBOSITY default
SELECT * FROM index_stats('parts_v');
SELECT * FROM index_pages('parts_v');
\echo :SQLSTATE
SELECT * FROM index_stats('few');
SELECT * FROM index_pages('few');
SELECT * FROM index_stats('few_id');
SELECT * FROM index_pages('few_id');
\echo :SQLSTATE
SELECT * FROM index_stats(0);
SELECT * FROM index_pages(0);
SELECT index_stats(NULL) IS NULL AS stats;
SELECT * FROM index_pages(NULL);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'few_codes'::regclass;
SELECT * FROM index_stats('few_codes');
SELECT * FROM index_pages('few_codes');
\echo :SQLSTATE
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'few_codes'::regclass;

-- others need a grant, and no more than that
CREATE ROLE described_somebody;
GRANT USAGE ON SCHEMA described TO described_somebody;
SET ROLE described_somebody;
SELECT * FROM index_stats('few_codes');
SELECT * FROM index_pages('few_codes');
RESET ROLE;
GRANT EXECUTE ON FUNCTION index_stats(regclass), index_pages(regclass) TO described_somebody;
SET ROLE described_somebody;
SELECT rows FROM index_stats('few_codes');
SELECT count(*) FROM index_pages('few_codes');
RESET ROLE;
REVOKE EXECUTE ON FUNCTION index_stats(regclass), index_pages(regclass) FROM described_somebody;

DROP SCHEMA described CASCADE;
DROP ROLE described_somebody;
