-- Storage parameters, settings, properties of the access method, plans.
CREATE SCHEMA ivfrabitq_options;
SET search_path = ivfrabitq_options, public;
CREATE TABLE t (v vector(3), kind int, name text);
INSERT INTO t SELECT ARRAY[i % 101, i % 103, i % 107], i % 10, 'name ' || i % 7 FROM generate_series(1, 3000) i;
CREATE INDEX t_all ON t USING ivfrabitq (v, kind, name) WITH (lists = 7, spill = 0.25, queries = 't(v)');
SELECT reloptions FROM pg_class WHERE relname = 't_all';
SELECT pg_get_indexdef('t_all'::regclass);
ALTER INDEX t_all SET (lists = 20);
ALTER INDEX t_all RESET (spill, queries);
ALTER INDEX t_all SET (lists = -1);
REINDEX INDEX t_all;
SELECT pg_get_indexdef('t_all'::regclass);
CREATE INDEX t_cosine ON t USING ivfrabitq (v vector_cosine_ops, kind int4_ops);
SELECT pg_get_indexdef('t_cosine'::regclass);
DROP INDEX t_cosine;
CREATE TABLE like_t (LIKE t INCLUDING INDEXES);
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = 'like_t'::regclass;
DROP TABLE like_t;

SHOW ivfrabitq.recall_target;
SHOW ivfrabitq.probes;
SHOW ivfrabitq.epsilon;
SHOW ivfrabitq.rerank;
SHOW ivfrabitq.max_probes;
SHOW ivfrabitq.iterative_scan;
SET ivfrabitq.recall_target = 0.95;
SET ivfrabitq.iterative_scan = strict_order;
RESET ivfrabitq.recall_target;
RESET ivfrabitq.iterative_scan;

SELECT p, pg_indexam_has_property(a.oid, p)
FROM pg_am a, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p
WHERE amname = 'ivfrabitq';
SELECT p, pg_index_has_property('t_all'::regclass, p)
FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p;
SELECT p, pg_index_column_has_property('t_all'::regclass, 1, p) AS vector, pg_index_column_has_property('t_all'::regclass, 2, p) AS kind
FROM unnest(ARRAY['orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) p;

-- columns of other types that a class takes
CREATE DOMAIN small AS int2 CHECK (VALUE < 100);
CREATE TABLE domains (v vector(3), s small, c varchar(10), b character(3));
CREATE INDEX domains_index ON domains USING ivfrabitq (v, s, c, b);
SELECT opcname FROM pg_index, unnest(indclass) WITH ORDINALITY c(id, n) JOIN pg_opclass o ON o.oid = id
WHERE indexrelid = 'domains_index'::regclass ORDER BY n;
INSERT INTO domains VALUES ('[1,2,3]', 5, 'five', 'f');
SET enable_seqscan = off;
SELECT s, c, b FROM domains WHERE s = 5 AND c = 'five' AND b = 'f' ORDER BY v <-> '[1,1,1]' LIMIT 1;
DROP TABLE domains;
RESET enable_seqscan;
