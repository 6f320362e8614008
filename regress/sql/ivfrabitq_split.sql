-- A split that does not end: its list, which it has taken out of use, takes rows again, and no row is lost.
CREATE FUNCTION sp_checked(v vector) RETURNS vector IMMUTABLE LANGUAGE plpgsql AS $$
BEGIN
    IF current_setting('sp.fails', true) = 'on' THEN
        RAISE 'the expression fails';
    END IF;
    RETURN v;
END $$;
CREATE FUNCTION sp_row(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(sin(i * (k + 3) * 7.919))::vector FROM generate_series(1, 4) k';

-- an index without rows has one list, which vacuum splits
CREATE TABLE sp (id int, v vector(4)) WITH (autovacuum_enabled = off);
CREATE INDEX sp_v ON sp USING ivfrabitq ((sp_checked(v)::vector(4)) vector_l2_ops);
INSERT INTO sp SELECT i, sp_row(i) FROM generate_series(1, 1005) i;
SET sp.fails = on;
\set VERBOSITY terse
VACUUM sp;
\set VERBOSITY default
RESET sp.fails;

-- the tail of the list has room, and is not where rows are looked for
INSERT INTO sp SELECT i, sp_row(i) FROM generate_series(1006, 1400) i;
SELECT * FROM index_check('sp_v', true, true);
SET enable_seqscan = off;
SET ivfrabitq.recall_target = 1;
SELECT count(*) FROM (SELECT id FROM sp ORDER BY sp_checked(v)::vector(4) <-> '[1,1,1,1]' LIMIT 10000) s;

-- the next vacuum splits it
SELECT lists FROM index_stats('sp_v');
VACUUM sp;
SELECT lists > 1 AS split FROM index_stats('sp_v');
SELECT * FROM index_check('sp_v', true, true);
SELECT count(*) FROM (SELECT id FROM sp ORDER BY sp_checked(v)::vector(4) <-> '[1,1,1,1]' LIMIT 10000) s;
RESET ivfrabitq.recall_target;
RESET enable_seqscan;

DROP TABLE sp;
DROP FUNCTION sp_row, sp_checked;
