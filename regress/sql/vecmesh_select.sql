-- SELECT on distributed tables gives what the local copy gives. (tests/tap/201 does this with
-- generated queries; here are the shapes that have a reason.)
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 200000;
\set SHOW_CONTEXT never
CREATE SCHEMA sel;
SET search_path = sel, public;

CREATE TABLE copy (
    id int NOT NULL, gone int, bucket int, name text, v float8, "Odd Name" varchar(9),
    tags text[], at timestamptz, embedding vector(3));
ALTER TABLE copy DROP COLUMN gone;
INSERT INTO copy
SELECT i, i % 20, CASE WHEN i % 7 <> 0 THEN 'n' || i % 50 END,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN 'NaN' ELSE i * 0.5 END, 'o' || i % 9,
       ARRAY['t' || i % 3], timestamptz '2024-01-01 00:00+00' + i * interval '1 hour',
       CASE WHEN i % 17 <> 0 THEN ARRAY[i % 10, i % 7, i % 4]::vector END
FROM generate_series(1, 300) i;
CREATE TABLE items (LIKE copy);
SELECT vecmesh.create_distributed_table('items', 'id', 8, colocate_with => 'none');
INSERT INTO items SELECT * FROM copy;
CREATE TABLE small AS SELECT i AS k, 'n' || i AS label FROM generate_series(1, 12) i;
CREATE FUNCTION is_odd(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN i % 2 = 1; END';

-- same_rows: runs a query with {items} standing for either table; true when the rows agree
CREATE FUNCTION same_rows(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE distributed text; local text;
BEGIN
    EXECUTE 'SELECT string_agg(q::text, E''\n'') FROM (' || replace(query, '{items}', 'sel.items') || ') q' INTO distributed;
    EXECUTE 'SELECT string_agg(q::text, E''\n'') FROM (' || replace(query, '{items}', 'sel.copy') || ') q' INTO local;
    RETURN distributed IS NOT DISTINCT FROM local;
END $$;
SELECT query, same_rows(query) FROM (VALUES
    ('SELECT * FROM {items} ORDER BY id'),
    ('SELECT count(*), sum(id), min(v), max(v) FROM {items}'),
    ('SELECT FROM {items}'),
    ('SELECT t FROM {items} t ORDER BY id'),
    ('SELECT id, "Odd Name" FROM {items} ORDER BY "Odd Name" DESC, id LIMIT 7 OFFSET 3'),
    ('SELECT id, v FROM {items} ORDER BY v NULLS FIRST, id DESC LIMIT 40'),
    ('SELECT id, v FROM {items} ORDER BY v DESC, id LIMIT 40'),
    ('SELECT id, name FROM {items} ORDER BY name COLLATE "C" DESC NULLS LAST, id LIMIT 9'),
    ('SELECT bucket FROM {items} ORDER BY bucket FETCH FIRST 3 ROWS WITH TIES'),
    ('SELECT bucket, count(*) FROM {items} GROUP BY ROLLUP (bucket) ORDER BY 1'),
    ('SELECT DISTINCT bucket, name IS NULL FROM {items} ORDER BY 1, 2'),
    ('SELECT id, sum(id) OVER (PARTITION BY bucket ORDER BY id) FROM {items} ORDER BY id'),
    ('SELECT k, id FROM sel.small LEFT JOIN {items} ON id = k * 40 ORDER BY k'),
    ('SELECT a.id, b.id FROM {items} a JOIN {items} b ON b.id = a.bucket ORDER BY 1'),
    ('SELECT k, (SELECT name FROM {items} WHERE id = k) FROM sel.small ORDER BY k'),
    ('SELECT k, l.id FROM sel.small, LATERAL (SELECT id FROM {items} WHERE bucket = k ORDER BY v DESC NULLS LAST, id LIMIT 2) l ORDER BY 1, 2'),
    ('SELECT id FROM {items} WHERE EXISTS (SELECT FROM sel.small WHERE k = id) ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id NOT IN (SELECT k FROM sel.small) ORDER BY 1'),
    ('SELECT id FROM {items} WHERE is_odd(bucket) AND id > 250 ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id = 7 OR id IN (8, NULL, 9) AND bucket = 9 ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id = ANY (''{5,NULL,6}'') ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id = 5::bigint OR id = 6::smallint ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id = 99999999999'),
    ('SELECT id FROM {items} WHERE id IS NULL'),
    ('SELECT id, embedding FROM {items} WHERE embedding IS NOT NULL ORDER BY embedding, id LIMIT 5'),
    ('SELECT id, tags FROM {items} WHERE tags @> ''{t1}'' AND at < now() ORDER BY id LIMIT 5'),
    ('SELECT id, CASE WHEN bucket = 0 THEN -1 ELSE 100 / bucket END FROM {items} ORDER BY 1'),
    ('WITH a AS MATERIALIZED (SELECT * FROM {items} WHERE bucket < 5) SELECT x.id FROM a x JOIN a y ON x.id = y.id + 20 ORDER BY 1'),
    ('WITH RECURSIVE r(id) AS (SELECT 1 UNION SELECT i.id FROM r JOIN {items} i ON i.id = r.id + 40) SELECT * FROM r ORDER BY 1'),
    ('SELECT bucket FROM {items} INTERSECT SELECT k FROM sel.small ORDER BY 1'),
    ('SELECT id FROM {items} WHERE id < 5 UNION ALL SELECT k FROM sel.small WHERE k > 10 ORDER BY 1'),
    ('SELECT unnest(tags), generate_series(1, 2) FROM {items} WHERE id < 4 ORDER BY 1, 2'),
    ('SELECT id FROM {items} ORDER BY id LIMIT (SELECT count(*) FROM sel.small) OFFSET 2'),
    ('SELECT id FROM {items} WHERE tableoid = 0')
) q (query);
SELECT tableoid::regclass, ctid IS NOT NULL AS has_ctid FROM items WHERE id = 1;

-- prepared: parameters stay parameters
SET plan_cache_mode = force_generic_plan;
PREPARE one(int) AS SELECT id, name FROM items WHERE id = $1;
EXECUTE one(3); EXECUTE one(4); EXECUTE one(NULL);
PREPARE page(int, bigint, bigint) AS SELECT id FROM items WHERE bucket < $1 ORDER BY id LIMIT $2 OFFSET $3;
EXECUTE page(4, 3, 2); EXECUTE page(20, NULL, 297); EXECUTE page(0, 5, NULL);
EXECUTE page(4, -1, 0);
RESET plan_cache_mode;

-- cursors, also two on the same workers, and one that outlives its transaction
BEGIN;
DECLARE a SCROLL CURSOR FOR SELECT id FROM items ORDER BY id;
DECLARE b CURSOR FOR SELECT id FROM items ORDER BY id DESC;
FETCH 2 FROM a; FETCH 2 FROM b; FETCH 2 FROM a; FETCH BACKWARD 2 FROM a; FETCH LAST FROM a; FETCH 1 FROM b;
SAVEPOINT s;
SELECT id FROM items WHERE 1 / (id - 5) > 0;
ROLLBACK TO s;
FETCH 1 FROM b;
COMMIT;
BEGIN; DECLARE c CURSOR WITH HOLD FOR SELECT id FROM items ORDER BY id; COMMIT;
FETCH 2 FROM c; CLOSE c;

-- functions and views
CREATE VIEW low AS SELECT id, bucket FROM items WHERE bucket < 3;
CREATE FUNCTION count_low(b int) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM sel.low WHERE bucket = b';
SELECT count_low(1), (SELECT sum(count_low(k)) FROM small);
DO $$
DECLARE r record; n bigint := 0;
BEGIN
    FOR r IN SELECT id FROM items WHERE bucket = 3 LOOP
        n := n + (SELECT count(*) FROM items WHERE id = r.id);
    END LOOP;
    RAISE NOTICE '% rows', n;
END $$;

-- a condition that must not see rows which the barrier hides
CREATE VIEW barrier WITH (security_barrier) AS SELECT * FROM items WHERE is_odd(id);
SELECT count(*) FROM barrier WHERE 1 / (id - 2) < 5;
SELECT count(*) FROM barrier WHERE 1 / (id - 3) < 5;

-- the client's encoding and styles are its own affair
SET client_encoding = 'LATIN1';
SELECT id, name, v, at AT TIME ZONE 'UTC', embedding FROM items WHERE name = 'n3' AND embedding <-> '[3,3,3]' < 1 ORDER BY id;
RESET client_encoding;
SET datestyle = 'German, DMY'; SET extra_float_digits = -5;
SELECT id FROM items WHERE at = '02.01.2024 06:00+00' ORDER BY id;
RESET datestyle; RESET extra_float_digits;

-- row locks go to the workers
BEGIN;
SELECT id FROM items WHERE bucket = 5 ORDER BY id LIMIT 2 FOR UPDATE SKIP LOCKED;
SELECT i.id, k FROM items i JOIN small ON k = id WHERE k < 3 ORDER BY 1 FOR SHARE;
ROLLBACK;

-- what cannot be
SELECT xmin FROM items;
SELECT count(*) FROM items TABLESAMPLE system (10);
SELECT id FROM items WHERE 100 / (id - 300) > 5;
