-- COPY from and to distributed tables.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 111000;
CREATE SEQUENCE copied_seq;
CREATE TABLE copied (
    id int PRIMARY KEY DEFAULT nextval('copied_seq'),
    word text DEFAULT 'none',
    embedding vector(2),
    size int GENERATED ALWAYS AS (length(word)) STORED,
    CONSTRAINT short CHECK (length(word) < 12)
);
SELECT vecmesh.create_distributed_table('copied', 'id');

COPY copied (id, word, embedding) FROM stdin;
101	one	[1,2]
102	\N	\N
103	tab\there	[3,4]
\.
COPY copied (word) FROM stdin WITH (FORMAT csv, HEADER);
word
first
"with, comma"
\.
COPY copied FROM stdin WITH (FORMAT csv, DELIMITER ';', NULL 'nix');
104;nix;[5,6]
105;"""q""";nix
\.
COPY copied (id, word) FROM stdin WHERE id % 2 = 0 AND word <> 'no';
200	no
201	yes
202	yes
\.
SELECT * FROM copied ORDER BY id;

-- Out again: table, columns, query; generated columns stay behind, as on any table.
COPY (SELECT * FROM copied ORDER BY id) TO stdout;
COPY (SELECT id FROM copied WHERE id = 103) TO stdout WITH (FORMAT csv, HEADER);
CREATE TABLE one_row (id int, "Odd name" text, twice int GENERATED ALWAYS AS (id * 2) STORED);
SELECT vecmesh.create_distributed_table('one_row', 'id');
INSERT INTO one_row VALUES (1, 'x');
COPY one_row TO stdout;
COPY one_row ("Odd name", id) TO stdout WITH (FORMAT csv, HEADER, QUOTE '''', FORCE_QUOTE *);

-- Binary, both ways, through a file of the server.
SELECT current_setting('data_directory') || '/vecmesh_copy.bin' AS file \gset
SELECT format('COPY copied (id, word, embedding) TO %L (FORMAT binary)', :'file') AS out,
       format('COPY copied (id, word, embedding) FROM %L (FORMAT binary)', :'file') AS "in" \gset
:out;
BEGIN;
TRUNCATE copied;
:in;
SELECT count(*), sum(id), sum(size) FROM copied;
ROLLBACK;
COPY copied (id) FROM PROGRAM 'echo 300';
SELECT count(*), sum(id), sum(size) FROM copied;

-- Errors name the line; nothing stays.
COPY copied (id, word) FROM stdin;
401	fine
402	much too long to be right
\.
COPY copied (id, word, embedding) FROM stdin;
401	fine	[1,2]
402	fine	[1,2,3]
\.
COPY copied (id, word) FROM stdin;
401	fine
\N	fine
\.
COPY copied (id, word) FROM stdin;
401	fine
x	fine
\.
COPY copied (id, nothing) FROM '/dev/null';
COPY copied (id, size) FROM '/dev/null';
COPY copied FROM '/dev/null' WITH (FREEZE);
COPY copied FROM '/dev/null' WITH (ON_ERROR ignore);
COPY copied FROM '/nowhere/at/all';
-- a duplicate is found by the worker
\set VERBOSITY sqlstate
COPY copied (id, word) FROM stdin;
401	fine
101	again
\.
\set VERBOSITY default
SELECT count(*) FROM copied WHERE id > 400;
CREATE TABLE keyless (k int, v int);
SELECT vecmesh.create_distributed_table('keyless', 'k');
COPY keyless FROM stdin;
1	1
\N	2
\.
SELECT count(*) FROM keyless;

-- Transactions and savepoints.
BEGIN;
COPY keyless FROM stdin;
1	1
2	2
\.
SAVEPOINT s;
COPY keyless FROM stdin;
3	3
\.
SELECT sum(v) FROM keyless;
ROLLBACK TO s;
COPY keyless FROM stdin;
4	4
\.
COMMIT;
SELECT * FROM keyless ORDER BY k;
BEGIN READ ONLY;
COPY keyless FROM '/dev/null';
ROLLBACK;

-- More shards than workers, and more data than a buffer: every stream is switched.
CREATE TABLE many (id int, filler text);
SELECT vecmesh.create_distributed_table('many', 'id', 8, colocate_with => 'none');
COPY many FROM PROGRAM 'i=0; line=$(printf %03000d 7); while [ $i -lt 12000 ]; do echo "$i	$line"; i=$((i+1)); done';
SELECT count(*), count(DISTINCT id), sum(length(filler)) FROM many;
INSERT INTO many SELECT id + 12000, filler FROM many WHERE id < 100;
SELECT count(*), max(id) FROM many;

-- A default that reads the table which the rows are on their way to: the streams give way.
CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM many WHERE id < 100';
CREATE TABLE counting (id int, filler text, c bigint DEFAULT how_many());
SELECT vecmesh.create_distributed_table('counting', 'id', 8, colocate_with => 'none');
COPY counting (id, filler) FROM PROGRAM 'i=0; line=$(printf %030000d 7); while [ $i -lt 60 ]; do echo "$i	$line"; i=$((i+1)); done';
SELECT count(*), count(DISTINCT id), sum(length(filler)), sum(c) FROM counting;
DROP TABLE counting;

-- Rights
CREATE ROLE vecmesh_copier IN ROLE pg_read_server_files;
SET ROLE vecmesh_copier;
COPY copied FROM '/dev/null';
COPY copied TO stdout;
COPY copied FROM PROGRAM 'echo 1';
RESET ROLE;
DROP ROLE vecmesh_copier;

DROP TABLE copied, one_row, keyless, many;
