-- index_check(): sound indexes of all shapes have no problem, and what cannot be checked is told.
-- Damaged ones: tests/tap/014_index_check.pl.
CREATE SCHEMA checked;
SET search_path TO checked, public;
SET client_min_messages = warning;
CREATE FUNCTION random_vector(seed int, dimensions int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(sin(seed * 12.9898 + i * 78.233 + seed * i % 17))::public.vector
    FROM generate_series(1, dimensions) i $$;

-- every index of the schema, checked in every way; and how many there are
CREATE VIEW problems AS
    SELECT c.relname, p.* FROM pg_class c,
        LATERAL (VALUES (false, false), (true, false), (false, true), (true, true)) o(heap, deep),
        LATERAL public.index_check(c.oid, o.heap, o.deep) p
    WHERE c.relkind = 'i' AND c.relnamespace = 'checked'::regnamespace;
CREATE VIEW indexes AS
    SELECT count(*) FROM pg_class c
    WHERE c.relkind = 'i' AND c.relnamespace = 'checked'::regnamespace;

-- no row, one, a few; NULL and a vector without direction are not indexed
CREATE TABLE few (id int, v vector(3)) WITH (autovacuum_enabled = off);
CREATE INDEX few_l2 ON few USING ivfrabitq (v vector_l2_ops);
CREATE INDEX few_lists ON few USING ivfrabitq (v vector_cosine_ops) WITH (lists = 200);
CREATE INDEX few_flat ON few USING ivfflat (v vector_cosine_ops) WITH (lists = 3);
SELECT * FROM problems;
INSERT INTO few VALUES (1, '[1,2,3]');
SELECT * FROM problems;
INSERT INTO few SELECT i, random_vector(i, 3) FROM generate_series(2, 10) i;
INSERT INTO few VALUES (11, NULL), (12, '[0,0,0]');
SELECT * FROM problems;
REINDEX TABLE few;
SELECT * FROM problems;

-- lists, runs, second lists, filter columns, expressions, predicates
CREATE TABLE many (id int, category int, word text, v vector(16)) WITH (autovacuum_enabled = off);
INSERT INTO many SELECT i, nullif(i % 10, 3), nullif('w' || i % 7, 'w2'), random_vector(i, 16)
    FROM generate_series(1, 2000) i;
CREATE INDEX many_one ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 1);
CREATE INDEX many_ip ON many USING ivfrabitq (v vector_ip_ops) WITH (lists = 10);
CREATE INDEX many_cosine ON many USING ivfrabitq (v vector_cosine_ops) WITH (lists = 300);
CREATE INDEX many_filter ON many USING ivfrabitq (v vector_l2_ops, category, word) WITH (lists = 20);
CREATE INDEX many_spill ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 50, spill = 0.5);
CREATE INDEX many_half ON many USING ivfrabitq (v vector_l2_ops) WHERE id % 2 = 0;
CREATE INDEX many_part ON many USING ivfrabitq ((subvector(v, 1, 4)::vector(4)) vector_l2_ops);
CREATE INDEX many_flat ON many USING ivfflat (v vector_l2_ops) WITH (lists = 30);
CREATE INDEX many_flat_ip ON many USING ivfflat (v vector_ip_ops) WITH (lists = 1);
CREATE INDEX many_flat_cosine ON many USING ivfflat (v vector_cosine_ops) WITH (lists = 400);
CREATE INDEX many_flat_half ON many USING ivfflat ((subvector(v, 1, 4)::vector(4)) vector_l2_ops)
    WITH (lists = 7) WHERE id % 2 = 0;
SELECT * FROM problems;
INSERT INTO many SELECT i, nullif(i % 10, 3), nullif('w' || i % 7, 'w2'), random_vector(i, 16)
    FROM generate_series(2001, 5000) i;
SELECT * FROM problems;

-- dead rows, vacuumed rows, new rows in their places; rows that a rollback left
DELETE FROM many WHERE id % 3 = 0;
SELECT * FROM problems;
VACUUM (INDEX_CLEANUP ON) many;
SELECT * FROM problems;
BEGIN;
INSERT INTO many SELECT -i, 1, 'x', random_vector(-i, 16) FROM generate_series(1, 200) i;
ROLLBACK;
INSERT INTO many SELECT i, 1, 'y', random_vector(i, 16) FROM generate_series(5001, 6000) i;
UPDATE many SET category = category + 1 WHERE id % 5 = 1;
SELECT * FROM problems;
DELETE FROM many;
VACUUM (INDEX_CLEANUP ON, TRUNCATE ON) many;
SELECT * FROM problems;

