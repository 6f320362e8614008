-- what CREATE EXTENSION made: properties that pgvector's users and the planner rely on

-- functions over vectors: immutable, strict, parallel safe, in C; none listed deviates
SELECT p.oid::regprocedure
FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector'
WHERE p.prokind = 'f' AND ('vector'::regtype = ANY (p.proargtypes) OR p.prorettype = 'vector'::regtype)
    AND (p.provolatile, p.proisstrict, p.proparallel) <> ('i', true, 's')
ORDER BY 1;

-- objects without a description: none. (Array types and operator families make themselves.)
SELECT pg_describe_object(d.classid, d.objid, 0)
FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'vector'
WHERE d.deptype = 'e' AND d.classid <> 'pg_opfamily'::regclass
    AND NOT (d.classid = 'pg_type'::regclass AND d.objid IN (SELECT typarray FROM pg_type))
    AND obj_description(d.objid, d.classid::regclass::name) IS NULL
ORDER BY 1;

-- operators on vectors
SELECT o.oprname, o.oprcode, c.oprname AS commutator, n.oprname AS negator, o.oprrest, o.oprjoin,
    o.oprcanhash, o.oprcanmerge
FROM pg_operator o LEFT JOIN pg_operator c ON c.oid = o.oprcom LEFT JOIN pg_operator n ON n.oid = o.oprnegate
WHERE o.oprleft = 'vector'::regtype AND o.oprright = 'vector'::regtype
ORDER BY o.oprname COLLATE "C";

-- casts from and to vector: i = implicit, a = assignment
SELECT castsource::regtype, casttarget::regtype, castfunc::regprocedure, castcontext, castmethod
FROM pg_cast WHERE castsource = 'vector'::regtype OR casttarget = 'vector'::regtype
ORDER BY castsource::regtype::text COLLATE "C", casttarget::regtype::text COLLATE "C";

-- aggregates over vectors
SELECT aggfnoid, aggtransfn, aggtranstype::regtype, aggfinalfn, aggcombinefn, agginitval
FROM pg_aggregate WHERE aggfnoid IN ('avg(vector)'::regprocedure, 'sum(vector)'::regprocedure)
ORDER BY aggfnoid::text COLLATE "C";

-- btree
SELECT opcname, opcdefault FROM pg_opclass JOIN pg_am am ON am.oid = opcmethod
WHERE opcintype = 'vector'::regtype AND amname = 'btree';

-- ivfrabitq: vectors to order by, other types to filter by
SELECT opcname, opcintype::regtype, opcdefault, amvalidate(c.oid)
FROM pg_opclass c JOIN pg_am am ON am.oid = opcmethod WHERE amname = 'ivfrabitq'
ORDER BY opcintype = 'vector'::regtype DESC, opcname COLLATE "C";
SELECT amoplefttype::regtype AS column, amoprighttype::regtype AS constant,
    string_agg(oprname, ' ' ORDER BY amopstrategy)
FROM pg_amop JOIN pg_am am ON am.oid = amopmethod JOIN pg_operator o ON o.oid = amopopr
WHERE amname = 'ivfrabitq' AND amoppurpose = 's'
GROUP BY 1, 2 ORDER BY 1, 2;
