-- Vacuum of ivfrabitq indexes, and the split of lists that have grown too long.
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

CREATE TABLE rq (id int, v vector(70), b int) WITH (autovacuum_enabled = off);
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70), i % 7 FROM generate_series(1, 1000) i;
CREATE INDEX rq_v ON rq USING ivfrabitq (v vector_l2_ops, b) WITH (lists = 5);
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70), nullif(i % 7, 3) FROM generate_series(1001, 2000) i;

-- dead rows in the middle and at the ends; their slots are used again
DELETE FROM rq WHERE id % 3 = 0 OR id > 1900;
VACUUM (INDEX_CLEANUP ON) rq;
SELECT check_index('rq_v') = count(*) AS same FROM rq;
SELECT reltuples = (SELECT count(*) FROM rq) AS counted FROM pg_class WHERE relname = 'rq_v';
CREATE TEMPORARY TABLE before AS SELECT pg_relation_size('rq_v') AS bytes;
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70), i % 7 FROM generate_series(1, 1900) i WHERE i % 3 = 0;
SELECT check_index('rq_v') = count(*) AS same FROM rq;
SELECT pg_relation_size('rq_v') - bytes AS grown FROM before;

-- all of them, and again
DELETE FROM rq;
VACUUM (INDEX_CLEANUP ON, TRUNCATE OFF) rq;
SELECT check_index('rq_v');
INSERT INTO rq SELECT i, ivfrabitq_row(i, 70), i % 7 FROM generate_series(1, 1900) i;
SELECT check_index('rq_v');
SELECT pg_relation_size('rq_v') - bytes AS grown FROM before;

-- in a parallel worker
CREATE INDEX rq_v2 ON rq USING ivfrabitq (v vector_cosine_ops) WITH (lists = 5);
SET min_parallel_index_scan_size = 0;
DELETE FROM rq WHERE id % 2 = 0;
VACUUM (INDEX_CLEANUP ON, PARALLEL 2) rq;
SELECT check_index('rq_v') = count(*), check_index('rq_v2') = count(*) FROM rq;
RESET min_parallel_index_scan_size;

-- an index made on an empty table gets lists as it grows
CREATE TABLE rq_grown (id int, v vector(16)) WITH (autovacuum_enabled = off);
CREATE INDEX rq_grown_v ON rq_grown USING ivfrabitq (v vector_l2_ops);
INSERT INTO rq_grown SELECT i, ivfrabitq_row(i, 16) FROM generate_series(1, 4000) i;
VACUUM rq_grown;
SELECT check_index('rq_grown_v');
UPDATE rq_grown SET id = -id WHERE id % 2 = 0;
VACUUM (INDEX_CLEANUP ON) rq_grown; -- the old list's groups are free for the next rows
CREATE TEMPORARY TABLE grown AS SELECT pg_relation_size('rq_grown_v') AS bytes;
INSERT INTO rq_grown SELECT i, ivfrabitq_row(i, 16) FROM generate_series(4001, 6000) i;
SELECT check_index('rq_grown_v');
SELECT pg_relation_size('rq_grown_v') - bytes AS grown FROM grown;

-- equal rows stay together
CREATE TABLE rq_equal (v vector(4)) WITH (autovacuum_enabled = off);
CREATE INDEX rq_equal_v ON rq_equal USING ivfrabitq (v vector_l2_ops);
INSERT INTO rq_equal SELECT '[1,2,3,4]' FROM generate_series(1, 3000) i;
VACUUM rq_equal;
INSERT INTO rq_equal SELECT '[1,2,3,4]' FROM generate_series(1, 10) i;
SELECT check_index('rq_equal_v');

DROP TABLE rq, rq_grown, rq_equal, before, grown;
DROP FUNCTION check_index, ivfrabitq_row;
