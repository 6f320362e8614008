-- Errors on their way between C++ and PostgreSQL (extension/pg/README.md), each followed by a look at
-- what it left: no C++ object alive, no hold-off counter raised, statements that can be cancelled.
-- Needs vx_boundary_test.so: cmake --install BUILD --component test
CREATE SCHEMA boundary;
SET search_path = boundary, public;

CREATE FUNCTION live_objects() RETURNS int
    AS '$libdir/vx_boundary_test', 'boundary_live_objects' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION holdoff() RETURNS int
    AS '$libdir/vx_boundary_test', 'boundary_holdoff' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION unwound() RETURNS text
    AS '$libdir/vx_boundary_test', 'boundary_unwound' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION error() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_error' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION plain_error() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_plain_error' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION bad_alloc() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_bad_alloc' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION exception(text) RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_exception' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION unknown() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_unknown' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION error_under_lwlock() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_error_under_lwlock' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION error_under_content_lock(regclass) RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_error_under_content_lock' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION error_leaving_lwlock() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_error_leaving_lwlock' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION exception_leaving_lwlock() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_exception_leaving_lwlock' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION nested() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_nested' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION throw_in_guard() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_throw_in_guard' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION sleep(float8) RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_sleep' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION object_in_transaction() RETURNS int
    AS '$libdir/vx_boundary_test', 'boundary_object_in_transaction' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION object_fails() RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_object_fails' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION allocate(bigint) RETURNS bigint
    AS '$libdir/vx_boundary_test', 'boundary_allocate' LANGUAGE C VOLATILE STRICT;
CREATE FUNCTION allocator(bigint) RETURNS void
    AS '$libdir/vx_boundary_test', 'boundary_allocator' LANGUAGE C VOLATILE STRICT;

-- Runs a statement that must fail and reports every field of its error, through a subtransaction.
CREATE FUNCTION fields_of(statement text, OUT code text, OUT message text, OUT detail text,
                          OUT hint text, OUT violated text)
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE statement;
    message := 'no error';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT,
        detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT, violated = CONSTRAINT_NAME;
END $$;

-- one per rung of the ladder, first to the client
SELECT error();
SELECT live_objects(), holdoff(), unwound();
SELECT plain_error();
SELECT bad_alloc();
SELECT exception('what the library said');
SELECT unknown();
SELECT live_objects(), holdoff();

-- then through subtransactions, field by field
SELECT s AS statement, f.*
  FROM unnest(ARRAY['error()', 'plain_error()', 'bad_alloc()', 'exception(''text'')', 'unknown()',
                    'nested()', 'throw_in_guard()']) WITH ORDINALITY AS u(s, n),
       fields_of('SELECT ' || s) AS f
 ORDER BY n;
SELECT live_objects(), holdoff(), unwound();

-- the text is cut to fit, at the end of a character
SELECT length(message), octet_length(message), right(message, 1) FROM fields_of($$SELECT exception(repeat('é', 300))$$);
SELECT length(message), octet_length(message), right(message, 1) FROM fields_of($$SELECT exception('x' || repeat('é', 300))$$);
SELECT message FROM fields_of($$SELECT exception('100%s')$$);

-- with locks held: a destructor releases them, the counters balance, and a timeout still works
SELECT code, message, hint FROM fields_of('SELECT error_under_lwlock()');
SELECT live_objects(), holdoff(), unwound();
CREATE TABLE page (a int);
INSERT INTO page VALUES (1);
SELECT error_under_content_lock('page');
SELECT live_objects(), holdoff(), unwound();
SET statement_timeout = '100ms';
SELECT pg_sleep(60);
RESET statement_timeout;
-- the page is free again: another writer does not wait for it
INSERT INTO page VALUES (2) RETURNING a;
DO $$
BEGIN
    FOR i IN 1..200 LOOP
        BEGIN
            PERFORM boundary.error_under_content_lock('boundary.page');
        EXCEPTION WHEN check_violation THEN
            NULL;
        END;
    END LOOP;
END $$;
SELECT live_objects(), holdoff();

-- a lock that only abort releases
SELECT error_leaving_lwlock();
SELECT live_objects(), holdoff();
SELECT exception_leaving_lwlock();
SELECT live_objects(), holdoff();
SELECT code, message FROM fields_of('SELECT error_leaving_lwlock()');
SELECT live_objects(), holdoff();
SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60);

-- cancel and timeout inside a guarded body
SET statement_timeout = '100ms';
SELECT sleep(60);
RESET statement_timeout;
SELECT live_objects(), holdoff();

-- objects in memory contexts: destroyed at commit, at abort, at the end of a subtransaction's parent
BEGIN;
SELECT object_in_transaction(), object_in_transaction();
COMMIT;
SELECT live_objects();
BEGIN;
SELECT object_in_transaction();
ROLLBACK;
SELECT live_objects();
BEGIN;
SELECT object_in_transaction();
SELECT error();
ROLLBACK;
SELECT live_objects();
SELECT object_fails();
SELECT live_objects();

-- memory: what no context can hold is refused without asking for it
SELECT allocate(1000);
SELECT allocate(9223372036854775807);
SELECT allocate(9223372036854775806 / 2 + 1);
SELECT allocator(9223372036854775806 / 16);
SELECT allocator(-1);
SELECT live_objects(), holdoff();
