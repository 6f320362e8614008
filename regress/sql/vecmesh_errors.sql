-- Every refusal of the functions of schema vecmesh: message, detail, hint; nothing changed.
ALTER SEQUENCE vecmesh.shard_id_seq RESTART 114000;
SELECT current_setting('port')::int AS port, test_host() AS host \gset

-- add_node, remove_node. The node's name is part of the messages: show them without it.
CREATE FUNCTION report(command text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    message text; detail text; hint text;
BEGIN
    EXECUTE command;
    RETURN 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
    RETURN replace(replace(concat_ws(E'\n', SQLSTATE || ' ' || message, NULLIF(detail, ''), NULLIF(hint, '')),
        test_host(), 'HOST'), current_setting('port'), 'PORT');
END $$;
\pset format unaligned
\pset tuples_only on
SELECT report(format('SELECT vecmesh.add_node(%L, %s)', :'host', :port));
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_w1'')', :'host', :port));
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_w1'')', '127.0.0.1', :port)) ~ 'It is node 1'; -- by another address
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_plain'')', :'host', :port));
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_nowhere'')', :'host', :port)) ~ '^08006 could not connect to worker "HOST:PORT/vecmesh_nowhere"';
SELECT report(format('SELECT vecmesh.add_node(%L, 1)', :'host')) ~ '^08006 could not connect to worker';
SELECT report('SELECT vecmesh.add_node(''h'', 0)');
SELECT report('SELECT vecmesh.add_node(''h'', 65536)');
SELECT report('SELECT vecmesh.add_node('''', 5432)');
SELECT report('SELECT vecmesh.add_node(''h'', 5432, '''')');
SELECT report('SELECT vecmesh.remove_node(''h'', 5432, ''d'')');
\c vecmesh_plain
CREATE SCHEMA elsewhere;
CREATE EXTENSION vector SCHEMA elsewhere;
\c vecmesh_regression
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_plain'')', test_host(), current_setting('port')));
\c vecmesh_plain
ALTER EXTENSION vector SET SCHEMA public;
UPDATE pg_extension SET extversion = '0.0.1' WHERE extname = 'vector';
\c vecmesh_regression
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_plain'')', test_host(), current_setting('port')));
CREATE DATABASE vecmesh_latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C';
CREATE DATABASE vecmesh_locale TEMPLATE template0 ENCODING 'UTF8' LOCALE 'POSIX';
SELECT report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_latin'')', test_host(), current_setting('port')));
SELECT regexp_replace(report(format('SELECT vecmesh.add_node(%L, %s, ''vecmesh_locale'')', test_host(), current_setting('port'))), 'but ".*" here', 'but "…" here');
DROP DATABASE vecmesh_latin;
DROP DATABASE vecmesh_locale;
CREATE TABLE holder (id int);
SELECT vecmesh.create_distributed_table('holder', 'id');
SELECT report(format('SELECT vecmesh.remove_node(%L, %s, ''vecmesh_w1'')', test_host(), current_setting('port')));
DROP TABLE holder;
SELECT count(*) FROM vecmesh.nodes;
\pset tuples_only off
\pset format aligned

-- Tables that cannot be distributed.
CREATE TABLE plain (id int, embedding vector(3), g int GENERATED ALWAYS AS (id + 1) STORED, j json, p point);
INSERT INTO plain VALUES (1, '[1,2,3]');
SELECT vecmesh.create_distributed_table('nowhere', 'id');
SELECT vecmesh.create_distributed_table('plain', 'nothing');
SELECT vecmesh.create_distributed_table('plain', 'ctid');
SELECT vecmesh.create_distributed_table('plain', 'embedding');
SELECT vecmesh.create_distributed_table('plain', 'g');
SELECT vecmesh.create_distributed_table('plain', 'j');
SELECT vecmesh.create_distributed_table('plain', 'p');
SELECT vecmesh.create_distributed_table('plain', NULL);
SELECT vecmesh.create_distributed_table(NULL, 'id');
SELECT vecmesh.create_distributed_table('plain', 'id', colocate_with => NULL);
SELECT vecmesh.create_distributed_table('plain', 'id', 0);
SELECT vecmesh.create_distributed_table('plain', 'id', 5000);
SELECT vecmesh.create_distributed_table('plain', 'id', colocate_with => 'nowhere');
SELECT vecmesh.create_distributed_table('plain', 'id', colocate_with => 'pg_class');
SELECT vecmesh.undistribute_table('plain');
SELECT vecmesh.shard_for('plain', 1);
SELECT vecmesh.table_size('plain');
INSERT INTO plain VALUES (NULL);
SELECT vecmesh.create_distributed_table('plain', 'id'); -- the row without a value has no shard
DELETE FROM plain WHERE id IS NULL;

