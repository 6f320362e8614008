-- type vector: text input and output, type modifier, storage, functions and operators
--
-- Errors are in vector_errors, casts in vector_cast.

-- text: what is written comes back, in its shortest form
SELECT v FROM (VALUES
    ('[1]'::vector), ('[1,2.5,-3]'), ('[+1,-0,.5,7.]'), ('[1e3,1E-3,12e+2]'),
    ('[0.1,0.25,3.4028235e38,-3.4028235e+38]'), ('[1.17549435e-38,1e-45]'),
    ('[123456789,16777217,0.333333333333333333333]'), ('[0x10,0x1p-2]'),
    (E' [ 1 ,\t2\n,\r3\x0b,\f4 ] ')) t (v);
-- too small to be told from zero: zero, with its sign
SELECT '[1e-46,-1e-46,1e-9999]'::vector;
SELECT '[0.1]'::vector::real[] = ARRAY[0.1::real] AS same_as_real;
SELECT bool_and(v::text::vector = v) AS comes_back
FROM (SELECT array_agg((random() - 0.5) * 10 ^ (i % 60 - 30))::vector AS v
      FROM generate_series(1, 5000) i GROUP BY i % 50) t;

-- type modifier
CREATE TABLE modified (free vector, three vector(3), list vector(2)[]);
SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute
WHERE attrelid = 'modified'::regclass AND attnum > 0 ORDER BY attnum;
INSERT INTO modified VALUES
    ('[1]', '[1,2,3]', ARRAY['[1,2]', '[3,4]']::vector[]), ('[1,2]', NULL, '{"[5,6]",NULL}');
TABLE modified;
SELECT '[1,2,3]'::vector(3), '[1]'::vector(1), '[1,2,3]'::vector::vector(3);
SELECT vector_dims(v::vector(16000)) FROM (SELECT array_agg(1)::vector FROM generate_series(1, 16000)) t (v);
DROP TABLE modified;

-- storage: 8 bytes and 4 per dimension; toasted but not compressed
SELECT typlen, typalign, typstorage, typbyval FROM pg_type WHERE typname = 'vector';
SELECT pg_column_size('[1,2,3]'::vector), pg_column_size(array_fill(0, ARRAY[100])::vector);
CREATE TABLE stored (id int, v vector);
INSERT INTO stored SELECT d, array_agg(i / 8.0 ORDER BY i)::vector
FROM (VALUES (1), (29), (30), (768), (3000), (16000)) dims (d), generate_series(1, d) i GROUP BY d;
SELECT id, vector_dims(v), pg_column_size(v), v = (SELECT array_agg(i / 8.0 ORDER BY i)::vector
    FROM generate_series(1, id) i) AS intact, length(v::text) FROM stored ORDER BY id;
DROP TABLE stored;

-- distances
SELECT a <-> b AS l2, a <#> b AS negative_ip, a <=> b AS cosine, a <+> b AS l1
FROM (VALUES ('[0,0]'::vector, '[6,8]'::vector), ('[1,2,3]', '[4,-6,8]'), ('[2]', '[2]'),
    ('[1,0]', '[0,5]'), ('[1,1]', '[-3,-3]'), ('[2,4]', '[1,2]')) t (a, b);
SELECT l2_distance('[1,2]', '[4,6]'::vector), inner_product('[1,2]', '[3,4]'::vector),
    cosine_distance('[1,0]', '[0,1]'::vector), l1_distance('[1,2]', '[4,6]'::vector);
-- zero vectors have no angle
SELECT cosine_distance('[0,0]', '[1,2]'::vector), cosine_distance('[0]', '[0]'::vector);
-- sums beyond float4 are infinite, not an error
SELECT l2_distance('[3e38]', '[-3e38]'::vector), inner_product('[3e38]', '[-3e38]'::vector),
    l1_distance('[3e38]', '[-3e38]'::vector), cosine_distance('[3e38]', '[3e38]'::vector);
-- every length of a processor's registers and what is left over
SELECT count(*) FILTER (WHERE l2_distance(a, b) <> sqrt(4::float8 * n)
    OR inner_product(a, b) <> 3 * n OR l1_distance(a, b) <> 2 * n OR vector_norm(a) <> sqrt(n::float8)
    OR abs(cosine_distance(a, b)) > 1e-6) AS wrong
FROM (SELECT n, array_fill(1, ARRAY[n])::vector AS a, array_fill(3, ARRAY[n])::vector AS b
      FROM generate_series(1, 300) n) t;
-- for indexes
SELECT vector_l2_squared_distance('[0,0]', '[6,8]'), vector_negative_inner_product('[1,2]', '[3,4]');
SELECT vector_spherical_distance('[1,0]', '[0,1]'), vector_spherical_distance('[1,0]', '[1,0]'),
    vector_spherical_distance('[1,0]', '[-1,0]'), vector_spherical_distance('[2,0]', '[3,0]'),
    vector_spherical_distance('[2,0]', '[-3,0]');

-- arithmetic
SELECT a + b AS sum, a - b AS difference, a * b AS product, a || b AS concatenation
FROM (VALUES ('[1,2,3]'::vector, '[4,-6,0.5]'::vector), ('[0]', '[-0]')) t (a, b);
SELECT vector_add('[1]', '[2]'), vector_sub('[1]', '[2]'), vector_mul('[3]', '[2]'),
    vector_concat('[3]', '[2,1]');
SELECT '[1e-20,0]'::vector * '[1e-20,1e-30]' AS just_above_underflow;
SELECT '[3.4e38]'::vector + '[1e30]' AS rounded_away, '[1e-38]'::vector - '[1.00001e-38]' AS subnormal;
SELECT vector_dims(array_fill(1, ARRAY[8000])::vector || array_fill(2, ARRAY[8000])::vector);

-- one vector
SELECT vector_dims('[1,2,3]'::vector), vector_norm('[3,4]'), vector_norm('[0,0]'),
    vector_norm('[3e38]') > 2e38 AS no_overflow;
SELECT v, l2_normalize(v) FROM (VALUES ('[3,4]'::vector), ('[0,0]'), ('[3e38]'), ('[1e-45]'), ('[-7]')) t (v);
SELECT binary_quantize('[1,0,-1]'::vector), binary_quantize('[-0,1e-45,-1e-45]'::vector),
    binary_quantize('[1,1,1,1,-1,-1,-1,-1]'::vector), binary_quantize('[1,-1,1,-1,1,-1,1,-1,1]'::vector);
SELECT start, count, subvector('[1,2,3,4,5]'::vector, start, count)
FROM (VALUES (1, 5), (1, 1), (5, 1), (2, 3), (4, 100), (0, 3), (-3, 5), (-1, 3),
    (5, 2147483647), (-2147483644, 2147483647)) t (start, count);

-- order: the first difference decides, then the length
SELECT a, b, a < b AS lt, a <= b AS le, a = b AS eq, a <> b AS ne, a >= b AS ge, a > b AS gt, vector_cmp(a, b)
FROM (VALUES ('[1,2]'::vector, '[1,2]'::vector), ('[1,2]', '[1,3]'), ('[2,1]', '[1,3]'), ('[1,2]', '[1,2,0]'),
    ('[1,2,-5]', '[1,2]'), ('[2]', '[1,9,9]'), ('[0]', '[-0]')) t (a, b);

-- null in, null out
SELECT NULL::vector <-> '[1]' IS NULL AND vector_norm(NULL) IS NULL AND '[1]'::vector + NULL IS NULL AS strict;
