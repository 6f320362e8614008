-- Storage parameters, settings, properties of the access method.
CREATE TABLE t (v vector(3));
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (lists = 0);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (lists = 32769);
CREATE INDEX ON t USING ivfflat (v vector_l2_ops) WITH (probes = 3);
CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 7);
SELECT reloptions FROM pg_class WHERE relname = 't_v';

SHOW ivfflat.probes;
SET ivfflat.probes = 0;
SET ivfflat.probes = 32769;
SHOW ivfflat.iterative_scan;
SET ivfflat.iterative_scan = on;
SET ivfflat.iterative_scan = strict_order;
SHOW ivfflat.max_probes;
SET ivfflat.max_probes = 0;
SET ivfflat.max_probes = 32769;
SET ivfflat.no_such_setting = 1; -- the prefix is reserved

SELECT amname, amtype, obj_description(oid, 'pg_am') FROM pg_am WHERE amname = 'ivfflat';
SELECT opcname, opcdefault, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am a ON a.oid = opcmethod WHERE amname = 'ivfflat' ORDER BY opcname;
SELECT opcname, amprocnum, amproc::text
FROM pg_amproc p JOIN pg_opclass c ON c.opcfamily = p.amprocfamily JOIN pg_am a ON a.oid = opcmethod
WHERE amname = 'ivfflat' ORDER BY opcname, amprocnum;

SELECT p, pg_indexam_has_property(a.oid, p)
FROM pg_am a, unnest(ARRAY['can_order', 'can_unique', 'can_multi_col', 'can_exclude', 'can_include']) p
WHERE amname = 'ivfflat';
SELECT p, pg_index_has_property('t_v'::regclass, p)
FROM unnest(ARRAY['clusterable', 'index_scan', 'bitmap_scan', 'backward_scan']) p;
SELECT p, pg_index_column_has_property('t_v'::regclass, 1, p)
FROM unnest(ARRAY['orderable', 'distance_orderable', 'returnable', 'search_array', 'search_nulls']) p;

-- the planner: only for an order, never without one
INSERT INTO t SELECT ARRAY[i, i, i] FROM generate_series(1, 2000) i;
ANALYZE t;
-- (18 marks what enable_seqscan forbids.)
CREATE FUNCTION pg_temp.plan(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        IF line !~ '^ *Disabled: true$' THEN
            RETURN NEXT line;
        END IF;
    END LOOP;
END $$;
SET enable_seqscan = off;
SELECT pg_temp.plan($$SELECT * FROM t ORDER BY v <-> '[1,1,1]' LIMIT 1$$);
SELECT pg_temp.plan($$SELECT * FROM t$$);
SELECT pg_temp.plan($$SELECT * FROM t ORDER BY v <=> '[1,1,1]' LIMIT 1$$);
SELECT pg_temp.plan($$SELECT * FROM t ORDER BY v <-> '[1,1,1]' DESC LIMIT 1$$);
RESET enable_seqscan;
-- more lists, cheaper
CREATE INDEX t_v50 ON t USING ivfflat (v vector_l2_ops) WITH (lists = 50);
EXPLAIN (COSTS OFF) SELECT * FROM t ORDER BY v <-> '[1,1,1]' LIMIT 1;
-- everything is wanted: reading the table is cheaper
EXPLAIN (COSTS OFF) SELECT * FROM t ORDER BY v <-> '[1,1,1]';
DROP TABLE t;