CREATE VIEW a_view AS SELECT 1 AS id;
CREATE MATERIALIZED VIEW a_matview AS SELECT 1 AS id;
CREATE TABLE partitioned (id int) PARTITION BY HASH (id);
CREATE TABLE part PARTITION OF partitioned FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE parent (id int);
CREATE TABLE child () INHERITS (parent);
CREATE TEMPORARY TABLE temporary_one (id int);
CREATE TYPE composite AS (a int, b int);
CREATE TYPE mood AS ENUM ('sad', 'glad');
CREATE TABLE typed OF composite;
CREATE SEQUENCE a_sequence;
SELECT vecmesh.create_distributed_table('a_view', 'id');
SELECT vecmesh.create_distributed_table('a_matview', 'id');
SELECT vecmesh.create_distributed_table('partitioned', 'id');
SELECT vecmesh.create_distributed_table('part', 'id');
SELECT vecmesh.create_distributed_table('parent', 'id');
SELECT vecmesh.create_distributed_table('child', 'id');
SELECT vecmesh.create_distributed_table('temporary_one', 'id');
SELECT vecmesh.create_distributed_table('typed', 'a');
SELECT vecmesh.create_distributed_table('a_sequence', 'last_value');
SELECT vecmesh.create_distributed_table('pg_class', 'oid');
SELECT vecmesh.create_distributed_table('vecmesh.node', 'node_id');

CREATE TABLE with_composite (id int, c composite);
SELECT vecmesh.create_distributed_table('with_composite', 'id');
CREATE TABLE with_vectors (id int, vs vector[]);
SELECT vecmesh.create_distributed_table('with_vectors', 'id');
CREATE TABLE with_mood (id int, m mood);
SELECT vecmesh.create_distributed_table('with_mood', 'm');
\set VERBOSITY terse
SELECT vecmesh.create_distributed_table('with_mood', 'id'); -- the workers do not know the type
\set VERBOSITY default

CREATE TABLE keyed (id int PRIMARY KEY, other int, UNIQUE (other, id));
SELECT vecmesh.create_distributed_table('keyed', 'other');
CREATE TABLE uniquely (id int, other int);
CREATE UNIQUE INDEX uniquely_idx ON uniquely (other, (id + 1)) INCLUDE (id);
SELECT vecmesh.create_distributed_table('uniquely', 'id');
CREATE TABLE excluding (id int, r int4range, EXCLUDE USING gist (r WITH &&));
SELECT vecmesh.create_distributed_table('excluding', 'id');
SELECT vecmesh.create_distributed_table('excluding', 'r');
CREATE TABLE referencing (id int REFERENCES keyed);
SELECT vecmesh.create_distributed_table('referencing', 'id');
SELECT vecmesh.create_distributed_table('keyed', 'id');
DROP TABLE referencing;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER fires BEFORE INSERT ON keyed FOR EACH ROW EXECUTE FUNCTION nothing();
SELECT vecmesh.create_distributed_table('keyed', 'id');
DROP TRIGGER fires ON keyed;
CREATE RULE ruled AS ON DELETE TO keyed DO NOTHING;
SELECT vecmesh.create_distributed_table('keyed', 'id');
DROP RULE ruled ON keyed;
ALTER TABLE keyed ENABLE ROW LEVEL SECURITY;
SELECT vecmesh.create_distributed_table('keyed', 'id');
ALTER TABLE keyed DISABLE ROW LEVEL SECURITY;
SET client_min_messages = error; -- wal_level may be too low to publish
CREATE PUBLICATION published FOR TABLE keyed;
RESET client_min_messages;
SELECT vecmesh.create_distributed_table('keyed', 'id');
DROP PUBLICATION published;

CREATE ROLE vecmesh_stranger;
SET ROLE vecmesh_stranger;
SELECT vecmesh.create_distributed_table('plain', 'id');
RESET ROLE;
DROP ROLE vecmesh_stranger;

-- In use
BEGIN;
DECLARE c CURSOR FOR SELECT * FROM plain;
FETCH c;
SELECT vecmesh.create_distributed_table('plain', 'id');
ROLLBACK;

-- Twice, and co-location that does not fit.
CREATE TABLE texts (k text);
SELECT vecmesh.create_distributed_table('plain', 'id', 3);
SELECT vecmesh.create_distributed_table('plain', 'id');
SELECT vecmesh.create_distributed_table('texts', 'k', colocate_with => 'plain');
SELECT vecmesh.create_distributed_table('keyed', 'id', 2, colocate_with => 'plain');
SELECT count(*) FROM plain;
SELECT relation FROM vecmesh.tables;
SELECT * FROM on_shards('_114[0-9]+$') WHERE objects !~ 'plain';
SELECT vecmesh.shard_for('plain', 'not a number');

DROP TABLE plain, texts, keyed, uniquely, excluding, with_composite, with_vectors, with_mood, child, parent, partitioned, typed;
DROP VIEW a_view;
DROP MATERIALIZED VIEW a_matview;
DROP TYPE composite, mood;
DROP SEQUENCE a_sequence;
