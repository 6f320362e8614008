-- create_distributed_table() and undistribute_table(): what becomes of the table, its rows, its shards.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 110000;
ALTER SEQUENCE vecmesh.colocation_id_seq RESTART 110;

-- A table with everything that a shard must copy.
CREATE TABLE items (
    id bigint PRIMARY KEY,
    name text COLLATE "C" DEFAULT 'nameless' NOT NULL,
    embedding vector(3),
    gone int,
    big text COMPRESSION pglz,
    "odd Name" varchar(7),
    twice bigint GENERATED ALWAYS AS (id * 2) STORED,
    n int GENERATED ALWAYS AS IDENTITY,
    CONSTRAINT "positive id" CHECK (id > 0)
) WITH (fillfactor = 70);
ALTER TABLE items DROP COLUMN gone;
ALTER TABLE items ALTER COLUMN big SET STORAGE EXTERNAL;
CREATE INDEX items_name_idx ON items (lower(name), "odd Name" DESC NULLS LAST) WHERE id > 10;
CREATE UNIQUE INDEX items_long_index_name_that_would_be_cut_off_when_suffixed1 ON items (name, id);
CREATE UNIQUE INDEX items_long_index_name_that_would_be_cut_off_when_suffixed2 ON items (name, id);
INSERT INTO items (id, name, embedding, big, "odd Name")
SELECT i, 'item ' || i, ARRAY[i, 1, NULLIF(i % 3, 7)]::vector, repeat('x', i), i % 7
FROM generate_series(1, 1000) i;

SELECT vecmesh.create_distributed_table('items', 'id');
SELECT * FROM vecmesh.tables;
SELECT relation, shard_id, schema_name, shard_name, min_hash, max_hash, node_id, dbname
FROM vecmesh.shards ORDER BY shard_id;
SELECT pg_relation_size('items') AS local_size;
SELECT count(*), sum(id), sum(twice), sum(n), sum(length(big)), sum(embedding) FROM items;
SELECT id, name, embedding, length(big), "odd Name", twice, n FROM items WHERE id = 777;
SELECT count(*) FROM ONLY items;

-- The shards: rows by the hash of the id, definition as here.
ANALYZE items;
SELECT sum(result::real) FROM on_workers($$ SELECT sum(reltuples) FROM pg_class WHERE relname ~ '^items_11000.$' $$);
SELECT count(*) FROM on_workers($$ SELECT sum(reltuples) FROM pg_class WHERE relname ~ '^items_11000.$' $$)
    WHERE result::real BETWEEN 200 AND 300;