-- a list that was split, and what is left of it
CREATE TABLE grown (id int, v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX grown_v ON grown USING ivfrabitq (v vector_l2_ops);
CREATE INDEX grown_flat ON grown USING ivfflat (v vector_ip_ops) WITH (lists = 5); -- no centroids worth the name
INSERT INTO grown SELECT i, random_vector(i, 16) FROM generate_series(1, 3000) i;
VACUUM grown;
SELECT * FROM problems;
INSERT INTO grown SELECT i, random_vector(i, 16) FROM generate_series(3001, 4000) i;
DELETE FROM grown WHERE id % 7 = 0;
VACUUM (INDEX_CLEANUP ON) grown;
SELECT * FROM problems;

-- narrow and wide vectors; values out of line, whose rows are gone
CREATE TABLE sizes (id int, v1 vector(1), v64 vector(64), v2000 vector(2000), v16000 vector(16000))
    WITH (autovacuum_enabled = off);
INSERT INTO sizes SELECT i, random_vector(i, 1), random_vector(i, 64), random_vector(i, 2000),
    (array_fill(i % 7, ARRAY[8000]) || array_fill(i % 5, ARRAY[8000]))::vector
    FROM generate_series(1, 70) i;
CREATE INDEX sizes_1 ON sizes USING ivfrabitq (v1 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_64 ON sizes USING ivfrabitq (v64 vector_ip_ops) WITH (lists = 2);
CREATE INDEX sizes_2000 ON sizes USING ivfrabitq (v2000 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_16000 ON sizes USING ivfrabitq (v16000 vector_cosine_ops) WITH (lists = 2);
CREATE INDEX sizes_flat_1 ON sizes USING ivfflat (v1 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_flat_2000 ON sizes USING ivfflat (v2000 vector_cosine_ops) WITH (lists = 2);
INSERT INTO sizes SELECT 100 + id, v1, v64, v2000, v16000 FROM sizes;
UPDATE sizes SET v2000 = v2000 + v2000 WHERE id % 2 = 0;
SELECT * FROM problems;
DELETE FROM sizes WHERE id % 3 = 0;
VACUUM (INDEX_CLEANUP ON) sizes;
SELECT * FROM problems;

-- unlogged, temporary; in the transaction that made them; under an older snapshot
CREATE UNLOGGED TABLE unlogged (v vector(4));
CREATE INDEX unlogged_v ON unlogged USING ivfrabitq (v vector_l2_ops);
CREATE INDEX unlogged_flat ON unlogged USING ivfflat (v vector_l2_ops) WITH (lists = 2);
INSERT INTO unlogged SELECT random_vector(i, 4) FROM generate_series(1, 100) i;
SELECT * FROM problems;
BEGIN ISOLATION LEVEL REPEATABLE READ;
CREATE TEMPORARY TABLE temporary (v vector(4));
CREATE INDEX temporary_v ON temporary USING ivfrabitq (v vector_l2_ops);
CREATE INDEX temporary_flat ON temporary USING ivfflat (v vector_l2_ops) WITH (lists = 2);
INSERT INTO temporary SELECT random_vector(i, 4) FROM generate_series(1, 300) i;
SELECT * FROM index_check('temporary_v', true, true);
SELECT * FROM index_check('temporary_flat', true, true);
SELECT * FROM problems;
COMMIT;
SELECT * FROM indexes;

-- what cannot be checked
CREATE TABLE parts (id int, v vector(3)) PARTITION BY RANGE (id);
CREATE TABLE part PARTITION OF parts FOR VALUES FROM (1) TO (100);
CREATE INDEX parts_v ON parts USING ivfrabitq (v vector_l2_ops);
INSERT INTO parts SELECT i, random_vector(i, 3) FROM generate_series(1, 50) i;
SELECT * FROM index_check('part_v_idx', true, true);
SELECT * FROM index_check('parts_v');
\echo :SQLSTATE
SELECT * FROM index_check('few');
SELECT * FROM index_check('problems');
CREATE INDEX few_id ON few (id);
SELECT * FROM index_check('few_id');
\echo :SQLSTATE
SELECT * FROM index_check(0);
SELECT * FROM index_check(NULL);
UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'few_l2'::regclass;
SELECT * FROM index_check('few_l2');
\echo :SQLSTATE
UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'few_l2'::regclass;

-- the expressions of an index are evaluated as the table's owner would
CREATE ROLE checked_owner;
CREATE FUNCTION seen_by(v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
    BEGIN
        IF current_user <> 'checked_owner' THEN
            RAISE EXCEPTION 'evaluated as %', current_user;
        END IF;
        RETURN v;
    END $$;
GRANT USAGE ON SCHEMA checked TO checked_owner;
CREATE TABLE owned (v vector(2));
ALTER TABLE owned OWNER TO checked_owner;
CREATE INDEX owned_v ON owned USING ivfrabitq ((seen_by(v)::vector(2)) vector_l2_ops);
SET ROLE checked_owner;
INSERT INTO owned VALUES ('[1,2]'), ('[3,4]');
RESET ROLE;
SELECT * FROM index_check('owned_v', true, true);
SELECT current_user <> 'checked_owner' AS oneself_again;

-- others need a grant, and no more than that
CREATE ROLE checked_somebody;
GRANT USAGE ON SCHEMA checked TO checked_somebody;
SET ROLE checked_somebody;
SELECT * FROM index_check('few_l2');
RESET ROLE;
GRANT EXECUTE ON FUNCTION index_check(regclass, boolean, boolean) TO checked_somebody;
SET ROLE checked_somebody;
SELECT * FROM index_check('few_l2', true, true);
RESET ROLE;
REVOKE EXECUTE ON FUNCTION index_check(regclass, boolean, boolean) FROM checked_somebody;

DROP SCHEMA checked CASCADE;
DROP ROLE checked_owner, checked_somebody;
