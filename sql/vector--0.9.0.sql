-- complain if the script is sourced in psql rather than by CREATE EXTENSION
\echo Use "CREATE EXTENSION vector" to load this file. \quit

-- The SQL names, argument types, cast levels and estimators here are those of pgvector 0.8.6: what
-- is written for it works unchanged. The comments are the reference; sql/README.md has the rules.
--
--   1  type vector: input and output, type modifier
--   2  distances
--   3  functions on vectors
--   4  arithmetic
--   5  order: comparison operators, btree
--   6  aggregates
--   7  casts

-- ----------------------------------------------------------------------------
-- 1  type vector: input and output, type modifier
-- ----------------------------------------------------------------------------

CREATE TYPE vector;

CREATE FUNCTION vector_in(cstring, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_in(cstring, oid, integer) IS
    'reads ''[x1,x2,...]''; elements are rounded to the nearest float4, NaN and infinity are refused';

CREATE FUNCTION vector_out(vector) RETURNS cstring
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_out(vector) IS
    'writes ''[x1,x2,...]'', each element with the fewest digits that read back as the same float4';

CREATE FUNCTION vector_typmod_in(cstring[]) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_typmod_in(cstring[]) IS
    'the n of vector(n): 1 to 16000 dimensions';

CREATE FUNCTION vector_recv(internal, oid, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_recv(internal, oid, integer) IS
    'binary input: int16 dimensions, int16 zero, then float4 elements, big endian';

CREATE FUNCTION vector_send(vector) RETURNS bytea
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_send(vector) IS
    'binary output: int16 dimensions, int16 zero, then float4 elements, big endian';

CREATE TYPE vector (
    INPUT = vector_in,
    OUTPUT = vector_out,
    RECEIVE = vector_recv,
    SEND = vector_send,
    TYPMOD_IN = vector_typmod_in,
    STORAGE = external
);
COMMENT ON TYPE vector IS
    'vector of 1 to 16000 float4 elements; vector(n) accepts exactly n dimensions; 8 + 4 * n bytes';

-- ----------------------------------------------------------------------------
-- 2  distances: float4 sums, returned as float8; error 22000 if the dimensions differ
-- ----------------------------------------------------------------------------

CREATE FUNCTION l2_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_distance(vector, vector) IS
    'Euclidean distance: square root of the sum of (a - b)^2';

CREATE FUNCTION inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION inner_product(vector, vector) IS
    'inner product: sum of a * b';

CREATE FUNCTION cosine_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION cosine_distance(vector, vector) IS
    '1 - cosine of the angle, 0 to 2; NaN if one vector is zero';

CREATE FUNCTION l1_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l1_distance(vector, vector) IS
    'taxicab distance: sum of |a - b|';

-- used by operators and index support

CREATE FUNCTION vector_l2_squared_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_l2_squared_distance(vector, vector) IS
    'sum of (a - b)^2: orders like l2_distance';

CREATE FUNCTION vector_negative_inner_product(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_negative_inner_product(vector, vector) IS
    '-inner_product: the smallest is the best';

CREATE FUNCTION vector_spherical_distance(vector, vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_spherical_distance(vector, vector) IS
    'angle between two unit vectors as a share of pi, 0 to 1';

CREATE OPERATOR <-> (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = l2_distance,
    COMMUTATOR = <->
);
COMMENT ON OPERATOR <-> (vector, vector) IS 'Euclidean distance';

CREATE OPERATOR <#> (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_negative_inner_product,
    COMMUTATOR = <#>
);
COMMENT ON OPERATOR <#> (vector, vector) IS 'negative inner product';

CREATE OPERATOR <=> (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = cosine_distance,
    COMMUTATOR = <=>
);
COMMENT ON OPERATOR <=> (vector, vector) IS 'cosine distance';

CREATE OPERATOR <+> (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = l1_distance,
    COMMUTATOR = <+>
);
COMMENT ON OPERATOR <+> (vector, vector) IS 'taxicab distance';

-- ----------------------------------------------------------------------------
-- 3  functions on vectors
-- ----------------------------------------------------------------------------

CREATE FUNCTION vector_dims(vector) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_dims(vector) IS
    'number of dimensions';

CREATE FUNCTION vector_norm(vector) RETURNS double precision
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_norm(vector) IS
    'Euclidean norm: square root of the sum of x^2, summed in float8';

CREATE FUNCTION l2_normalize(vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION l2_normalize(vector) IS
    'the vector divided by its Euclidean norm; a zero vector is returned as it is';

CREATE FUNCTION binary_quantize(vector) RETURNS bit
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION binary_quantize(vector) IS
    'one bit per element: 1 if it is greater than 0';

CREATE FUNCTION subvector(vector, integer, integer) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION subvector(vector, integer, integer) IS
    'elements from position (first is 1) for a count, cut at both ends as substring does; error 22000 if none is left';

-- ----------------------------------------------------------------------------
-- 4  arithmetic, element by element; error 22003 on overflow, 22000 if the dimensions differ
-- ----------------------------------------------------------------------------

CREATE FUNCTION vector_add(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_add(vector, vector) IS
    'sum';

CREATE FUNCTION vector_sub(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_sub(vector, vector) IS
    'difference';

CREATE FUNCTION vector_mul(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_mul(vector, vector) IS
    'product; error 22003 on underflow too';

CREATE FUNCTION vector_concat(vector, vector) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_concat(vector, vector) IS
    'concatenation; error 54000 beyond 16000 dimensions';

CREATE OPERATOR + (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_add,
    COMMUTATOR = +
);
COMMENT ON OPERATOR + (vector, vector) IS 'sum, element by element';

CREATE OPERATOR - (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_sub
);
COMMENT ON OPERATOR - (vector, vector) IS 'difference, element by element';

CREATE OPERATOR * (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_mul,
    COMMUTATOR = *
);
COMMENT ON OPERATOR * (vector, vector) IS 'product, element by element';

CREATE OPERATOR || (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_concat
);
COMMENT ON OPERATOR || (vector, vector) IS 'concatenation';

-- ----------------------------------------------------------------------------
-- 5  order: element by element, then the shorter first, as arrays; dimensions may differ
-- ----------------------------------------------------------------------------

CREATE FUNCTION vector_lt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_lt(vector, vector) IS
    'less than';

CREATE FUNCTION vector_le(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_le(vector, vector) IS
    'less than or equal';

CREATE FUNCTION vector_eq(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_eq(vector, vector) IS
    'equal';

CREATE FUNCTION vector_ne(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ne(vector, vector) IS
    'not equal';

CREATE FUNCTION vector_ge(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_ge(vector, vector) IS
    'greater than or equal';

CREATE FUNCTION vector_gt(vector, vector) RETURNS boolean
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_gt(vector, vector) IS
    'greater than';

CREATE FUNCTION vector_cmp(vector, vector) RETURNS integer
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_cmp(vector, vector) IS
    '-1, 0 or 1: btree support';

CREATE OPERATOR < (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_lt,
    COMMUTATOR = >, NEGATOR = >=,
    RESTRICT = scalarltsel, JOIN = scalarltjoinsel
);
COMMENT ON OPERATOR < (vector, vector) IS 'less than';

CREATE OPERATOR <= (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_le,
    COMMUTATOR = >=, NEGATOR = >,
    RESTRICT = scalarlesel, JOIN = scalarlejoinsel
);
COMMENT ON OPERATOR <= (vector, vector) IS 'less than or equal';

CREATE OPERATOR = (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_eq,
    COMMUTATOR = =, NEGATOR = <>,
    RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (vector, vector) IS 'equal';

CREATE OPERATOR <> (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_ne,
    COMMUTATOR = <>, NEGATOR = =,
    RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR <> (vector, vector) IS 'not equal';

CREATE OPERATOR >= (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_ge,
    COMMUTATOR = <=, NEGATOR = <,
    RESTRICT = scalargesel, JOIN = scalargejoinsel
);
COMMENT ON OPERATOR >= (vector, vector) IS 'greater than or equal';

CREATE OPERATOR > (
    LEFTARG = vector, RIGHTARG = vector, PROCEDURE = vector_gt,
    COMMUTATOR = <, NEGATOR = <=,
    RESTRICT = scalargtsel, JOIN = scalargtjoinsel
);
COMMENT ON OPERATOR > (vector, vector) IS 'greater than';

CREATE OPERATOR CLASS vector_ops
    DEFAULT FOR TYPE vector USING btree AS
    OPERATOR 1 <,
    OPERATOR 2 <=,
    OPERATOR 3 =,
    OPERATOR 4 >=,
    OPERATOR 5 >,
    FUNCTION 1 vector_cmp(vector, vector);
COMMENT ON OPERATOR CLASS vector_ops USING btree IS
    'order of vectors, for ORDER BY, DISTINCT, GROUP BY and unique constraints';

-- ----------------------------------------------------------------------------
-- 6  aggregates
-- ----------------------------------------------------------------------------

CREATE FUNCTION vector_accum(double precision[], vector) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_accum(double precision[], vector) IS
    'avg: adds a vector to the state {count, sums...}';

CREATE FUNCTION vector_combine(double precision[], double precision[]) RETURNS double precision[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_combine(double precision[], double precision[]) IS
    'avg: adds two states';

CREATE FUNCTION vector_avg(double precision[]) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_avg(double precision[]) IS
    'avg: sums divided by count, null if the count is 0';

CREATE AGGREGATE avg(vector) (
    SFUNC = vector_accum,
    STYPE = double precision[],
    FINALFUNC = vector_avg,
    COMBINEFUNC = vector_combine,
    INITCOND = '{0}',
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE avg(vector) IS
    'average, element by element, summed in float8; error 22000 if dimensions differ';

CREATE AGGREGATE sum(vector) (
    SFUNC = vector_add,
    STYPE = vector,
    COMBINEFUNC = vector_add,
    PARALLEL = SAFE
);
COMMENT ON AGGREGATE sum(vector) IS
    'sum, element by element, in float4; error 22000 if dimensions differ, 22003 on overflow';

-- ----------------------------------------------------------------------------
-- 7  casts; arrays must have 1 dimension, no null, 1 to 16000 finite elements
-- ----------------------------------------------------------------------------

CREATE FUNCTION vector(vector, integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector(vector, integer, boolean) IS
    'checks the dimensions against a type modifier; error 22000 if they differ';

CREATE FUNCTION array_to_vector(integer[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(integer[], integer, boolean) IS
    'integer[] to vector, rounded to float4';

CREATE FUNCTION array_to_vector(real[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(real[], integer, boolean) IS
    'real[] to vector';

CREATE FUNCTION array_to_vector(double precision[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(double precision[], integer, boolean) IS
    'double precision[] to vector, rounded to float4';

CREATE FUNCTION array_to_vector(numeric[], integer, boolean) RETURNS vector
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION array_to_vector(numeric[], integer, boolean) IS
    'numeric[] to vector, rounded to float4';

CREATE FUNCTION vector_to_float4(vector, integer, boolean) RETURNS real[]
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION vector_to_float4(vector, integer, boolean) IS
    'vector to real[]';

CREATE CAST (vector AS vector)
    WITH FUNCTION vector(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS vector) IS 'applies vector(n): the number of dimensions must be n';

CREATE CAST (vector AS real[])
    WITH FUNCTION vector_to_float4(vector, integer, boolean) AS IMPLICIT;
COMMENT ON CAST (vector AS real[]) IS 'exact';

CREATE CAST (integer[] AS vector)
    WITH FUNCTION array_to_vector(integer[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (integer[] AS vector) IS 'rounds to float4';

CREATE CAST (real[] AS vector)
    WITH FUNCTION array_to_vector(real[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (real[] AS vector) IS 'exact';

CREATE CAST (double precision[] AS vector)
    WITH FUNCTION array_to_vector(double precision[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (double precision[] AS vector) IS 'rounds to float4';

CREATE CAST (numeric[] AS vector)
    WITH FUNCTION array_to_vector(numeric[], integer, boolean) AS ASSIGNMENT;
COMMENT ON CAST (numeric[] AS vector) IS 'rounds to float4';

-- ----------------------------------------------------------------------------
-- 8  access method ivfflat; the numbers of the support functions are pgvector's:
--    1 distance, 2 norm (rows are stored with length 1), 3 training distance,
--    4 training norm, 5 other element types
-- ----------------------------------------------------------------------------

CREATE FUNCTION ivfflathandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION ivfflathandler(internal) IS 'ivfflat index access method handler';

CREATE ACCESS METHOD ivfflat TYPE INDEX HANDLER ivfflathandler;
COMMENT ON ACCESS METHOD ivfflat IS
    'inverted file over k-means clusters: approximate nearest neighbours, exact distances';

CREATE OPERATOR CLASS vector_l2_ops
    DEFAULT FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfflat IS 'nearest by Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfflat IS 'nearest by inner product';

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING ivfflat AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfflat IS 'nearest by cosine distance';

-- ----------------------------------------------------------------------------
-- 9  access method ivfrabitq; the support functions as above
-- ----------------------------------------------------------------------------

CREATE FUNCTION ivfrabitqhandler(internal) RETURNS index_am_handler
    AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION ivfrabitqhandler(internal) IS 'ivfrabitq index access method handler';

CREATE ACCESS METHOD ivfrabitq TYPE INDEX HANDLER ivfrabitqhandler;
COMMENT ON ACCESS METHOD ivfrabitq IS
    'inverted file of RaBitQ codes, compared exactly with the table at the end: k nearest vectors, filtered';

CREATE OPERATOR CLASS vector_l2_ops
    DEFAULT FOR TYPE vector USING ivfrabitq AS
    OPERATOR 1 <-> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_l2_squared_distance(vector, vector),
    FUNCTION 3 l2_distance(vector, vector);
COMMENT ON OPERATOR CLASS vector_l2_ops USING ivfrabitq IS 'nearest by Euclidean distance';

CREATE OPERATOR CLASS vector_ip_ops
    FOR TYPE vector USING ivfrabitq AS
    OPERATOR 1 <#> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_ip_ops USING ivfrabitq IS 'nearest by inner product';

CREATE OPERATOR CLASS vector_cosine_ops
    FOR TYPE vector USING ivfrabitq AS
    OPERATOR 1 <=> (vector, vector) FOR ORDER BY float_ops,
    FUNCTION 1 vector_negative_inner_product(vector, vector),
    FUNCTION 2 vector_norm(vector),
    FUNCTION 3 vector_spherical_distance(vector, vector),
    FUNCTION 4 vector_norm(vector);
COMMENT ON OPERATOR CLASS vector_cosine_ops USING ivfrabitq IS 'nearest by cosine distance';

-- Filter columns, after the vector. Scans compare the values themselves, as btree would:
-- 1 <, 2 <=, 3 =, 4 >=, 5 >.

CREATE OPERATOR CLASS bool_ops
    DEFAULT FOR TYPE boolean USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >;
COMMENT ON OPERATOR CLASS bool_ops USING ivfrabitq IS 'filter by boolean';

CREATE OPERATOR CLASS int2_ops
    DEFAULT FOR TYPE smallint USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (smallint, integer), OPERATOR 2 <= (smallint, integer), OPERATOR 3 = (smallint, integer),
    OPERATOR 4 >= (smallint, integer), OPERATOR 5 > (smallint, integer),
    OPERATOR 1 < (smallint, bigint), OPERATOR 2 <= (smallint, bigint), OPERATOR 3 = (smallint, bigint),
    OPERATOR 4 >= (smallint, bigint), OPERATOR 5 > (smallint, bigint);
COMMENT ON OPERATOR CLASS int2_ops USING ivfrabitq IS 'filter by smallint';

CREATE OPERATOR CLASS int4_ops
    DEFAULT FOR TYPE integer USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (integer, smallint), OPERATOR 2 <= (integer, smallint), OPERATOR 3 = (integer, smallint),
    OPERATOR 4 >= (integer, smallint), OPERATOR 5 > (integer, smallint),
    OPERATOR 1 < (integer, bigint), OPERATOR 2 <= (integer, bigint), OPERATOR 3 = (integer, bigint),
    OPERATOR 4 >= (integer, bigint), OPERATOR 5 > (integer, bigint);
COMMENT ON OPERATOR CLASS int4_ops USING ivfrabitq IS 'filter by integer';

CREATE OPERATOR CLASS int8_ops
    DEFAULT FOR TYPE bigint USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (bigint, smallint), OPERATOR 2 <= (bigint, smallint), OPERATOR 3 = (bigint, smallint),
    OPERATOR 4 >= (bigint, smallint), OPERATOR 5 > (bigint, smallint),
    OPERATOR 1 < (bigint, integer), OPERATOR 2 <= (bigint, integer), OPERATOR 3 = (bigint, integer),
    OPERATOR 4 >= (bigint, integer), OPERATOR 5 > (bigint, integer);
COMMENT ON OPERATOR CLASS int8_ops USING ivfrabitq IS 'filter by bigint';

CREATE OPERATOR CLASS date_ops
    DEFAULT FOR TYPE date USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (date, timestamp), OPERATOR 2 <= (date, timestamp), OPERATOR 3 = (date, timestamp),
    OPERATOR 4 >= (date, timestamp), OPERATOR 5 > (date, timestamp);
COMMENT ON OPERATOR CLASS date_ops USING ivfrabitq IS 'filter by date';

CREATE OPERATOR CLASS timestamp_ops
    DEFAULT FOR TYPE timestamp USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (timestamp, date), OPERATOR 2 <= (timestamp, date), OPERATOR 3 = (timestamp, date),
    OPERATOR 4 >= (timestamp, date), OPERATOR 5 > (timestamp, date);
COMMENT ON OPERATOR CLASS timestamp_ops USING ivfrabitq IS 'filter by timestamp';

CREATE OPERATOR CLASS timestamptz_ops
    DEFAULT FOR TYPE timestamptz USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >,
    OPERATOR 1 < (timestamptz, date), OPERATOR 2 <= (timestamptz, date), OPERATOR 3 = (timestamptz, date),
    OPERATOR 4 >= (timestamptz, date), OPERATOR 5 > (timestamptz, date);
COMMENT ON OPERATOR CLASS timestamptz_ops USING ivfrabitq IS 'filter by timestamptz';

CREATE OPERATOR CLASS uuid_ops
    DEFAULT FOR TYPE uuid USING ivfrabitq AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >;
COMMENT ON OPERATOR CLASS uuid_ops USING ivfrabitq IS 'filter by uuid';

CREATE OPERATOR CLASS text_ops
    DEFAULT FOR TYPE text USING ivfrabitq AS
    OPERATOR 3 =;
COMMENT ON OPERATOR CLASS text_ops USING ivfrabitq IS 'filter by text, equality only';

CREATE OPERATOR CLASS bpchar_ops
    DEFAULT FOR TYPE bpchar USING ivfrabitq AS
    OPERATOR 3 =;
COMMENT ON OPERATOR CLASS bpchar_ops USING ivfrabitq IS 'filter by character(n), equality only';

CREATE FUNCTION ivfrabitq_calibration(index regclass, OUT k integer, OUT recall double precision,
        OUT rule text, OUT probes double precision, OUT adaptive double precision,
        OUT exponent double precision, OUT rows_scanned double precision, OUT queries integer,
        OUT source text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION ivfrabitq_calibration(regclass) IS
    'what an ivfrabitq index knows of its recall: how far searches go, and how many rows they read';

CREATE FUNCTION ivfrabitq_calibrate(index regclass, queries regclass DEFAULT NULL,
        query_column name DEFAULT NULL)
    RETURNS void AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ivfrabitq_calibrate(regclass, regclass, name) IS
    'calibrates an ivfrabitq index anew, with the queries in a table or with rows of its own';

CREATE FUNCTION ivfrabitq_recall(index regclass, queries regclass DEFAULT NULL,
        query_column name DEFAULT NULL, k integer DEFAULT 10, query_count integer DEFAULT 100)
    RETURNS double precision AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION ivfrabitq_recall(regclass, regclass, name, integer, integer) IS
    'the share of the true k nearest rows that searches through an ivfrabitq index find, measured';

-- ----------------------------------------------------------------------------
-- 10  looking after indexes
-- ----------------------------------------------------------------------------

CREATE FUNCTION index_check(index regclass, heapallindexed boolean DEFAULT false,
        deep boolean DEFAULT false, OUT block bigint, OUT list bigint, OUT kind text, OUT detail text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION index_check(regclass, boolean, boolean) IS
    'whether an ivfflat or ivfrabitq index is sound: a row for each problem; with heapallindexed every row of the table is looked up, with deep stored values are compared with the table';

-- These read everything, and this one says which rows there are: privileges as amcheck's.
REVOKE ALL ON FUNCTION index_check(regclass, boolean, boolean) FROM PUBLIC;

CREATE FUNCTION index_stats(index regclass,
        OUT method text, OUT format_version integer, OUT dimensions integer, OUT metric text,
        OUT bytes bigint, OUT pages bigint, OUT meta_pages bigint, OUT centroid_pages bigint,
        OUT directory_pages bigint, OUT row_pages bigint, OUT fine_pages bigint,
        OUT unused_pages bigint, OUT damaged_pages bigint, OUT empty_row_pages bigint,
        OUT rows bigint, OUT emptied_slots bigint, OUT unused_slots bigint, OUT retired_rows bigint,
        OUT lists bigint, OUT list_capacity bigint, OUT empty_lists bigint, OUT frozen_lists bigint,
        OUT retired_lists bigint,
        OUT list_rows_min bigint, OUT list_rows_mean double precision, OUT list_rows_p50 bigint,
        OUT list_rows_p90 bigint, OUT list_rows_p99 bigint, OUT list_rows_max bigint,
        OUT list_pages_mean double precision, OUT list_pages_max bigint,
        OUT structure_version bigint, OUT rows_at_build bigint, OUT calibration_queries bigint,
        OUT lists_at_calibration bigint)
    RETURNS record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION index_stats(regclass) IS
    'what an ivfflat or ivfrabitq index consists of: pages by kind, rows and free slots, lists and how long they are; reads all pages';

CREATE FUNCTION index_pages(index regclass, OUT block bigint, OUT kind text, OUT lists bigint[],
        OUT items bigint, OUT free_slots bigint, OUT free_bytes integer, OUT lsn pg_lsn)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE STRICT PARALLEL RESTRICTED;
COMMENT ON FUNCTION index_pages(regclass) IS
    'the pages of an ivfflat or ivfrabitq index: what each is, which lists have slots there, how many rows (centroids, entries, records) it has and how much is free; damaged ones are named so';

REVOKE ALL ON FUNCTION index_stats(regclass) FROM PUBLIC;
REVOKE ALL ON FUNCTION index_pages(regclass) FROM PUBLIC;

CREATE FUNCTION index_wal(start_lsn pg_lsn, end_lsn pg_lsn DEFAULT NULL, OUT index regclass, OUT filenode oid,
        OUT resource_manager text, OUT record_type text, OUT records bigint, OUT bytes bigint,
        OUT images bigint, OUT image_bytes bigint)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION index_wal(pg_lsn, pg_lsn) IS
    'what ivfflat and ivfrabitq indexes of this database wrote into the WAL between two positions (until now, if there is no second): records, their bytes, and how many of these are page images, by index and type of record (of PostgreSQL''s own: Generic, FPI of a build, FPI_FOR_HINT of a free space map); index is null for one that was dropped or rewritten';

CREATE FUNCTION index_wal_records(start_lsn pg_lsn, end_lsn pg_lsn DEFAULT NULL, OUT lsn pg_lsn, OUT xid xid,
        OUT index regclass, OUT filenode oid, OUT resource_manager text, OUT record_type text,
        OUT blocks bigint[], OUT bytes bigint, OUT image_bytes bigint, OUT description text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C VOLATILE PARALLEL SAFE;
COMMENT ON FUNCTION index_wal_records(pg_lsn, pg_lsn) IS
    'each record that index_wal() counts: its position, transaction (null if none), index, the blocks that it changed in the order in which replay locks them, and its content in words';

-- As pg_walinspect's functions.
REVOKE ALL ON FUNCTION index_wal(pg_lsn, pg_lsn), index_wal_records(pg_lsn, pg_lsn) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION index_wal(pg_lsn, pg_lsn), index_wal_records(pg_lsn, pg_lsn) TO pg_read_server_files;