SELECT id, vecmesh.shard_for('items', id), vecmesh.shard_for('items', id::text) FROM generate_series(1, 4) id;
SELECT vecmesh.shard_for('items', '7');
SELECT worker, result FROM on_workers($$ SELECT string_agg(format('%s %s%s', attname,
    format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' not null' END), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid::regclass::text ~ '^items_1100..$' AND attnum > 0 $$) LIMIT 1;
SELECT worker, result FROM on_workers($$ SELECT string_agg(format('%s %s %s %s', attname, attstorage,
    attcompression, attcollation::regcollation), ', ' ORDER BY attnum)
    FROM pg_attribute WHERE attrelid::regclass::text ~ '^items_1100..$' AND attname IN ('name', 'big') $$) LIMIT 1;
SELECT worker, result FROM on_workers($$ SELECT string_agg(pg_get_indexdef(indexrelid), E'\n'
    ORDER BY indexrelid::regclass::text) FROM pg_index WHERE indrelid::regclass::text ~ '^items_1100' $$) LIMIT 1;
SELECT worker, result FROM on_workers($$ SELECT string_agg(conname || ' ' || pg_get_constraintdef(oid), E'\n'
    ORDER BY conname) FROM pg_constraint WHERE conrelid::regclass::text ~ '^items_1100' AND contype <> 'n' $$) LIMIT 1;
SELECT worker, result FROM on_workers($$ SELECT reloptions FROM pg_class WHERE relname ~ '^items_1100..$' $$) LIMIT 1;

-- Names: clipped ones stay different.
SELECT vecmesh.shard_object_name('items', 110000);
SELECT vecmesh.shard_object_name(repeat('é', 30)::name, 110000), length(vecmesh.shard_object_name(repeat('é', 30)::name, 110000));
SELECT vecmesh.shard_object_name(repeat('a', 60)::name, 1) <> vecmesh.shard_object_name((repeat('a', 59) || 'b')::name, 1) AS differ;

-- The way back.
SELECT vecmesh.undistribute_table('items');
SELECT count(*), sum(id), sum(twice), sum(n), sum(length(big)), sum(embedding) FROM items;
SELECT id, name, embedding, length(big), "odd Name", twice, n FROM items WHERE id = 777;
SET enable_seqscan = off;
EXPLAIN (COSTS OFF) SELECT id FROM items WHERE id = 777;
SELECT id FROM items WHERE id = 777;
RESET enable_seqscan;
INSERT INTO items (id) VALUES (1001);
INSERT INTO items (id) VALUES (1001);
SELECT * FROM vecmesh.tables;
SELECT * FROM vecmesh.colocation;
SELECT * FROM on_shards('_1100');

-- All or nothing.
BEGIN;
SELECT vecmesh.create_distributed_table('items', 'id', shard_count => 8);
SELECT count(*) FROM items;
ROLLBACK;
SELECT count(*) FROM items;
SELECT count(*) FROM vecmesh.shards;
SELECT * FROM on_shards('_1100');
BEGIN;
SAVEPOINT a;
SELECT vecmesh.create_distributed_table('items', 'id', shard_count => 3);
ROLLBACK TO a;
SELECT vecmesh.create_distributed_table('items', 'name', shard_count => 2);
ROLLBACK;
CREATE TABLE clash (id int);
SELECT * FROM on_workers('CREATE TABLE clash_110106 (i int)');
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 110104;
INSERT INTO clash SELECT generate_series(1, 10);
\set VERBOSITY terse
SELECT vecmesh.create_distributed_table('clash', 'id');
\set VERBOSITY default
SELECT count(*) FROM clash;
SELECT * FROM on_workers('DROP TABLE clash_110106');
SELECT count(*) FROM vecmesh.shards;

-- Co-location: by default with tables of the same column type and shard count.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 110200;
CREATE TABLE a (id int, t text);
CREATE TABLE b (k int);
CREATE TABLE c (k bigint);
CREATE TABLE d (k int);
CREATE TABLE e (k int);
CREATE TABLE f (k text COLLATE "C");
CREATE TABLE g (k text);
SELECT vecmesh.create_distributed_table('a', 'id', 6);
SELECT vecmesh.create_distributed_table('b', 'k', 6);
SELECT vecmesh.create_distributed_table('c', 'k', 6);
SELECT vecmesh.create_distributed_table('d', 'k', 6, colocate_with => 'none');
SELECT vecmesh.create_distributed_table('e', 'k', colocate_with => 'public.d');
SELECT vecmesh.create_distributed_table('f', 'k', 6);
SELECT vecmesh.create_distributed_table('g', 'k', 6);
SELECT relation, shard_count, dense_rank() OVER (ORDER BY colocation_id) AS set FROM vecmesh.tables ORDER BY relation::text;
SELECT vecmesh.shard_for('a', 5) - 110200 AS a, vecmesh.shard_for('b', 5) - 110206 AS b;
SELECT count(DISTINCT (min_hash, node_id)) FROM vecmesh.shards WHERE relation::text IN ('a', 'b');
SET vecmesh.shard_count = 5;
CREATE TABLE h (k int);
SELECT vecmesh.create_distributed_table('h', 'k');
RESET vecmesh.shard_count;
SELECT shard_count FROM vecmesh.tables WHERE relation = 'h'::regclass;
DROP TABLE a, b, c, d, e, f, g, h;
SELECT count(*) FROM vecmesh.colocation;

-- Other schemas, unlogged, no rows, hash types.
CREATE SCHEMA "Odd schema";
CREATE UNLOGGED TABLE "Odd schema"."Odd table" ("Key" text, "select" int);
SELECT vecmesh.create_distributed_table('"Odd schema"."Odd table"', 'Key');
INSERT INTO "Odd schema"."Odd table" SELECT 'k' || i, i FROM generate_series(1, 20) i;
SELECT count(*), sum("select") FROM "Odd schema"."Odd table";
SELECT worker, result FROM on_workers($$ SELECT relpersistence FROM pg_class WHERE relname ~ '^Odd table' $$);
SELECT vecmesh.undistribute_table('"Odd schema"."Odd table"');
SELECT count(*), sum("select") FROM "Odd schema"."Odd table";
DROP SCHEMA "Odd schema" CASCADE;
CREATE TABLE typed (u uuid, ts timestamptz, n numeric, bits bit(4), v vector(2), j jsonb, i int[], r int4range);
INSERT INTO typed SELECT md5(i::text)::uuid, timestamptz '2020-01-01 00:00Z' + i * interval '1 day', i / 7.0, (i % 16)::bit(4),
    ARRAY[i, 2]::real[]::vector, jsonb_build_object('i', i), ARRAY[i, NULL], int4range(i, i + 2)
FROM generate_series(1, 50) i;
CREATE TABLE typed_before AS SELECT * FROM typed;
SELECT vecmesh.create_distributed_table('typed', 'u');
SELECT count(*) FROM (SELECT t::text FROM typed t EXCEPT ALL SELECT t::text FROM typed_before t) x;
SELECT vecmesh.undistribute_table('typed');
SELECT vecmesh.create_distributed_table('typed', 'n');
SELECT vecmesh.undistribute_table('typed');
SELECT vecmesh.create_distributed_table('typed', 'ts', 2);
SELECT vecmesh.undistribute_table('typed');
SELECT vecmesh.create_distributed_table('typed', 'i', 2);
SELECT vecmesh.undistribute_table('typed');
SELECT count(*) FROM (SELECT t::text FROM typed t EXCEPT ALL SELECT t::text FROM typed_before t) x;
DROP TABLE typed, typed_before, items, clash;
