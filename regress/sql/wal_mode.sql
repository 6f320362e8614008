-- vector.wal_mode on a server without vector in shared_preload_libraries
\set VERBOSITY default
LOAD 'vector';
SHOW vector.wal_mode;
SET vector.wal_mode = custom;
SET vector.wal_mode = fast;
SET vector.wal_moda = generic;
SET vector.wal_mode = generic;
CREATE TABLE wal_mode (v vector(2));
CREATE INDEX ON wal_mode USING ivfflat (v vector_l2_ops) WITH (lists = 1);
INSERT INTO wal_mode VALUES ('[1,2]');
SET vector.wal_mode = auto;
INSERT INTO wal_mode VALUES ('[3,4]');
SET enable_seqscan = off;
SELECT v FROM wal_mode ORDER BY v <-> '[0,0]';
-- for superusers: it decides what every standby must have
CREATE ROLE regress_wal_mode;
SET ROLE regress_wal_mode;
SET vector.wal_mode = generic;
RESET ROLE;
DROP ROLE regress_wal_mode;
DROP TABLE wal_mode;
