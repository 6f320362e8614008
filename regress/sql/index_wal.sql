-- index_wal(), index_wal_records(): what indexes wrote, by Generic WAL and as page images of a build; the records of
-- our own resource manager are in tests/tap/030_index_wal.pl. Alone: other sessions would write between.
\set VERBOSITY default
CREATE SCHEMA walled;
SET search_path TO walled, public;
CREATE TABLE rows (id int, v vector(3)) WITH (autovacuum_enabled = off);
INSERT INTO rows SELECT i, ARRAY[i, i % 7, 1] FROM generate_series(1, 500) i;

-- a build: images only; the table's own records are not among them, nor another index's
SELECT pg_current_wal_flush_lsn() AS start \gset
CREATE INDEX rows_id ON rows (id);
CREATE INDEX rows_flat ON rows USING ivfflat (v vector_l2_ops) WITH (lists = 5);
CREATE INDEX rows_rabitq ON rows USING ivfrabitq (v vector_l2_ops);
SELECT pg_current_wal_flush_lsn() AS built \gset
SELECT index, resource_manager, record_type, records > 0 AS records, bytes > image_bytes AS bytes,
       images = pg_relation_size(index) / current_setting('block_size')::int AS all_pages,
       filenode = pg_relation_filenode(index) AS filenode
  FROM index_wal(:'start', :'built') ORDER BY 1, 2, 3;

-- inserts
CHECKPOINT;
SELECT pg_current_wal_flush_lsn() AS start \gset
INSERT INTO rows SELECT i, ARRAY[i, i % 7, 1] FROM generate_series(501, 700) i;
SELECT pg_current_wal_flush_lsn() AS inserted \gset
SELECT index, resource_manager, record_type, records >= 200 AS a_record_per_row, bytes > image_bytes AS bytes,
       images > 0 AS images
  FROM index_wal(:'start', :'inserted') ORDER BY 1, 2, 3;
-- the second function has the same records
SELECT count(*) FROM (
    SELECT index, filenode, resource_manager, record_type, records, bytes, image_bytes
      FROM index_wal(:'start', :'inserted')
    EXCEPT
    SELECT index, filenode, resource_manager, record_type, count(*), sum(bytes)::bigint, sum(image_bytes)::bigint
      FROM index_wal_records(:'start', :'inserted') GROUP BY 1, 2, 3, 4) different;
SELECT bool_and(lsn >= :'start' AND lsn < :'inserted') AS in_range,
       bool_and(xid = (SELECT xmin FROM rows WHERE id = 600)) AS transaction,
       bool_and(array_length(blocks, 1) BETWEEN 1 AND 4) AS blocks,
       bool_and((SELECT max(block) FROM unnest(blocks) block)
                < pg_relation_size(index) / current_setting('block_size')::int) AS in_file
  FROM index_wal_records(:'start', :'inserted');

-- until now; nothing; in parts
SELECT sum(records) >= 400 AS until_now FROM index_wal(:'start');
SELECT * FROM index_wal(:'inserted', :'inserted');
SELECT * FROM index_wal(NULL, :'inserted');
SELECT * FROM index_wal_records(NULL);
SELECT lsn AS middle FROM index_wal_records(:'start', :'inserted') ORDER BY lsn OFFSET 150 LIMIT 1 \gset
SELECT (SELECT count(*) FROM index_wal_records(:'start', :'middle')),
       (SELECT count(*) FROM index_wal_records(:'start', :'inserted')) =
           150 + (SELECT count(*) FROM index_wal_records(:'middle', :'inserted')) AS the_rest;

-- a file that is gone cannot be told from a table's
REINDEX INDEX rows_flat;
SELECT index FROM index_wal(:'start', :'inserted') ORDER BY 1;
DROP INDEX rows_rabitq;
SELECT index FROM index_wal(:'start', :'inserted') ORDER BY 1;

-- errors
SELECT * FROM index_wal('0/0');
SELECT * FROM index_wal('0/1');
SELECT * FROM index_wal_records('0/1');
SELECT * FROM index_wal('0/100', '0/10');
\set VERBOSITY terse
SELECT * FROM index_wal('FFFFFFFF/FFFFFF00');
SELECT * FROM index_wal(:'start', 'FFFFFFFF/FFFFFF00');
SELECT * FROM index_wal_records(:'start', 'FFFFFFFF/FFFFFF00');
\set VERBOSITY default

-- privileges: as pg_walinspect's functions
CREATE ROLE regress_index_wal;
GRANT USAGE ON SCHEMA walled TO regress_index_wal;
SET ROLE regress_index_wal;
SELECT * FROM index_wal(:'start', :'inserted');
SELECT * FROM index_wal_records(:'start', :'inserted');
RESET ROLE;
GRANT pg_read_server_files TO regress_index_wal;
SET ROLE regress_index_wal;
SELECT count(*) FROM index_wal(:'built', :'built');
SELECT count(*) FROM index_wal_records(:'built', :'built');
RESET ROLE;
DROP SCHEMA walled CASCADE;
DROP ROLE regress_index_wal;
