-- Filter columns: whatever a condition on them gives through the index, a sort gives too.
CREATE SCHEMA ivfrabitq_filter;
SET search_path = ivfrabitq_filter, public;
SET TimeZone = 'UTC';
SET DateStyle = 'ISO';
SET ivfrabitq.recall_target = 1; -- nothing may be missed

CREATE FUNCTION row_vector(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS $$
    SELECT array_agg((i::bigint * (7919 + 104729 * d) + d * d * 31) % 100003 / 100003.0)::vector
    FROM generate_series(1, 6) d
$$;

CREATE TABLE f (id int, v vector(6), b bool, i2 int2, i4 int4, i8 int8, d date, ts timestamp, u uuid, t text);
CREATE TABLE g (id int, v vector(6), tz timestamptz, vc varchar(20), bc char(6), low int4, other int4);

-- Every eleventh value is null; the ends of every type are there.
INSERT INTO f
SELECT i, row_vector(i),
    CASE WHEN i % 11 <> 1 THEN i % 3 = 0 END,
    CASE WHEN i % 11 <> 2 THEN (ARRAY[-32768, 32767, i % 50 - 25, i % 50 - 25, i % 7])[i % 5 + 1] END,
    CASE WHEN i % 11 <> 3 THEN (ARRAY[-2147483648, 2147483647, i, i - 750, i % 7])[i % 5 + 1] END,
    CASE WHEN i % 11 <> 4 THEN (ARRAY[-9223372036854775808, 9223372036854775807, i, i - 750, i % 7])[i % 5 + 1] END,
    CASE WHEN i % 11 <> 5 THEN (ARRAY['infinity', '-infinity', '5874897-12-31', date '2000-01-01' + i % 40 - 20, '1999-12-31'])[i % 5 + 1]::date END,
    CASE WHEN i % 11 <> 6 THEN (ARRAY['infinity', '-infinity', '294276-12-31 23:59:59', timestamp '2000-01-01' + i % 40 * interval '6 hours', '1999-12-31'])[i % 5 + 1]::timestamp END,
    CASE WHEN i % 11 <> 7 THEN CASE i % 5 WHEN 0 THEN '00000000-0000-0000-0000-000000000000' WHEN 1 THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE md5((i % 97)::text)::uuid END END,
    CASE WHEN i % 11 <> 8 THEN 'word ' || i % 60 END
FROM generate_series(1, 1500) i;
INSERT INTO g
SELECT i, row_vector(i),
    CASE WHEN i % 11 <> 1 THEN timestamptz '2021-03-27 00:00+00' + i % 100 * interval '1 hour' END,
    CASE WHEN i % 11 <> 2 THEN 'word ' || i % 60 END,
    CASE WHEN i % 11 <> 3 THEN 'w' || i % 60 END,
    i % 4, i % 9
FROM generate_series(1, 1000) i;

CREATE INDEX f_index ON f USING ivfrabitq (v, b, i2, i4, i8, d, ts, u, t) WITH (lists = 20);
CREATE INDEX g_index ON g USING ivfrabitq (v, tz, vc, bc, low) WITH (lists = 20);
ANALYZE f, g;

-- How the rows come (by the index's condition alone, it is to be hoped), how many, and whether a
-- sort gives the same, in the same order of distances.
CREATE FUNCTION compare(source text, condition text, wanted int DEFAULT 100000) RETURNS text
LANGUAGE plpgsql AS $$
DECLARE
    query text := format('SELECT id, v <-> %L AS distance FROM %s WHERE %s ORDER BY v <-> %1$L LIMIT %4$s',
                         row_vector(77), source, condition, wanted);
    numbers text := 'SELECT array_agg(id::float8 ORDER BY id) || array_agg(distance) FROM (' || query || ') q';
    by_index float8[];
    by_sort float8[];
    line text;
    how text := '';
BEGIN
    PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_sort', 'off', true),
        set_config('enable_indexscan', 'on', true);
    FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
        how := how || CASE WHEN line ~ 'Index Scan using ._index' THEN 'index'
                           WHEN line ~ 'Index Cond' THEN ' condition'
                           WHEN line ~ ' Filter' THEN ' filter'
                           WHEN line ~ 'Seq Scan' THEN 'table' ELSE '' END;
    END LOOP;
    EXECUTE numbers INTO by_index;
    PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_sort', 'on', true),
        set_config('enable_indexscan', 'off', true);
    EXECUTE numbers INTO by_sort;
    RETURN how || ', ' || coalesce(cardinality(by_index) / 2, 0) || ' rows' ||
        CASE WHEN by_index IS DISTINCT FROM by_sort
             THEN ', but ' || coalesce(cardinality(by_sort) / 2, 0) || ' by sort' ELSE '' END;
END $$;

SELECT condition, compare('f', condition) FROM unnest(ARRAY[
    'b', 'NOT b', 'b IS NULL', 'b IS NOT NULL', 'b IS TRUE', 'b = false', 'b >= true',
    'i4 = 5', 'i4 BETWEEN 5 AND 900', 'i4 > 5 AND i4 <= 900 AND i4 < 20', 'i4 > 900 AND i4 < 5',
    'i4 IS NULL', 'i4 IS NOT NULL AND t IS NULL', 'i4 IS NULL AND i8 IS NULL',
    't = ''word 7''', 't = ''no such word''', 't IN (''word 7'', ''word 8'', ''word 999'')',
    't LIKE ''word 7''',
    'u = ''ffffffff-ffff-ffff-ffff-ffffffffffff''', 'd = ''infinity''', 'd = ''2000-01-05''',
    'b AND i2 = 3 AND i8 > 0 AND t = ''word 13'''
]) WITH ORDINALITY c(condition, n) ORDER BY n;
SELECT condition, compare('g', condition) FROM unnest(ARRAY[
    'tz < ''2021-03-28 01:00+00''', 'vc = ''word 7''', 'bc = ''w7''', 'bc = ''w7    ''', 'bc IN (''w7'', ''w8 '')',
    'low = 3 AND vc IS NULL', 'low = 3 AND other = 4', 'other = 4',
    -- not the index's: what they mean depends on the time zone; not in the classes
    'tz < timestamp ''2021-03-28 01:00''', 'vc < ''word 7''', 'low <> 3', 'low NOT IN (1, 2)'
]) WITH ORDINALITY c(condition, n) ORDER BY n;
SELECT compare('f', 'i4 > 5', 10), compare('f', 'i4 = 5', 1), compare('f', 'b', 0);

-- every operator with every type of constant, within, at, next to and beyond the column's range
CREATE TABLE constants (columns text[], constant text);
INSERT INTO constants VALUES
    ('{b}', 'true'), ('{b}', 'false'),
    ('{i2,i4,i8}', '3::int2'), ('{i2,i4,i8}', '3::int4'), ('{i2,i4,i8}', '3::int8'), ('{i2,i4,i8}', '-1::int2'),
    ('{i2,i4,i8}', '(-32768)::int2'), ('{i2,i4,i8}', '32767::int2'),
    ('{i2,i4,i8}', '(-32769)::int4'), ('{i2,i4,i8}', '32768::int4'), ('{i2,i4,i8}', '100000'),
    ('{i2,i4,i8}', '(-2147483648)::int4'), ('{i2,i4,i8}', '2147483647::int4'),
    ('{i2,i4,i8}', '(-2147483649)::int8'), ('{i2,i4,i8}', '2147483648::int8'),
    ('{i2,i4,i8}', '(-9223372036854775808)::int8'), ('{i2,i4,i8}', '9223372036854775807::int8'),
    ('{d,ts}', 'date ''2000-01-01'''), ('{d,ts}', 'date ''1999-12-31'''), ('{d,ts}', 'date ''infinity'''),
    ('{d,ts}', 'date ''-infinity'''), ('{d,ts}', 'date ''294277-01-01'''), ('{d,ts}', 'date ''5874897-12-31'''),
    ('{d,ts}', 'timestamp ''2000-01-01'''), ('{d,ts}', 'timestamp ''1999-12-31 00:00:00.000001'''),
    ('{d,ts}', 'timestamp ''1999-12-31 23:59:59.999999'''), ('{d,ts}', 'timestamp ''2000-01-04 06:00'''),
    ('{d,ts}', 'timestamp ''infinity'''), ('{d,ts}', 'timestamp ''-infinity'''), ('{d,ts}', 'timestamp ''294276-12-31 23:59:59'''),
    ('{u}', 'uuid ''00000000-0000-0000-0000-000000000000'''), ('{u}', 'uuid ''ffffffff-ffff-ffff-ffff-ffffffffffff'''),
    ('{u}', 'md5(''5'')::uuid'), ('{u}', 'uuid ''80000000-0000-0000-0000-000000000000'''),
    ('{u}', 'uuid ''7fffffff-ffff-ffff-ffff-ffffffffffff''');
CREATE FUNCTION summary(source text, conditions text[])
RETURNS TABLE (conditions_tried bigint, rows_found bigint, wrong text[]) LANGUAGE sql AS $$
    SELECT count(*), sum(substring(result FROM ' (\d+) rows')::int),
        array_agg(condition || ': ' || result) FILTER (WHERE result !~ '^index condition, \d+ rows$')
    FROM (SELECT condition, compare(source, condition) AS result FROM unnest(conditions) condition OFFSET 0) r
$$;
SELECT s.* FROM summary('f', ARRAY(
    SELECT format('%s %s %s', c, o, constant)
    FROM constants, unnest(columns) c, unnest('{<,<=,=,>=,>}'::text[]) o)) s;
SET TimeZone = 'Europe/Berlin'; -- where 2021-03-28 had 23 hours
SELECT s.* FROM summary('g', ARRAY(
    SELECT format('tz %s %s', o, constant)
    FROM unnest(ARRAY['date ''2021-03-28''', 'date ''2021-03-29''', 'date ''infinity''', 'date ''-infinity''', 'date ''294277-01-01''',
            'timestamptz ''2021-03-28 03:00''', 'timestamptz ''-infinity''']) constant,
        unnest('{<,<=,=,>=,>}'::text[]) o)) s;
SET TimeZone = 'UTC';

-- lists of constants: few, many, unsorted, doubled, null among them, none at all
SELECT condition, compare('f', condition) FROM unnest(ARRAY[
    'i4 IN (5, 5, 3, 2147483647)', 'i4 = ANY (''{5,NULL,3}'')', 'i4 = ANY (''{NULL}''::int[])', 'i4 = ANY (''{}''::int[])',
    'i4 = ANY (ARRAY[5, 10000000000, -10000000000])', 'i2 = ANY (''{70000,3,4}''::int[])',
    'i4 < ANY (''{3,-1000,NULL}''::int[])', 'i4 >= ANY (''{3,900}''::int[])', 'i4 < ALL (''{3,900}''::int[])',
    'i8 IN (1, 2, 3, 4, 5, 6, 7)', 'i8 IN (1, 3, 5, 900, 911, 913, 915, 917, 919, 921, 923)',
    'i8 IN (1, 3, 5, 900, 911, 913, 915, 917, 919, 921, 923) AND i8 > 911', 'b IN (true, false)', 'b = ANY (''{f,f}'')',
    'd IN (''infinity'', ''2000-01-05'', ''2000-01-07'')', 'ts = ANY (''{2000-01-02 06:00,infinity}''::timestamp[])',
    'i4 = ANY (ARRAY(SELECT (k * 7919) % 100000 FROM generate_series(1, 10000) k))',
    'i8 = ANY (ARRAY(SELECT k * 3 FROM generate_series(10000, -10000, -1) k))',
    'i2 = ANY (ARRAY(SELECT k * 3 FROM generate_series(-5000, 5000) k))',
    'u = ANY (ARRAY(SELECT md5((k % 3000)::text)::uuid FROM generate_series(50, 10000) k))',
    't = ANY (ARRAY(SELECT ''word '' || k FROM generate_series(50, 10000) k))'
]) WITH ORDINALITY c(condition, n) ORDER BY n;

-- constants that are known only when the scan starts; null passes nothing
SELECT condition, compare('f', condition) FROM unnest(ARRAY[
    'i4 = (SELECT NULL::int)', 't = (SELECT NULL::text)', 'i4 = ANY ((SELECT NULL::int[])::int[])', 'i4 > (SELECT 900)'
]) WITH ORDINALITY c(condition, n) ORDER BY n;
SET enable_seqscan = off;
SET enable_sort = off;
SET plan_cache_mode = force_generic_plan;
PREPARE nearest(int, text) AS SELECT id FROM f WHERE i4 < $1 AND t = $2 ORDER BY v <-> row_vector(77) LIMIT 3;
EXPLAIN (COSTS OFF) EXECUTE nearest(100, 'word 7');
EXECUTE nearest(1000, 'word 7');
EXECUTE nearest(1000, 'word 8');
EXECUTE nearest(NULL, 'word 8');
DEALLOCATE nearest;
RESET plan_cache_mode;
-- and those that change from scan to scan
SELECT word, s.id FROM unnest('{word 7,no word,word 9}'::text[]) word,
    LATERAL (SELECT id FROM f WHERE t = word ORDER BY v <-> row_vector(77) LIMIT 2) s;
RESET enable_seqscan;
RESET enable_sort;

-- rows that come later, change or go
INSERT INTO f SELECT 10000 + i, row_vector(10000 + i), i % 2 = 0, i % 9, NULL, i, NULL, '2000-01-01', NULL, 'late ' || i % 5
FROM generate_series(1, 400) i;
UPDATE f SET t = 'changed', i4 = id WHERE id % 10 = 3;
DELETE FROM f WHERE id % 10 = 5;
SELECT condition, compare('f', condition) FROM unnest(ARRAY[
    't = ''changed''', 't = ''late 3''', 'i4 IS NULL', 'i4 = id', 'i4 < 40', 'd IS NULL AND u IS NULL', 'i2 IN (1, 5)'
]) WITH ORDINALITY c(condition, n) ORDER BY n;
VACUUM f;
INSERT INTO f SELECT 20000 + i, row_vector(20000 + i), NULL, NULL, i, NULL, '2000-01-05', NULL, md5('5')::uuid, 'last'
FROM generate_series(1, 400) i; -- into places of rows that were not null there, and the other way round
SELECT condition, compare('f', condition) FROM unnest(ARRAY[
    't = ''last''', 't = ''changed''', 'b IS NULL', 'i2 IS NULL', 'i2 IS NOT NULL', 'i4 IS NULL', 'i4 < 40', 'd = ''2000-01-05''', 'u IS NULL'
]) WITH ORDINALITY c(condition, n) ORDER BY n;
REINDEX INDEX f_index;
SELECT compare('f', 't = ''last'''), compare('f', 'i4 IS NULL'), compare('f', 'b AND i4 < 900');

-- into an index that was built without rows
CREATE TABLE e (id int, v vector(6), k int2);
CREATE INDEX e_index ON e USING ivfrabitq (v, k);
INSERT INTO e SELECT i, row_vector(i), i % 5 FROM generate_series(1, 100) i;
SELECT compare('e', 'k = 3'), compare('e', 'k IS NULL'), compare('e', 'k < 100000');

-- a collation for which different texts are equal (where there is none, the index has another one)
DO $$
BEGIN
    CREATE COLLATION no_case (PROVIDER = icu, LOCALE = 'und-u-ks-level2', DETERMINISTIC = false);
EXCEPTION WHEN OTHERS THEN
    CREATE COLLATION no_case FROM "C";
END $$;
CREATE TABLE c (id int, v vector(6), t text COLLATE no_case);
INSERT INTO c SELECT i, row_vector(i), (ARRAY['one', 'One', 'ONE', 'two'])[i % 4 + 1] FROM generate_series(1, 200) i;
CREATE INDEX c_index ON c USING ivfrabitq (v, t);
SELECT compare('c', 't = ''oNe''') ~ '^index condition, (150|0) rows$' AS as_by_sort, compare('c', 't = ''two''');
SELECT compare('c', 't COLLATE "C" = ''one'''); -- not the index's collation
