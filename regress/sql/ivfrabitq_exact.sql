-- With recall_target 1, the index finds every row, of whatever directions.

-- Here the build knows two clusters only, in one list: estimates of their distances are better than
-- of any other rows'. Rows of other clusters come later.
CREATE FUNCTION rq_noise(i int, k int) RETURNS float8 LANGUAGE sql IMMUTABLE AS
    'SELECT 20 * (sin(i * 12.9898 + k * 78.233) * 43758.5453 - floor(sin(i * 12.9898 + k * 78.233) * 43758.5453) - 0.5)';
CREATE FUNCTION rq_clustered(i int, clusters int, first int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(round(90 * sin((first + i % clusters) * (k + 3) * 7.919) + rq_noise(i, k)))::vector
       FROM generate_series(1, 32) k';
CREATE TABLE rq_later (id int, v vector(32));
INSERT INTO rq_later SELECT i, rq_clustered(i, 2, 1) FROM generate_series(1, 400) i;
CREATE INDEX rq_later_v ON rq_later USING ivfrabitq (v vector_l2_ops) WITH (lists = 1);
INSERT INTO rq_later SELECT i, rq_clustered(i, 4, 41) FROM generate_series(401, 4000) i;

-- how many of the nearest rows the index leaves out, some of them from the next cluster
CREATE FUNCTION rq_missed(query int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    q vector := (SELECT v FROM rq_later WHERE id = query);
    found bigint[];
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    found := ARRAY(SELECT id FROM rq_later ORDER BY v <-> q LIMIT 1000);
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    RETURN (SELECT count(*) FROM (SELECT id, v <-> q AS d FROM rq_later ORDER BY d LIMIT 1000) e
             WHERE id <> ALL (found) AND d < (SELECT max(v <-> q) FROM rq_later WHERE id = ANY (found)));
END $$;
SET ivfrabitq.recall_target = 1;
SELECT sum(rq_missed(query)) FROM generate_series(401, 4000, 200) query;
RESET ivfrabitq.recall_target;

DROP TABLE rq_later;
DROP FUNCTION rq_missed, rq_clustered, rq_noise;

-- Rows that the snapshot does not see are in the index too, and count until they are looked up: what they leave
-- open must not be filled by chance, with others than the nearest.
CREATE FUNCTION rq_near(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
    'SELECT array_agg(90 * sin(i % 5 * 7.919 * k) + 30 * sin(i * k * 1.37))::vector FROM generate_series(1, 16) k';
CREATE TABLE rq_dead (id int, v vector(16)) WITH (autovacuum_enabled = off);
SET client_min_messages = warning;
CREATE INDEX rq_dead_v ON rq_dead USING ivfrabitq (v vector_cosine_ops);
RESET client_min_messages;
INSERT INTO rq_dead SELECT i, rq_near(i) FROM generate_series(1, 600) i;
DELETE FROM rq_dead WHERE id % 9 = 0;

-- how many of the nearest rows have a distance that the index does not find
CREATE FUNCTION rq_others(query int, wanted int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    q vector := rq_near(query);
    found float8[];
BEGIN
    SET LOCAL enable_seqscan = off;
    SET LOCAL enable_indexscan = on;
    EXECUTE format('SELECT array_agg(d) FROM (SELECT v <=> $1 AS d FROM rq_dead ORDER BY v <=> $1 LIMIT %s) f',
        wanted) INTO found USING q;
    SET LOCAL enable_seqscan = on;
    SET LOCAL enable_indexscan = off;
    RETURN (SELECT count(*) FROM (SELECT v <=> q AS d FROM rq_dead ORDER BY d LIMIT wanted) e
             WHERE d <> ALL (found));
END $$;
SET ivfrabitq.recall_target = 1;
SELECT wanted, sum(rq_others(query, wanted))
  FROM unnest(ARRAY[10, 40, 150, 400]) wanted, generate_series(1, 600, 3) query GROUP BY wanted ORDER BY wanted;
RESET ivfrabitq.recall_target;

DROP TABLE rq_dead;
DROP FUNCTION rq_others, rq_near;
