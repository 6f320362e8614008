-- Every error of ivfflat that SQL can bring about; the damaged files are in a TAP test.
CREATE TABLE no_dimensions (v vector);
CREATE INDEX ON no_dimensions USING ivfflat (v vector_l2_ops);
DROP TABLE no_dimensions;

CREATE TABLE too_wide (v vector(2001));
CREATE INDEX ON too_wide USING ivfflat (v vector_l2_ops);
DROP TABLE too_wide;

CREATE TABLE narrow (v vector(1));
CREATE INDEX ON narrow USING ivfflat (v vector_ip_ops);
CREATE INDEX ON narrow USING ivfflat (v vector_cosine_ops);
CREATE INDEX ON narrow USING ivfflat (v vector_l2_ops);
DROP TABLE narrow;

CREATE TABLE t (a vector(3), b vector(3), i int);
CREATE INDEX ON t USING ivfflat (a, b);
CREATE UNIQUE INDEX ON t USING ivfflat (a);
CREATE INDEX ON t USING ivfflat (a) INCLUDE (i);
CREATE INDEX ON t USING ivfflat (i);
CREATE INDEX ON t USING ivfflat (a vector_l1_ops);
CREATE INDEX ON t USING ivfflat (a DESC);

-- other dimensions than the index's
CREATE INDEX t_a ON t USING ivfflat (a) WITH (lists = 1);
INSERT INTO t (a) VALUES ('[1,2,3]');
SET enable_seqscan = off;
SELECT * FROM t ORDER BY a <-> '[1,2]';
INSERT INTO t (a) VALUES ('[1,2]');
DROP INDEX t_a;

-- memory
SET maintenance_work_mem = '1MB';
CREATE INDEX ON t USING ivfflat (a) WITH (lists = 32768);
INSERT INTO t (a) SELECT ARRAY[i, i % 7, i % 11] FROM generate_series(1, 20000) i;
CREATE INDEX t_small ON t USING ivfflat (a) WITH (lists = 1000); -- sample reduced
SELECT count(*) FROM (SELECT a FROM t ORDER BY a <-> '[5,5,5]' LIMIT 3) s;
DROP INDEX t_small;
RESET maintenance_work_mem;
CREATE TABLE w (v vector(2000));
SET maintenance_work_mem = '1MB';
CREATE INDEX ON w USING ivfflat (v) WITH (lists = 1000);
RESET maintenance_work_mem;
DROP TABLE w;

-- an operator class with a distance that ivfflat does not know
CREATE FUNCTION my_distance(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE
    AS 'SELECT $1 <-> $2';
CREATE OPERATOR <===> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = my_distance);
CREATE OPERATOR CLASS my_ops FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <===> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 my_distance(vector, vector),
    FUNCTION 3 my_distance(vector, vector);
CREATE INDEX ON t USING ivfflat (a my_ops);

-- amvalidate finds what is wrong
CREATE OPERATOR CLASS bad_ops FOR TYPE vector USING ivfflat AS
    OPERATOR 2 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_norm(vector),
    FUNCTION 2 vector_norm(vector);
SELECT amvalidate(oid) FROM pg_opclass WHERE opcname = 'bad_ops';
DROP OPERATOR CLASS bad_ops USING ivfflat;
DROP OPERATOR CLASS my_ops USING ivfflat;
DROP OPERATOR <===> (vector, vector);
DROP FUNCTION my_distance;

-- cancelled while it trains or assigns: an error, no index, and the session goes on
INSERT INTO t (a) SELECT ARRAY[i % 101, i % 103, i % 107] FROM generate_series(1, 100000) i;
SET statement_timeout = '10ms';
CREATE INDEX t_cancelled ON t USING ivfflat (a) WITH (lists = 5000);
RESET statement_timeout;
SELECT count(*) FROM pg_class WHERE relname = 't_cancelled';
DROP TABLE t;
