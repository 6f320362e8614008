-- order of vectors: btree, unique, DISTINCT, GROUP BY, sorts that spill

CREATE TABLE ordered (id int, v vector);
INSERT INTO ordered VALUES (1, '[2,1]'), (2, '[1,2]'), (3, '[1]'), (4, '[1,2,-1]'), (5, '[-1,9]'), (6, NULL),
    (7, '[1,2]'), (8, '[-0]'), (9, '[0]');
SELECT * FROM ordered ORDER BY v, id;
SELECT * FROM ordered ORDER BY v DESC NULLS LAST, id;
SELECT v, count(*) FROM ordered WHERE v <> '[0]' GROUP BY v ORDER BY v;
SELECT count(DISTINCT v) FROM ordered;

CREATE INDEX ordered_v ON ordered (v);
SET enable_seqscan = off;
SET enable_bitmapscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM ordered WHERE v = '[1,2]';
SELECT id FROM ordered WHERE v = '[1,2]' ORDER BY id;
SELECT id FROM ordered WHERE v = '[0]' ORDER BY id;
SELECT id, v FROM ordered WHERE v > '[1]' AND v <= '[1,2,-1]' ORDER BY v, id;
SELECT v FROM ordered ORDER BY v LIMIT 3;
SELECT count(*) FROM ordered WHERE v IS NULL;
SELECT a.id, b.id FROM ordered a JOIN ordered b ON a.v = b.v AND a.id < b.id ORDER BY 1;
RESET enable_seqscan;
RESET enable_bitmapscan;

CREATE UNIQUE INDEX ordered_unique ON ordered (v) WHERE id < 7;
INSERT INTO ordered VALUES (0, '[1, 2]');
INSERT INTO ordered VALUES (10, '[1,2]');
DROP TABLE ordered;

-- too wide for a btree
CREATE TABLE wide (v vector);
CREATE INDEX ON wide (v);
INSERT INTO wide SELECT array_agg(sin(i))::vector FROM generate_series(1, 3000) i;
DROP TABLE wide;

-- many rows, in short, plain and toasted form
CREATE TABLE sorted (id int, v vector);
INSERT INTO sorted SELECT i, array_fill((i * 7919) % 1009, ARRAY[CASE i % 3 WHEN 0 THEN 5 WHEN 1 THEN 100 ELSE 700 END])::vector
FROM generate_series(1, 1500) i;
SET work_mem = '64kB';
SELECT count(*) FILTER (WHERE v < before) AS out_of_order
FROM (SELECT v, lag(v) OVER (ORDER BY v) AS before FROM sorted) t;
RESET work_mem;
DROP TABLE sorted;
