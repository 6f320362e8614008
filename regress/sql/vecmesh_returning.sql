-- RETURNING from writes to distributed tables. Uses twin() and contents() of vecmesh_write_setup.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 830000;
SET search_path = writing, public;
CREATE TABLE dist.book (
    id int PRIMARY KEY,
    junk int,
    title text,
    pages int,
    long boolean GENERATED ALWAYS AS (pages > 300) STORED,
    embedding vector(2)
);
ALTER TABLE dist.book DROP COLUMN junk;
CREATE TABLE local.book (LIKE dist.book INCLUDING ALL);
SELECT vecmesh.create_distributed_table('dist.book', 'id', shard_count => 4);

SELECT twin($$INSERT INTO book VALUES (1, 'one', 100, DEFAULT, '[1,0]') RETURNING * -- rows$$);
SELECT twin($$INSERT INTO book (id, pages) VALUES (2, 400), (3, 5), (4, NULL) RETURNING id, long, pages + 1 AS next -- rows$$);
SELECT twin($$INSERT INTO book (id, title) SELECT i, 't' || i FROM generate_series(10, 30) i RETURNING book -- rows$$);
SELECT twin($$INSERT INTO book AS b (id, embedding) VALUES (5, '[3,4]')
    RETURNING b.embedding <-> '[0,0]' AS norm, (SELECT 'sub'), b.tableoid IS NOT NULL -- rows$$);
SELECT twin($$INSERT INTO book (id) VALUES (6) RETURNING 1 AS one, (SELECT count(*) FROM writing.change WHERE stock_id < id) -- rows$$);

-- the order of the rows given is the order of the rows returned
INSERT INTO dist.book (id, title) VALUES (105, 'e'), (103, 'c'), (101, 'a'), (104, 'd'), (102, 'b') RETURNING id, title;
INSERT INTO dist.book (id, title) VALUES (205, 'e'), (103, 'c2'), (201, 'a')
    ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title RETURNING id, title;
DELETE FROM dist.book WHERE id > 100;

SELECT twin($$INSERT INTO book (id, title) VALUES (1, 'x'), (7, 'seven') ON CONFLICT DO NOTHING RETURNING id -- rows$$);
SELECT twin($$INSERT INTO book (id, pages) VALUES (1, 50), (8, 8)
    ON CONFLICT (id) DO UPDATE SET pages = book.pages + EXCLUDED.pages RETURNING id, pages, long -- rows$$);
SELECT twin($$INSERT INTO book (id, pages) VALUES (1, 250), (2, 1)
    ON CONFLICT (id) DO UPDATE SET pages = EXCLUDED.pages + 200 WHERE book.pages < 200 RETURNING id, pages, long -- rows$$);

SELECT twin($$UPDATE book SET pages = pages + 300 WHERE id < 4 RETURNING * -- rows$$);
SELECT twin($$UPDATE book SET title = title || '+' WHERE id = 12 RETURNING title, length(title) AS l -- rows$$);
SELECT twin($$UPDATE book SET title = x.t FROM (VALUES (1, 'first'), (2, 'second'), (77, 'none')) x (i, t)
    WHERE id = x.i RETURNING book.id, book.title, x.* -- rows$$);
-- as many columns as the table has, all of another relation
SELECT twin($$UPDATE book SET title = x.t FROM (VALUES (1, 0, 'first', 2, true, 3), (2, 0, 'second', 4, false, 5)) x (i, j, t, p, l, e)
    WHERE id = x.i RETURNING x.* -- rows$$);
SELECT twin($$UPDATE book SET pages = 5 WHERE id = (SELECT max(stock_id) - 9970 FROM writing.change) RETURNING id, long -- rows$$);
SELECT twin($$UPDATE book b SET pages = o.id FROM book o WHERE o.id = b.id + 1 AND b.id < 15
    RETURNING b.id, b.pages, o.title, o.embedding -- rows$$);
SELECT twin($$DELETE FROM book WHERE id IN (10, 11) RETURNING * -- rows$$);
SELECT twin($$DELETE FROM book USING generate_series(12, 14) g WHERE id = g RETURNING id, g, title -- rows$$);
SELECT twin($$DELETE FROM book WHERE id > 20 AND title = 't' || id RETURNING id -- rows$$);
SELECT contents('book');

-- used by the rest of a statement
SELECT twin($$WITH new AS (INSERT INTO book (id) SELECT generate_series(40, 45) RETURNING id, title)
    SELECT count(*), min(id), max(id) FROM new -- rows$$);
SELECT twin($$WITH gone AS (DELETE FROM book WHERE id >= 40 RETURNING id)
    SELECT id, delta FROM gone LEFT JOIN writing.change ON stock_id = id -- rows$$);
SELECT twin($$WITH a AS (UPDATE book SET title = 'a' WHERE id = 1 RETURNING title),
    b AS (UPDATE book SET title = 'b' WHERE id = 2 RETURNING title) SELECT * FROM a, b -- rows$$);
SELECT contents('book');

-- a view, a function in the list, PL/pgSQL
CREATE VIEW dist.titles AS SELECT id AS number, title FROM dist.book;
CREATE VIEW local.titles AS SELECT id AS number, title FROM local.book;
SELECT twin($$INSERT INTO titles VALUES (50, 'viewed') RETURNING *, number + 1 -- rows$$);
SELECT twin($$UPDATE titles SET title = 'again' WHERE number = 50 RETURNING * -- rows$$);
SELECT twin($$DELETE FROM titles WHERE number = 50 RETURNING title -- rows$$);
CREATE FUNCTION writing.rename(i int, t text) RETURNS text LANGUAGE sql AS
    'UPDATE dist.book SET title = t WHERE id = i RETURNING title';
SELECT writing.rename(1, 'renamed'), writing.rename(-1, 'nobody');
SET client_min_messages = notice;
DO $$
DECLARE r record; n int := 0;
BEGIN
    FOR r IN DELETE FROM dist.book WHERE id IN (1, 2, 3) RETURNING id LOOP
        n := n + r.id;
    END LOOP;
    RAISE NOTICE 'sum of ids %', n;
END $$;
SET client_min_messages = warning;
EXPLAIN (VERBOSE, COSTS OFF) UPDATE dist.book SET title = 'x' WHERE id = 4 RETURNING id + 1, title;
EXPLAIN (VERBOSE, COSTS OFF) INSERT INTO dist.book (id) VALUES (4) RETURNING long;
