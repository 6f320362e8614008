-- Every error of ivfrabitq that SQL can bring about; the damaged files are in a TAP test.
CREATE SCHEMA ivfrabitq_errors;
SET search_path = ivfrabitq_errors, public;
\set VERBOSITY default
CREATE TABLE t (a vector(3), b vector(3), i int, n numeric, j jsonb, name name,
    c1 int, c2 int, c3 int, c4 int, c5 int, c6 int, c7 int, c8 int, c9 int);

-- columns: first the vector, then what filters
CREATE INDEX ON t USING ivfrabitq (i);
CREATE INDEX ON t USING ivfrabitq (i, a);
CREATE INDEX ON t USING ivfrabitq (a, i, b);
CREATE INDEX ON t USING ivfrabitq (a, b vector_cosine_ops);
CREATE INDEX ON t USING ivfrabitq (a, n);
CREATE INDEX ON t USING ivfrabitq (a, j);
CREATE INDEX ON t USING ivfrabitq (a, c1, c2, c3, c4, c5, c6, c7, c8, c9);
CREATE INDEX ON t USING ivfrabitq (a, i int8_ops);
CREATE UNIQUE INDEX ON t USING ivfrabitq (a);
CREATE INDEX ON t USING ivfrabitq (a) INCLUDE (i);
CREATE INDEX ON t USING ivfrabitq (a, i DESC);
CREATE INDEX ON t USING ivfrabitq (a vector_l1_ops);
ALTER TABLE t ADD EXCLUDE USING ivfrabitq (a WITH =);
CREATE INDEX t_eight ON t USING ivfrabitq (a, c1, c2, c3, c4, c5, c6, c7, c8); -- as many as there may be
DROP INDEX t_eight;

-- dimensions
CREATE TABLE no_dimensions (v vector);
CREATE INDEX ON no_dimensions USING ivfrabitq (v);
CREATE INDEX t_a ON t USING ivfrabitq (a, i);
INSERT INTO t (a) VALUES ('[1,2,3]');
SET enable_seqscan = off;
SELECT a FROM t ORDER BY a <-> '[1,2]';
SELECT a FROM t ORDER BY a <-> '[1,2]' LIMIT 1;
RESET enable_seqscan;
DROP INDEX t_a;

-- storage parameters
CREATE INDEX ON t USING ivfrabitq (a) WITH (lists = -1);
CREATE INDEX ON t USING ivfrabitq (a) WITH (lists = 1048577);
CREATE INDEX ON t USING ivfrabitq (a) WITH (spill = 1.5);
CREATE INDEX ON t USING ivfrabitq (a) WITH (spill = -0.1);
CREATE INDEX ON t USING ivfrabitq (a) WITH (probes = 3);
CREATE INDEX ON t USING ivfrabitq (a) WITH (queries = 'no_such_table');
CREATE INDEX ON t USING ivfrabitq (a) WITH (queries = 't(no_such_column)');
CREATE INDEX ON t USING ivfrabitq (a) WITH (queries = 't(i)');

-- settings
SET ivfrabitq.recall_target = 0;
SET ivfrabitq.recall_target = 1.01;
SET ivfrabitq.probes = -1;
SET ivfrabitq.probes = 1048577;
SET ivfrabitq.epsilon = -1;
SET ivfrabitq.epsilon = 10.1;
SET ivfrabitq.rerank = -1;
SET ivfrabitq.rerank = 10.1;
SET ivfrabitq.max_probes = -1;
SET ivfrabitq.max_probes = 1048577;
SET ivfrabitq.iterative_scan = on;
SET ivfrabitq.no_such_setting = 1; -- the prefix is reserved

-- an operator class with a distance that ivfrabitq does not know
CREATE FUNCTION my_distance(vector, vector) RETURNS float8 LANGUAGE sql IMMUTABLE
    AS 'SELECT $1 <-> $2';
CREATE OPERATOR <===> (LEFTARG = vector, RIGHTARG = vector, FUNCTION = my_distance);
CREATE OPERATOR CLASS my_ops FOR TYPE vector USING ivfrabitq AS
    OPERATOR 1 <===> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 my_distance(vector, vector),
    FUNCTION 3 my_distance(vector, vector);
CREATE INDEX ON t USING ivfrabitq (a my_ops);

-- an operator class of another type
CREATE OPERATOR CLASS numeric_ops FOR TYPE numeric USING ivfrabitq AS OPERATOR 3 =;
CREATE INDEX ON t USING ivfrabitq (a, n numeric_ops);

-- amvalidate finds what is wrong
CREATE OPERATOR CLASS bad_ops FOR TYPE vector USING ivfrabitq AS
    OPERATOR 2 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_norm(vector),
    FUNCTION 2 vector_norm(vector);
CREATE OPERATOR CLASS bad_int_ops FOR TYPE int4 USING ivfrabitq AS
    OPERATOR 1 >,
    OPERATOR 2 <= (int4, int8),
    OPERATOR 6 <>;
CREATE OPERATOR CLASS bad_text_ops FOR TYPE text USING ivfrabitq AS OPERATOR 1 <, OPERATOR 3 =;
CREATE OPERATOR CLASS bad_date_ops FOR TYPE date USING ivfrabitq AS
    OPERATOR 3 =, OPERATOR 1 < (date, timestamptz), FUNCTION 1 (date, date) date_cmp(date, date);
SELECT opcname, amvalidate(c.oid) FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'ivfrabitq' AND opcname ~ '^(bad|my|numeric)_' ORDER BY opcname COLLATE "C";
DROP OPERATOR FAMILY bad_ops USING ivfrabitq;
DROP OPERATOR FAMILY bad_int_ops USING ivfrabitq;
DROP OPERATOR FAMILY bad_text_ops USING ivfrabitq;
DROP OPERATOR FAMILY bad_date_ops USING ivfrabitq;
DROP OPERATOR FAMILY numeric_ops USING ivfrabitq;
DROP OPERATOR FAMILY my_ops USING ivfrabitq;
DROP OPERATOR <===> (vector, vector);
DROP FUNCTION my_distance;
DROP TABLE t;

-- an index goes with the extension
BEGIN;
CREATE TABLE t (v vector(3), i int);
CREATE INDEX t_index ON t USING ivfrabitq (v, i);
\set VERBOSITY terse
DROP EXTENSION vector;
\set VERBOSITY default
ROLLBACK;
BEGIN;
CREATE TABLE t (v vector(3), i int);
CREATE INDEX t_index ON t USING ivfrabitq (v, i);
SET LOCAL client_min_messages = warning;
DROP EXTENSION vector CASCADE;
SELECT count(*) FROM pg_class WHERE relname = 't_index';
SELECT attname FROM pg_attribute WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped;
SELECT count(*) FROM pg_am WHERE amname = 'ivfrabitq';
ROLLBACK;
