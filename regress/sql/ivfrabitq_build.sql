-- Building ivfrabitq indexes: which rows are in, and in which circumstances. check_index() holds an
-- index to all its invariants, and returns how many rows there are.
CREATE SCHEMA rq_build;
SET search_path TO rq_build, public;
SET client_min_messages = warning; -- few rows here, and a NOTICE for each
CREATE FUNCTION check_index(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE problem record;
    BEGIN
        FOR problem IN SELECT * FROM index_check(index, true, true) LOOP
            RAISE EXCEPTION '%: %', index, problem;
        END LOOP;
        RETURN (SELECT rows FROM index_stats(index));
    END $$;

-- vectors that look random
CREATE FUNCTION random_vector(seed int, dimensions int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg(sin(seed * 12.9898 + i * 78.233 + seed * i % 17))::vector
    FROM generate_series(1, dimensions) i $$;

-- empty, 1 row, 10 rows
CREATE TABLE few (id int, v vector(3));
SET client_min_messages = notice;
CREATE INDEX few_l2 ON few USING ivfrabitq (v vector_l2_ops);
CREATE INDEX few_lists ON few USING ivfrabitq (v vector_ip_ops) WITH (lists = 200);
SET client_min_messages = warning;
SELECT check_index('few_l2'), check_index('few_lists');
INSERT INTO few VALUES (1, '[1,2,3]');
SELECT check_index('few_l2'), check_index('few_lists');
REINDEX TABLE few;
SELECT check_index('few_l2'), check_index('few_lists');
INSERT INTO few SELECT i, random_vector(i, 3) FROM generate_series(2, 10) i;
REINDEX TABLE few;
SELECT check_index('few_l2'), check_index('few_lists');
DROP TABLE few;

-- NULL is not indexed, a zero vector not by cosine distance, a vector that overflows nowhere
CREATE TABLE odd (id int, v vector(2));
INSERT INTO odd SELECT i, random_vector(i, 2) FROM generate_series(1, 100) i;
INSERT INTO odd VALUES (101, NULL), (102, '[0,0]'), (103, '[1e30,-1e30]'), (104, '[1e-40,1e-42]');
CREATE INDEX odd_l2 ON odd USING ivfrabitq (v vector_l2_ops);
CREATE INDEX odd_ip ON odd USING ivfrabitq (v vector_ip_ops) WITH (lists = 5);
CREATE INDEX odd_cosine ON odd USING ivfrabitq (v vector_cosine_ops);
SELECT check_index('odd_l2'), check_index('odd_ip'), check_index('odd_cosine');
DROP TABLE odd;

-- equal rows, and many of few kinds
CREATE TABLE same (id int, v vector(8));
INSERT INTO same SELECT i, random_vector(1, 8) FROM generate_series(1, 500) i;
CREATE INDEX same_l2 ON same USING ivfrabitq (v vector_l2_ops);
CREATE INDEX same_lists ON same USING ivfrabitq (v vector_ip_ops) WITH (lists = 20, spill = 0.5);
SELECT check_index('same_l2'), check_index('same_lists');
INSERT INTO same SELECT 500 + i, random_vector(i % 3, 8) FROM generate_series(1, 500) i;
REINDEX TABLE same;
SELECT check_index('same_l2'), check_index('same_lists');
DROP TABLE same;

-- dimensions: less than a block of 64, at its borders, more than scan codes cover, the most
CREATE TABLE sizes (v1 vector(1), v63 vector(63), v64 vector(64), v65 vector(65), v100 vector(100),
                    v2000 vector(2000), v16000 vector(16000), v vector);
INSERT INTO sizes SELECT random_vector(i, 1), random_vector(i, 63), random_vector(i, 64),
    random_vector(i, 65), random_vector(i, 100), random_vector(i, 2000),
    (array_fill(i % 7, ARRAY[8000]) || array_fill(i % 5, ARRAY[8000]))::vector, random_vector(i, 3)
    FROM generate_series(1, 70) i;
CREATE INDEX sizes_1 ON sizes USING ivfrabitq (v1 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_63 ON sizes USING ivfrabitq (v63 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_64 ON sizes USING ivfrabitq (v64 vector_ip_ops) WITH (lists = 2);
CREATE INDEX sizes_65 ON sizes USING ivfrabitq (v65 vector_cosine_ops) WITH (lists = 2);
CREATE INDEX sizes_100 ON sizes USING ivfrabitq (v100 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_2000 ON sizes USING ivfrabitq (v2000 vector_l2_ops) WITH (lists = 2);
CREATE INDEX sizes_16000 ON sizes USING ivfrabitq (v16000 vector_cosine_ops) WITH (lists = 2);
SELECT c.relname, check_index(c.oid) FROM pg_class c
WHERE relname LIKE 'sizes\_%' ORDER BY length(relname), relname;
CREATE INDEX ON sizes USING ivfrabitq (v vector_l2_ops); -- fails: no dimensions
DROP TABLE sizes;

-- lists, runs and shared pages; copies in a second list
CREATE TABLE many (id int, category int, v vector(16));
INSERT INTO many SELECT i, i % 10, random_vector(i, 16) FROM generate_series(1, 4000) i;
CREATE INDEX many_auto ON many USING ivfrabitq (v vector_l2_ops);
CREATE INDEX many_one ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 1);
CREATE INDEX many_ten ON many USING ivfrabitq (v vector_ip_ops) WITH (lists = 10);
CREATE INDEX many_lists ON many USING ivfrabitq (v vector_cosine_ops) WITH (lists = 1000);
CREATE INDEX many_filter ON many USING ivfrabitq (v vector_l2_ops, category) WITH (lists = 20);
SELECT check_index('many_auto'), check_index('many_one'), check_index('many_ten'),
       check_index('many_lists'), check_index('many_filter');
CREATE INDEX many_spill ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 50, spill = 0.5);
CREATE INDEX many_twice ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 50, spill = 1);
SELECT check_index('many_spill') BETWEEN 5000 AND 7000 AS half, check_index('many_twice');

-- queries from a table
CREATE TABLE questions (q vector(16));
INSERT INTO questions SELECT random_vector(i + 5000, 16) FROM generate_series(1, 50) i;
CREATE INDEX many_asked ON many USING ivfrabitq (v vector_l2_ops)
    WITH (lists = 20, queries = 'questions(q)');
SELECT check_index('many_asked');

-- partial, of an expression, concurrently, again
CREATE INDEX many_half ON many USING ivfrabitq (v vector_l2_ops) WHERE id % 2 = 0;
CREATE INDEX many_part ON many USING ivfrabitq ((subvector(v, 1, 4)::vector(4)) vector_l2_ops);
CREATE INDEX CONCURRENTLY many_later ON many USING ivfrabitq (v vector_l2_ops);
REINDEX INDEX many_half;
REINDEX INDEX CONCURRENTLY many_part;
SELECT check_index('many_half'), check_index('many_part'), check_index('many_later');

-- little memory: no error if the build chooses the lists, one if they do not fit
SET maintenance_work_mem = '1MB';
CREATE INDEX many_little ON many USING ivfrabitq (v vector_l2_ops) WITH (spill = 0.2);
SELECT check_index('many_little') > 4000 AS copies;
CREATE INDEX ON many USING ivfrabitq (v vector_l2_ops) WITH (lists = 100000);
RESET maintenance_work_mem;

-- parallel workers find the same rows
SET max_parallel_maintenance_workers = 2;
SET min_parallel_table_scan_size = 0;
ALTER TABLE many SET (parallel_workers = 2);
CREATE INDEX many_parallel ON many USING ivfrabitq (v vector_l2_ops, category) WITH (lists = 30);
CREATE INDEX CONCURRENTLY many_parallel_later ON many USING ivfrabitq (v vector_ip_ops)
    WITH (lists = 30, spill = 1);
SELECT check_index('many_parallel'), check_index('many_parallel_later');
SET max_parallel_maintenance_workers = 0;
REINDEX INDEX many_parallel;
SELECT check_index('many_parallel');
RESET max_parallel_maintenance_workers;
RESET min_parallel_table_scan_size;

-- TRUNCATE builds again, in the transaction that made the table too
BEGIN;
CREATE TABLE made (v vector(4));
CREATE INDEX made_v ON made USING ivfrabitq (v vector_l2_ops);
INSERT INTO made SELECT random_vector(i, 4) FROM generate_series(1, 50) i;
SELECT check_index('made_v');
TRUNCATE made;
INSERT INTO made SELECT random_vector(i, 4) FROM generate_series(1, 20) i;
SELECT check_index('made_v');
COMMIT;

-- unlogged and temporary
CREATE UNLOGGED TABLE unlogged (v vector(4));
INSERT INTO unlogged SELECT random_vector(i, 4) FROM generate_series(1, 50) i;
CREATE INDEX unlogged_v ON unlogged USING ivfrabitq (v vector_l2_ops);
SELECT pg_relation_size('unlogged_v', 'init') > 0 AS init_fork, check_index('unlogged_v');
CREATE TEMPORARY TABLE temporary (v vector(4));
INSERT INTO temporary SELECT random_vector(i, 4) FROM generate_series(1, 50) i;
CREATE INDEX temporary_v ON temporary USING ivfrabitq (v vector_cosine_ops);
SELECT check_index('temporary_v');

DROP SCHEMA rq_build CASCADE;
