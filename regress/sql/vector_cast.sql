-- casts between arrays and vectors; their errors are in vector_errors

-- from arrays of each number type
SELECT ARRAY[1,-2,2147483647]::vector AS from_integer, ARRAY[1.5,-2,0.1]::vector AS from_numeric,
    '{1.5,-0,3.4028235e38}'::real[]::vector AS from_real,
    '{0.1,1e-46,3.4028235677973362e38}'::double precision[]::vector AS from_double;
SELECT ARRAY[1,2,3]::vector(3), '{1,2}'::real[]::vector(2), '{1,2}'::float8[]::vector(2),
    '{1,2}'::numeric[]::vector(2);
-- lower bounds and a null bitmap without a null do not matter
SELECT '[5:7]={1,2,3}'::real[]::vector AS lower_bound_5;
SELECT ('{1,NULL,3}'::int[])[1:1]::vector AS slice, array_remove('{1,NULL,3}'::real[], NULL)::vector AS removed;
SELECT array_remove('{1,NULL,3}'::numeric[], NULL)::vector AS removed_numeric;
SELECT vector_dims(array_agg(n)::vector) FROM generate_series(1, 16000) n;

-- to real[]
SELECT '[1,2.5,-3]'::vector::real[], array_ndims('[1]'::vector::real[]), array_lower('[1]'::vector::real[], 1);
SELECT v::real[]::vector = v AS comes_back FROM (SELECT array_agg(random())::vector FROM generate_series(1, 999)) t (v);
-- implicitly, so that functions over real[] take vectors
CREATE FUNCTION largest(real[]) RETURNS real LANGUAGE sql IMMUTABLE AS 'SELECT max(x) FROM unnest($1) x';
SELECT largest('[1,7,3]'::vector);
DROP FUNCTION largest;

-- on assignment, but not in an expression
CREATE TABLE assigned (v vector(2));
INSERT INTO assigned VALUES (ARRAY[1,2]), ('{3,4}'::real[]), (ARRAY[0.5,0.25]);
INSERT INTO assigned SELECT ARRAY[5,6]::float8[];
UPDATE assigned SET v = ARRAY[v <-> '[0,0]', 1] WHERE v = '[3,4]';
SELECT * FROM assigned ORDER BY v;
DROP TABLE assigned;
SELECT '[0,0]'::vector <-> ARRAY[3,4]::int[] AS no_implicit_cast;
SELECT '[0,0]'::vector <-> ARRAY[3,4]::int[]::vector AS explicit;

-- arrays keep their own operators
SELECT ARRAY[1,2] = ARRAY[1,2] AS arrays, ARRAY[1,2] || ARRAY[3] AS joined, '{1}'::real[] < '{2}'::real[] AS ordered;
SELECT ARRAY['[1,2]'::vector, '[3,4]'] AS vectors, '[1]'::vector::text::vector AS through_text;
