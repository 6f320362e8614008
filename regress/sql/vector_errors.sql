-- every error of type vector, with its SQLSTATE; those of the binary format are in vector_copy

CREATE FUNCTION error_of(statement text, OUT state text, OUT message text, OUT detail text) LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    message := 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
END $$;

-- text that is no vector
SELECT literal, e.* FROM unnest(ARRAY['', ' ', '1,2', '{1,2}', '[', '[1', '[1,', '[1,]', '[,]', '[1,,2]', '[1 2]', '[1;2]',
    '[a]', '[1a]', '[1e]', '[-]', '[.]', '[1]]', '[1]x', '[1],[2]', '[]', '[ ]']) literal,
    error_of(format('SELECT %L::vector', literal)) e;
-- values that are none
SELECT literal, e.* FROM unnest(ARRAY['[NaN]', '[1,nan]', '[inf]', '[1,-Infinity]', '[4e38]', '[1, -4e38 ,2]', '[1e400]',
    '[3.4028236e38]']) literal, error_of(format('SELECT %L::vector', literal)) e;

-- dimensions
SELECT statement, e.* FROM unnest(ARRAY[
    $$SELECT '[1,2,3]'::vector(2)$$,
    $$SELECT '[1,2,3]'::vector(4)$$,
    $$SELECT '[1,2,3]'::vector::vector(2)$$,
    $$SELECT '{"[1,2,3]"}'::vector(2)[]$$,
    $$SELECT '[1]'::vector(0)$$,
    $$SELECT '[1]'::vector(-1)$$,
    $$SELECT '[1]'::vector(16001)$$,
    $$SELECT '[1]'::vector(99999999999)$$,
    $$SELECT '[1]'::vector(1, 2)$$,
    $$SELECT '[1]'::vector('one')$$,
    $$SELECT ('[' || repeat('1,', 16000) || '1]')::vector$$,
    $$SELECT array_agg(n)::vector FROM generate_series(1, 16001) n$$,
    $$SELECT array_fill(1, ARRAY[16000])::vector || '[1]'$$,
    $$SELECT array_to_vector(ARRAY[1, 2], 3, false)$$,
    $$SELECT '[1,2]'::vector <-> '[1]'$$,
    $$SELECT '[1,2]'::vector <#> '[1]'$$,
    $$SELECT '[1,2]'::vector <=> '[1]'$$,
    $$SELECT '[1,2]'::vector <+> '[1]'$$,
    $$SELECT vector_l2_squared_distance('[1]', '[1,2]')$$,
    $$SELECT vector_spherical_distance('[1]', '[1,2]')$$,
    $$SELECT '[1,2]'::vector + '[1]'$$,
    $$SELECT '[1,2]'::vector - '[1]'$$,
    $$SELECT '[1,2]'::vector * '[1]'$$,
    $$SELECT avg(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) t (v)$$,
    $$SELECT sum(v) FROM (VALUES ('[1,2]'::vector), ('[1]')) t (v)$$,
    $$SELECT subvector('[1,2]'::vector, 1, 0)$$,
    $$SELECT subvector('[1,2]'::vector, 1, -1)$$,
    $$SELECT subvector('[1,2]'::vector, 3, 1)$$,
    $$SELECT subvector('[1,2]'::vector, -1, 2)$$,
    $$SELECT subvector('[1,2]'::vector, 2147483647, 2147483647)$$,
    $$SELECT subvector('[1,2]'::vector, -2147483648, 2147483647)$$]) statement, error_of(statement) e;

-- arrays
SELECT statement, e.* FROM unnest(ARRAY[
    $$SELECT '{}'::real[]::vector$$,
    $$SELECT '{{1,2},{3,4}}'::real[]::vector$$,
    $$SELECT '{1,NULL}'::int[]::vector$$,
    $$SELECT '{1,NULL}'::numeric[]::vector$$,
    $$SELECT '{1,NaN}'::real[]::vector$$,
    $$SELECT '{Infinity}'::real[]::vector$$,
    $$SELECT '{-Infinity}'::float8[]::vector$$,
    $$SELECT '{4e38}'::float8[]::vector$$,
    $$SELECT '{NaN}'::numeric[]::vector$$,
    $$SELECT '{4e38}'::numeric[]::vector$$,
    $$SELECT '{1}'::text[]::vector$$]) statement, error_of(statement) e;
CREATE FUNCTION array_of_other_type(bigint[], integer, boolean) RETURNS vector
    AS '$libdir/vector', 'array_to_vector' LANGUAGE C IMMUTABLE STRICT;
SELECT * FROM error_of($$SELECT array_of_other_type('{1}', -1, false)$$);
DROP FUNCTION array_of_other_type;

-- results outside of float4
SELECT statement, e.* FROM unnest(ARRAY[
    $$SELECT '[3e38]'::vector + '[3e38]'$$,
    $$SELECT '[-3e38]'::vector - '[3e38]'$$,
    $$SELECT '[1,1e20]'::vector * '[1,-1e20]'$$,
    $$SELECT '[1,1e-30]'::vector * '[1,1e-30]'$$,
    $$SELECT sum(v) FROM (VALUES ('[3e38]'::vector), ('[3e38]')) t (v)$$,
    $$SELECT vector_avg('{1,4e38}')$$,
    $$SELECT vector_avg('{1,NaN}')$$,
    $$SELECT vector_accum('{1,Infinity}', '[1]')$$,
    $$SELECT vector_combine('{1,1.7e308}', '{1,1.7e308}')$$]) statement, error_of(statement) e;

-- states that no avg made
SELECT statement, e.* FROM unnest(ARRAY[
    $$SELECT vector_accum('{}', '[1]')$$,
    $$SELECT vector_accum('{{0}}', '[1]')$$,
    $$SELECT vector_accum('{NULL}', '[1]')$$,
    $$SELECT vector_accum('{1,2,3}', '[1]')$$,
    $$SELECT vector_combine('{}', '{0}')$$,
    $$SELECT vector_combine('{0}', '{{0}}')$$,
    $$SELECT vector_combine('{1,2}', '{1,2,3}')$$,
    $$SELECT vector_combine('{0}', '{1}')$$,
    $$SELECT vector_combine('{0}', array_fill(1::float8, ARRAY[16002]))$$,
    $$SELECT vector_combine(array_fill(1::float8, ARRAY[16002]), array_fill(1::float8, ARRAY[16002]))$$,
    $$SELECT vector_avg('{}')$$,
    $$SELECT vector_avg('{1}')$$,
    $$SELECT vector_avg('{NULL,1}')$$,
    $$SELECT vector_avg(array_fill(1::float8, ARRAY[16002]))$$]) statement, error_of(statement) e;

-- a datum whose length and dimensions contradict each other is refused, not believed
CREATE CAST (bytea AS vector) WITHOUT FUNCTION;
SELECT data, e.* FROM unnest(ARRAY['\x', '\x0100', '\x00000000', '\xffff0000', '\x010000000000803f00', '\x0200000000',
    '\x0200000000000000', '\xff7f000000000000']::bytea[]) data, error_of(format('SELECT vector_norm(%L::bytea::vector)', data)) e;
DROP CAST (bytea AS vector);

DROP FUNCTION error_of;
