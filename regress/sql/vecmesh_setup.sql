-- The cluster of this suite: this database and four more on the same server. run.sh has made them.
SHOW shared_preload_libraries;
SELECT extname FROM pg_extension WHERE extname IN ('vector', 'vecmesh') ORDER BY 1;

-- Where this server is to be reached from itself: a socket if it has one.
CREATE FUNCTION test_host() RETURNS text STABLE LANGUAGE sql AS $$
    SELECT CASE WHEN d = '' THEN '127.0.0.1' ELSE d END
    FROM split_part(current_setting('unix_socket_directories'), ',', 1) d $$;

SELECT i, vecmesh.add_node(test_host(), current_setting('port')::int, 'vecmesh_w' || i) AS node
FROM generate_series(1, 4) i;
SELECT node_id, group_id, host = test_host() AS here, dbname, role, is_active, shards
FROM vecmesh.nodes ORDER BY node_id;

-- What the workers have; without host and port, which differ from run to run.
CREATE FUNCTION on_workers(command text, OUT worker text, OUT success boolean, OUT result text)
RETURNS SETOF record LANGUAGE sql AS $$
    SELECT split_part(node, '/vecmesh_', 2), success, result FROM vecmesh.run_on_workers(command) $$;
SELECT * FROM on_workers('SELECT extname FROM pg_extension WHERE extname = ''vector''');
SELECT * FROM on_workers('SELECT 1/0');
SELECT * FROM on_workers('SELECT NULL');
SELECT * FROM on_workers('SET work_mem = ''5MB''');

-- Tables and indexes that a table has on the workers.
CREATE FUNCTION on_shards(pattern text) RETURNS TABLE (worker text, objects text) LANGUAGE sql AS $$
    SELECT worker, result FROM on_workers(format(
        'SELECT string_agg(relname, '' '' ORDER BY relname) FROM pg_class WHERE relname ~ %L',
        pattern)) $$;

-- EXPLAIN without ports and without what differs between versions of PostgreSQL.
CREATE FUNCTION explain_filtered(query text) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE line text;
BEGIN
    FOR line IN EXECUTE query LOOP
        line := regexp_replace(line, 'Worker .*/vecmesh_w(\d)', 'Worker w\1');
        line := regexp_replace(line, '(InitPlan \d+) \(returns \$\d+\)', '\1');
        RETURN NEXT regexp_replace(line, '(rows=\d+)\.00', '\1');
    END LOOP;
END $$;
