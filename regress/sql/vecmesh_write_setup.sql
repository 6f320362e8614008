-- For the tests of writes: twin() runs a statement on a distributed table and on a local twin and
-- tells whether row count, returned rows and error agree; contents() compares the two tables.
SET client_min_messages = warning;
CREATE SCHEMA dist;
CREATE SCHEMA local;
CREATE SCHEMA writing;

CREATE FUNCTION writing.run(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    r record;
    result jsonb := '[]';
    n bigint;
BEGIN
    IF statement ~* '-- rows$' THEN
        FOR r IN EXECUTE statement LOOP
            result := result || to_jsonb(r);
        END LOOP;
        RETURN (SELECT format('%s rows %s', count(*), coalesce(jsonb_agg(e ORDER BY e), '[]'))
                FROM jsonb_array_elements(result) e);
    END IF;
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RETURN format('%s rows', n);
EXCEPTION WHEN OTHERS THEN
    RETURN format('ERROR %s: %s', SQLSTATE, SQLERRM);
END $$;

CREATE FUNCTION writing.twin(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    a text;
    b text;
BEGIN
    SET LOCAL search_path = dist, public;
    a := writing.run(statement);
    SET LOCAL search_path = local, public;
    b := writing.run(statement);
    RETURN CASE WHEN a = b THEN 'same: ' || a
                ELSE 'DIFFERENT: ' || a || ' <> ' || b END;
END $$;

CREATE FUNCTION writing.contents(relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
    d bigint;
BEGIN
    EXECUTE format('SELECT count(*) FROM dist.%I', relation) INTO n;
    EXECUTE format('SELECT count(*) FROM (
            (SELECT * FROM dist.%1$I EXCEPT ALL SELECT * FROM local.%1$I)
            UNION ALL
            (SELECT * FROM local.%1$I EXCEPT ALL SELECT * FROM dist.%1$I)) x', relation) INTO d;
    RETURN format('%s rows, %s differ', n, d);
END $$;

-- used by several tests
CREATE TABLE writing.change (stock_id int, delta int);
INSERT INTO writing.change SELECT i * 3, i FROM generate_series(1, 100) i;
INSERT INTO writing.change VALUES (3, 1), (6, 2), (9999, 1);
CREATE FUNCTION writing.twice(i int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN i * 2; END';
