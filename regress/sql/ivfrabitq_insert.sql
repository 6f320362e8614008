-- Rows inserted into an ivfrabitq index; check_index() holds it to all its invariants, and returns how
-- many rows there are.
SET client_min_messages = warning;
CREATE FUNCTION check_index(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE problem record;
    BEGIN
        FOR problem IN SELECT * FROM index_check(index, true, true) LOOP
            RAISE EXCEPTION '%: %', index, problem;
        END LOOP;
        RETURN (SELECT rows FROM index_stats(index));
    END $$;
CREATE FUNCTION ivfrabitq_row(i int, dims int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(10 * sin(i::float8 * (k + 3) * 7.919))::vector FROM generate_series(1, dims) k';

-- into an empty index, one list
CREATE TABLE rq_empty (id int, v vector(3));
CREATE INDEX rq_empty_v ON rq_empty USING ivfrabitq (v vector_l2_ops);
INSERT INTO rq_empty SELECT i, ivfrabitq_row(i, 3) FROM generate_series(1, 1000) i;
SELECT check_index('rq_empty_v');

-- doubled, in each metric; NULL is not indexed, nor is a vector without direction under cosine
CREATE TABLE rq (id int, v vector(70));
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70) FROM generate_series(1, 600) i;
CREATE INDEX rq_l2 ON rq USING ivfrabitq (v vector_l2_ops) WITH (lists = 7);
CREATE INDEX rq_ip ON rq USING ivfrabitq (v vector_ip_ops) WITH (lists = 7);
CREATE INDEX rq_cosine ON rq USING ivfrabitq (v vector_cosine_ops) WITH (lists = 7);
CREATE INDEX rq_spill ON rq USING ivfrabitq (v vector_l2_ops) WITH (lists = 7, spill = 0.5);
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70) FROM generate_series(601, 1200) i;
INSERT INTO rq VALUES (1201, NULL), (1202, array_fill(0, ARRAY[70]));
SELECT check_index('rq_l2'), check_index('rq_ip'), check_index('rq_cosine');
SELECT check_index('rq_spill') BETWEEN 1201 + 400 AND 1201 + 800 AS half_twice;

-- other dimensions are refused
INSERT INTO rq_empty VALUES (0, '[1,2]');

-- filter columns, NULL among them
CREATE TABLE rq_filter (id int, v vector(5), a int, b text, c bool, d uuid);
CREATE INDEX rq_filter_v ON rq_filter USING ivfrabitq (v vector_l2_ops, a, b, c, d) WITH (lists = 2);
INSERT INTO rq_filter SELECT i, ivfrabitq_row(i, 5), nullif(i % 5, 0), nullif('t' || i % 7, 't0'),
    nullif(i % 3, 0) = 1, md5(i::text)::uuid FROM generate_series(1, 500) i;
SELECT check_index('rq_filter_v');

-- more dimensions than scan codes cover
CREATE TABLE rq_wide (id int, v vector(2000));
CREATE INDEX rq_wide_v ON rq_wide USING ivfrabitq (v vector_l2_ops) WITH (lists = 1);
INSERT INTO rq_wide SELECT i, ivfrabitq_row(i, 2000) FROM generate_series(1, 70) i;
SELECT check_index('rq_wide_v');

-- unlogged and temporary tables, COPY
CREATE UNLOGGED TABLE rq_unlogged (v vector(2));
CREATE INDEX rq_unlogged_v ON rq_unlogged USING ivfrabitq (v vector_l2_ops);
COPY rq_unlogged FROM stdin;
[1,2]
[3,4]
\.
SELECT check_index('rq_unlogged_v');
CREATE TEMPORARY TABLE rq_temporary (v vector(2));
CREATE INDEX rq_temporary_v ON rq_temporary USING ivfrabitq (v vector_l2_ops);
INSERT INTO rq_temporary SELECT ivfrabitq_row(i, 2) FROM generate_series(1, 500) i;
SELECT check_index('rq_temporary_v');

DROP TABLE rq_empty, rq, rq_filter, rq_wide, rq_unlogged, rq_temporary;
DROP FUNCTION check_index, ivfrabitq_row;
