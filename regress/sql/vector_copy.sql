-- COPY and the binary format
\getenv abs_builddir PG_ABS_BUILDDIR
\cd :abs_builddir

CREATE TABLE original (id int, v vector);
INSERT INTO original VALUES (1, '[1,2,3]'), (2, NULL), (3, '[0.1,-0,3.4028235e38,1e-45]');
INSERT INTO original SELECT 4, array_agg(sqrt(i))::vector FROM generate_series(1, 16000) i;
CREATE TABLE copied (LIKE original);

\copy original TO 'results/vector.txt'
\copy copied FROM 'results/vector.txt'
SELECT count(*) FROM original o JOIN copied c USING (id) WHERE o.v IS NOT DISTINCT FROM c.v;
TRUNCATE copied;
\copy original TO 'results/vector.csv' (FORMAT csv, FORCE_QUOTE *)
\copy copied FROM 'results/vector.csv' (FORMAT csv)
SELECT count(*) FROM original o JOIN copied c USING (id) WHERE o.v IS NOT DISTINCT FROM c.v;
TRUNCATE copied;
\copy original TO 'results/vector.bin' (FORMAT binary)
\copy copied FROM 'results/vector.bin' (FORMAT binary)
SELECT count(*) FROM original o JOIN copied c USING (id) WHERE o.v IS NOT DISTINCT FROM c.v;
DROP TABLE original, copied;

-- a type modifier is checked on the way in
CREATE TABLE three (v vector(3));
COPY three FROM STDIN;
[1,2,3]
\N
\.
COPY three FROM STDIN;
[4,5,6]
[1,2]
\.
SELECT * FROM three;

-- the bytes
SELECT vector_send('[1,-2,0.5]');

-- A bytea is copied as its bare bytes, so a file of bytea is one of any other type. First a valid
-- one, then one fault at a time.
\copy (SELECT '\x000300003f800000c00000003f000000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x0002000000000000bf800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
ALTER TABLE three ALTER v TYPE vector;
\copy three FROM 'results/field.bin' (FORMAT binary)
-- nothing, half a header, no dimension, a negative number of them, too many
\copy (SELECT ''::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000100'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x00000000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\xffff00003f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x3e810000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
-- the unused field set
\copy (SELECT '\x000100073f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x0001ffff3f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
-- an element too few, half an element, an element too many
\copy (SELECT '\x000200003f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000200003f8000003f80'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000100003f8000003f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
-- NaN, infinity
\copy (SELECT '\x000200003f8000007fc00000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x00010000ff800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
-- their SQLSTATEs: truncated, surplus, no dimension, too many, unused field, NaN
\set VERBOSITY sqlstate
\copy (SELECT '\x000200003f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000100003f8000003f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x00000000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x3e810000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000100073f800000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\copy (SELECT '\x000100007fc00000'::bytea) TO 'results/field.bin' (FORMAT binary)
\copy three FROM 'results/field.bin' (FORMAT binary)
\set VERBOSITY default
-- nothing of that arrived
SELECT * FROM three ORDER BY v;
DROP TABLE three;
