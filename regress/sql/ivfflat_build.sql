-- Building ivfflat indexes: which rows are in, and in which circumstances.
SET enable_seqscan = off;

-- points on a grid: 20 x 20, well apart from each other
CREATE TABLE points (id int PRIMARY KEY, v vector(2));
INSERT INTO points SELECT i, ARRAY[i % 20, i / 20]::vector FROM generate_series(0, 399) i;

-- rows that are in the index, by metric: scan all lists without an order that matters
CREATE FUNCTION indexed_rows(query text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    result bigint;
BEGIN
    EXECUTE 'SELECT count(*) FROM (' || query || ') s' INTO result;
    RETURN result;
END $$;

SET ivfflat.probes = 1000;
CREATE INDEX points_l2 ON points USING ivfflat (v) WITH (lists = 10); -- the default class
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <-> '[3.1,4.2]' LIMIT 5;
SELECT id, v FROM points ORDER BY v <-> '[3.1,4.2]' LIMIT 5;
SELECT indexed_rows('SELECT id FROM points ORDER BY v <-> ''[0,0]''');
DROP INDEX points_l2;

CREATE INDEX points_ip ON points USING ivfflat (v vector_ip_ops) WITH (lists = 10);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <#> '[1,2]' LIMIT 3;
SELECT id, v <#> '[1,2]' AS d FROM points ORDER BY v <#> '[1,2]' LIMIT 3;
SELECT indexed_rows('SELECT id FROM points ORDER BY v <#> ''[1,2]''');
DROP INDEX points_ip;

-- cosine: the zero vector has no direction and is not indexed
CREATE INDEX points_cosine ON points USING ivfflat (v vector_cosine_ops) WITH (lists = 10);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY v <=> '[19,18]' LIMIT 1;
SELECT id, v FROM points ORDER BY v <=> '[19,18]' LIMIT 1;
SELECT indexed_rows('SELECT id FROM points ORDER BY v <=> ''[1,2]''');
INSERT INTO points VALUES (1000, '[0,0]'), (1001, NULL), (1002, '[-1,-1]');
SELECT indexed_rows('SELECT id FROM points ORDER BY v <=> ''[1,2]''');
SELECT id FROM points ORDER BY v <=> '[-2,-2]' LIMIT 1;
DROP INDEX points_cosine;

-- NULLs are not indexed
CREATE INDEX ON points USING ivfflat (v vector_l2_ops) WITH (lists = 10);
SELECT indexed_rows('SELECT id FROM points ORDER BY v <-> ''[1,2]''');
REINDEX TABLE points;
SELECT indexed_rows('SELECT id FROM points ORDER BY v <-> ''[1,2]''');
DROP INDEX points_v_idx;

-- concurrently, and partial
CREATE INDEX CONCURRENTLY points_half ON points USING ivfflat (v vector_l2_ops) WITH (lists = 4)
    WHERE id % 2 = 0;
EXPLAIN (COSTS OFF) SELECT id FROM points WHERE id % 2 = 0 ORDER BY v <-> '[3,3]' LIMIT 3;
SELECT id FROM points WHERE id % 2 = 0 ORDER BY v <-> '[3,3.1]' LIMIT 3;
REINDEX INDEX CONCURRENTLY points_half;
SELECT id FROM points WHERE id % 2 = 0 ORDER BY v <-> '[3,3.1]' LIMIT 3;
DROP INDEX CONCURRENTLY points_half;

-- expression
CREATE INDEX points_expression ON points USING ivfflat ((subvector(v, 2, 1)::vector(1)) vector_l2_ops)
    WITH (lists = 3);
EXPLAIN (COSTS OFF) SELECT id FROM points ORDER BY subvector(v, 2, 1)::vector(1) <-> '[7]' LIMIT 3;
SELECT subvector(v, 2, 1) FROM points ORDER BY subvector(v, 2, 1)::vector(1) <-> '[7]' LIMIT 3;
DROP TABLE points;

-- an empty table, filled later; more lists than rows
CREATE TABLE later (id int, v vector(3));
CREATE INDEX ON later USING ivfflat (v vector_l2_ops) WITH (lists = 50);
SELECT * FROM later ORDER BY v <-> '[0,0,0]';
INSERT INTO later SELECT i, ARRAY[i, i, i] FROM generate_series(1, 2000) i;
SELECT id FROM later ORDER BY v <-> '[1000.2,1000,1000]' LIMIT 3;
SELECT indexed_rows('SELECT id FROM later ORDER BY v <-> ''[0,0,0]''');

-- truncated, also in the transaction that filled it
BEGIN;
TRUNCATE later;
SELECT count(*) FROM (SELECT * FROM later ORDER BY v <-> '[0,0,0]') s;
INSERT INTO later VALUES (1, '[1,2,3]');
SELECT id FROM later ORDER BY v <-> '[0,0,0]';
ROLLBACK;
SELECT indexed_rows('SELECT id FROM later ORDER BY v <-> ''[0,0,0]''');
DROP TABLE later;

-- created, filled, indexed and truncated in one transaction: the same file is built twice
BEGIN;
CREATE TABLE young (id int, v vector(3));
INSERT INTO young SELECT i, ARRAY[i, 0, 0] FROM generate_series(1, 100) i;
CREATE INDEX young_v ON young USING ivfflat (v vector_l2_ops) WITH (lists = 5);
SELECT id FROM young ORDER BY v <-> '[50.1,0,0]' LIMIT 2;
ALTER INDEX young_v SET (lists = 3);
TRUNCATE young;
INSERT INTO young SELECT i, ARRAY[i, 0, 0] FROM generate_series(1, 10) i;
SELECT id FROM young ORDER BY v <-> '[5.1,0,0]' LIMIT 2;
COMMIT;
SELECT indexed_rows('SELECT id FROM young ORDER BY v <-> ''[0,0,0]''');
DROP TABLE young;

-- unlogged and temporary tables
CREATE UNLOGGED TABLE unlogged (id int, v vector(3));
INSERT INTO unlogged SELECT i, ARRAY[i, i, 0] FROM generate_series(1, 500) i;
CREATE INDEX ON unlogged USING ivfflat (v vector_l2_ops) WITH (lists = 5);
INSERT INTO unlogged SELECT i, ARRAY[i, i, 0] FROM generate_series(501, 700) i;
SELECT id FROM unlogged ORDER BY v <-> '[600.3,600,0]' LIMIT 2;
SELECT indexed_rows('SELECT id FROM unlogged ORDER BY v <-> ''[0,0,0]''');
DROP TABLE unlogged;

CREATE TEMPORARY TABLE temporary (id int, v vector(3));
INSERT INTO temporary SELECT i, ARRAY[i, i, 0] FROM generate_series(1, 500) i;
CREATE INDEX ON temporary USING ivfflat (v vector_l2_ops) WITH (lists = 5);
INSERT INTO temporary SELECT i, ARRAY[i, i, 0] FROM generate_series(501, 700) i;
SELECT id FROM temporary ORDER BY v <-> '[600.3,600,0]' LIMIT 2;
SELECT indexed_rows('SELECT id FROM temporary ORDER BY v <-> ''[0,0,0]''');
DROP TABLE temporary;

-- wide rows: one to a page, out of line in the heap
CREATE TABLE wide (id int, v vector(2000));
INSERT INTO wide SELECT i, array_fill(i, ARRAY[2000]) FROM generate_series(1, 30) i;
CREATE INDEX ON wide USING ivfflat (v vector_l2_ops) WITH (lists = 3);
INSERT INTO wide SELECT i, array_fill(i, ARRAY[2000]) FROM generate_series(31, 40) i;
SELECT id FROM wide ORDER BY v <-> array_fill(35, ARRAY[2000])::vector LIMIT 3;
SELECT indexed_rows('SELECT id FROM wide ORDER BY v <-> array_fill(0, ARRAY[2000])::vector');
DROP TABLE wide;

-- all rows alike: one list is full, the others are empty
CREATE TABLE alike (v vector(3));
INSERT INTO alike SELECT '[1,1,1]' FROM generate_series(1, 1000);
CREATE INDEX ON alike USING ivfflat (v vector_l2_ops) WITH (lists = 20);
SELECT indexed_rows('SELECT v FROM alike ORDER BY v <-> ''[0,0,0]''');
DROP TABLE alike;

-- a build in a subtransaction that is rolled back leaves nothing
CREATE TABLE undone (v vector(3));
INSERT INTO undone VALUES ('[1,2,3]');
BEGIN;
SAVEPOINT s;
CREATE INDEX undone_idx ON undone USING ivfflat (v vector_l2_ops) WITH (lists = 1);
ROLLBACK TO s;
COMMIT;
SELECT count(*) FROM pg_class WHERE relname = 'undone_idx';
DROP TABLE undone;
DROP FUNCTION indexed_rows;
