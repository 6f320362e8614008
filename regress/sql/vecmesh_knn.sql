-- Nearest neighbours over all shards.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 210000;
\set SHOW_CONTEXT never
CREATE SCHEMA knn;
SET search_path = knn, public;
CREATE TABLE copy (id int NOT NULL, bucket int, embedding vector(3));
INSERT INTO copy
SELECT i, i % 20, CASE WHEN i % 25 <> 0 THEN ARRAY[(i * 37) % 101, (i * 61) % 97, (i * 17) % 89]::vector END
FROM generate_series(1, 500) i;
CREATE TABLE items (LIKE copy);
SELECT vecmesh.create_distributed_table('items', 'id', 8, colocate_with => 'none');
INSERT INTO items SELECT * FROM copy;

SELECT id, embedding <-> '[50,50,50]' AS distance FROM items WHERE bucket < 10
ORDER BY embedding <-> '[50,50,50]', id LIMIT 5;
SELECT id, embedding <-> '[50,50,50]' AS distance FROM copy WHERE bucket < 10
ORDER BY embedding <-> '[50,50,50]', id LIMIT 5;

-- all operators, distances as an undistributed table has them
CREATE FUNCTION nearest(relation text, operator text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE rows text;
BEGIN
    EXECUTE format('SELECT string_agg(n::text, '' '') FROM (SELECT id, embedding %s ''[10,20,30]'' AS d
                    FROM %I ORDER BY 2, 1 LIMIT 20) n', operator, relation) INTO rows;
    RETURN rows;
END $$;
SELECT o, nearest('items', o) = nearest('copy', o) AS same FROM unnest(ARRAY['<->', '<#>', '<=>', '<+>']) o;

-- the same statement for any query vector, filter and limit
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(vector, int, bigint) AS
    SELECT id FROM items WHERE bucket < $2 ORDER BY embedding <-> $1, id LIMIT $3;
EXECUTE nearest('[1,2,3]', 10, 3);
EXECUTE nearest('[90,80,70]', 20, 2);
EXECUTE nearest('[90,80,70]', 0, 2);
EXECUTE nearest(NULL, 20, 2);
EXECUTE nearest('[1,2]', 20, 2);
EXPLAIN (VERBOSE, COSTS OFF) EXECUTE nearest('[1,2,3]', 10, 3);
RESET plan_cache_mode;

-- farthest first, NULL distances in front or behind
SELECT id, embedding <-> '[0,0,0]' AS d FROM items ORDER BY embedding <-> '[0,0,0]' DESC NULLS LAST, id LIMIT 2;
SELECT id, embedding <-> '[0,0,0]' AS d FROM items ORDER BY embedding <-> '[0,0,0]' DESC, id LIMIT 2;
SELECT count(*), count(d) FROM (SELECT embedding <=> '[0,0,0]' AS d FROM items ORDER BY 1 LIMIT 490) s;

-- the query vector from a row, from a local table, from another scan of the same table
SELECT id FROM items ORDER BY embedding <-> (SELECT embedding FROM items WHERE id = 7), id LIMIT 3;
SELECT q.id, n.id FROM copy q,
    LATERAL (SELECT id FROM items ORDER BY embedding <-> q.embedding, id LIMIT 2) n
WHERE q.id < 4 ORDER BY 1, 2;
SELECT id FROM items WHERE id = 9 ORDER BY embedding <-> '[1,1,1]' LIMIT 3;

-- the shard's index is used, and the session's settings reach it
CREATE INDEX ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 4);
SET enable_seqscan = off;
SET ivfflat.probes = 4;
SELECT array_agg(id) = (SELECT array_agg(id) FROM (SELECT id FROM copy ORDER BY embedding <-> '[50,50,50]', id LIMIT 10) c) AS same
FROM (SELECT id FROM items ORDER BY embedding <-> '[50,50,50]' LIMIT 10) i;
SET ivfflat.probes = 1;
SELECT count(*) < 480 AS index_alone FROM (SELECT id FROM items ORDER BY embedding <-> '[50,50,50]' LIMIT 500) i;
RESET enable_seqscan;
SET enable_indexscan = off;
SELECT count(*) FROM (SELECT id FROM items ORDER BY embedding <-> '[50,50,50]' LIMIT 500) i;
