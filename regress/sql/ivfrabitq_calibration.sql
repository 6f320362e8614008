-- Calibration of ivfrabitq indexes: what is shown, the queries that a table names, and everything
-- that can be wrong with them.
SET client_min_messages = warning;
SELECT setseed(0.5);
CREATE TABLE calibrated (id int, v vector(8), bucket int);
INSERT INTO calibrated SELECT i, ARRAY(SELECT random() FROM generate_series(1, 8) WHERE i > 0), i % 10
	FROM generate_series(1, 2000) i;
CREATE TABLE asked (id int, v vector(8));
INSERT INTO asked SELECT i, ARRAY(SELECT random() FROM generate_series(1, 8) WHERE i > 0)
	FROM generate_series(1, 100) i;

-- rows held out
CREATE INDEX calibrated_v ON calibrated USING ivfrabitq (v vector_l2_ops) WITH (lists = 20);
SELECT k, count(*), min(recall), max(recall), bool_and(rows_scanned BETWEEN 1 AND 2000) AS rows,
	bool_and(probes BETWEEN 1 AND 20) AS probes, min(source) AS source
	FROM ivfrabitq_calibration('calibrated_v') GROUP BY k ORDER BY k;

-- a table of queries
SELECT ivfrabitq_calibrate('calibrated_v', 'asked');
SELECT DISTINCT queries, source FROM ivfrabitq_calibration('calibrated_v');
SELECT ivfrabitq_calibrate('calibrated_v', 'asked', 'v');
SELECT ivfrabitq_calibrate('calibrated_v');
SELECT DISTINCT source FROM ivfrabitq_calibration('calibrated_v');
-- more is read for more recall, and for more rows
SELECT bool_and(probes >= before AND rows_scanned >= rows_before) FROM (SELECT probes, rows_scanned,
	lag(probes, 1, 0) OVER w AS before, lag(rows_scanned, 1, 0) OVER w AS rows_before
	FROM ivfrabitq_calibration('calibrated_v') WINDOW w AS (PARTITION BY k ORDER BY recall)) c;

-- named by the index
CREATE INDEX named ON calibrated USING ivfrabitq (v vector_l2_ops) WITH (lists = 20, queries = 'asked');
SELECT DISTINCT queries, source FROM ivfrabitq_calibration('named');
DROP INDEX named;
CREATE SCHEMA "Other (schema)";
CREATE TABLE "Other (schema)"."a ""b""" ("first" vector(8), "the (V)" vector(8));
INSERT INTO "Other (schema)"."a ""b""" SELECT NULL, v FROM asked WHERE id <= 60;
CREATE INDEX named ON calibrated USING ivfrabitq (v vector_ip_ops)
	WITH (queries = ' "Other (schema)"."a ""b""" ( "the (V)" ) ');
SELECT DISTINCT queries, source FROM ivfrabitq_calibration('named');
DROP INDEX named;

-- what can be wrong with a name
\set VERBOSITY default
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = '');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked(');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked(v, id)');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked(a.v)');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'a.b.c');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'missing');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'nowhere.asked');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked(w)');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked(id)');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = '"Other (schema)"."a ""b"""');
-- and with a table
CREATE TABLE no_vectors (id int);
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'no_vectors');
CREATE VIEW asked_view AS SELECT * FROM asked;
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked_view');
CREATE TABLE none_asked (v vector(8));
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'none_asked');
INSERT INTO none_asked VALUES (NULL);
SELECT ivfrabitq_calibrate('calibrated_v', 'none_asked');
CREATE TABLE longer (v vector(9));
INSERT INTO longer VALUES ('[1,2,3,4,5,6,7,8,9]');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'longer');
SELECT ivfrabitq_calibrate('calibrated_v', 'longer');

-- recall, measured: all lists find everything
SET ivfrabitq.recall_target = 1;
SELECT ivfrabitq_recall('calibrated_v', 'asked') >= 0.99 AS table,
	ivfrabitq_recall('calibrated_v', query_count => 50, k => 5) >= 0.99 AS rows;
SET ivfrabitq.probes = 1;
SELECT ivfrabitq_recall('calibrated_v', 'asked') < 0.9 AS one_list;
RESET ivfrabitq.probes;
RESET ivfrabitq.recall_target;
SELECT ivfrabitq_recall('calibrated_v', k => 0);
SELECT ivfrabitq_recall('calibrated_v', k => 101);
SELECT ivfrabitq_recall('calibrated_v', query_count => 0);

-- other indexes, and none
CREATE INDEX calibrated_flat ON calibrated USING ivfflat (v vector_l2_ops) WITH (lists = 5);
SELECT * FROM ivfrabitq_calibration('calibrated_flat');
SELECT * FROM ivfrabitq_calibration('calibrated');
SELECT ivfrabitq_calibrate('calibrated');
SELECT ivfrabitq_recall('calibrated_flat');
SELECT ivfrabitq_calibrate(NULL), ivfrabitq_recall(NULL);
DROP INDEX calibrated_flat;

-- without rows there is nothing to calibrate with
CREATE TABLE few (v vector(8));
CREATE INDEX few_v ON few USING ivfrabitq (v vector_l2_ops);
SELECT count(*) FROM ivfrabitq_calibration('few_v');
SELECT ivfrabitq_calibrate('few_v');
SELECT ivfrabitq_recall('few_v') IS NULL AS unknown;

-- privileges: the owner calibrates and must be able to read the queries; who reads the table
-- measures
CREATE ROLE calibration_owner;
CREATE ROLE calibration_reader;
GRANT CREATE ON SCHEMA public TO calibration_owner;
ALTER TABLE calibrated OWNER TO calibration_owner;
SET ROLE calibration_owner;
SELECT ivfrabitq_calibrate('calibrated_v', 'asked');
CREATE INDEX named ON calibrated USING ivfrabitq (v) WITH (queries = 'asked');
RESET ROLE;
GRANT SELECT (v) ON asked TO calibration_owner;
SET ROLE calibration_owner;
SELECT ivfrabitq_calibrate('calibrated_v', 'asked');
SET ROLE calibration_reader;
SELECT ivfrabitq_calibrate('calibrated_v');
SELECT ivfrabitq_recall('calibrated_v');
RESET ROLE;
GRANT SELECT ON calibrated TO calibration_reader;
SET ROLE calibration_reader;
SELECT ivfrabitq_recall('calibrated_v') > 0.9 AS measured;
RESET ROLE;
ALTER TABLE asked ENABLE ROW LEVEL SECURITY;
SET ROLE calibration_owner;
SELECT ivfrabitq_calibrate('calibrated_v', 'asked');
RESET ROLE;

DROP TABLE calibrated, no_vectors, none_asked, longer, few;
DROP SCHEMA "Other (schema)" CASCADE;
DROP TABLE asked CASCADE;
REVOKE CREATE ON SCHEMA public FROM calibration_owner;
DROP ROLE calibration_owner, calibration_reader;
