# SPDX-License-Identifier: PostgreSQL
#
# Generates SELECTs for the oracle test: each is written once with {items}, {notes}, {words} in place
# of the tables that exist twice, distributed and as a local copy, and is run against both.
# What a query returns must be determined: LIMIT only with a total order, no sums of floats.
package VecmeshQueries;

use strict;
use warnings;

# ---- data ----------------------------------------------------------------------------------------

# The local copies (suffix _copy) and the table that is never distributed.
sub setup_sql
{
	return <<'SQL';
SELECT setseed(0.25);
CREATE TABLE items_copy (
    id int NOT NULL, bucket int, name text, v float8, n numeric(10,2), flag boolean,
    ts timestamptz, day date, tags text[], j jsonb, c varchar(10), ch char(5), embedding vector(3));
INSERT INTO items_copy
SELECT i, i % 20,
       CASE WHEN i % 7 <> 0 THEN 'n' || i % 50 END,
       CASE WHEN i % 11 = 0 THEN NULL WHEN i % 13 = 0 THEN 'NaN' WHEN i % 29 = 0 THEN '-Infinity'
            ELSE random() * 100 END,
       CASE WHEN i % 9 <> 0 THEN i * 1.25 END, CASE WHEN i % 4 <> 3 THEN i % 3 = 0 END,
       timestamptz '2024-01-01 00:00+00' + i * interval '7 hours', date '2024-01-01' + i % 60,
       CASE WHEN i % 6 <> 0 THEN ARRAY['t' || i % 5, 't' || i % 3] END,
       CASE WHEN i % 8 <> 0 THEN jsonb_build_object('a', i % 10, 'b', 'x' || i % 4) END,
       'c' || i % 30, 'h' || i % 8,
       CASE WHEN i % 17 <> 0
            THEN format('[%s,%s,%s]', round(random()::numeric, 4), round(random()::numeric, 4),
                        round(random()::numeric, 4))::vector END
FROM generate_series(1, 400) i;
CREATE TABLE notes_copy (note_id int NOT NULL, item_id int NOT NULL, body text, weight int);
INSERT INTO notes_copy
SELECT i, (i * 7) % 450, CASE WHEN i % 5 <> 0 THEN 'b' || i % 40 END,
       CASE WHEN i % 10 <> 0 THEN i % 25 END
FROM generate_series(1, 600) i;
CREATE TABLE words_copy (word text NOT NULL, uses int);
INSERT INTO words_copy SELECT 'n' || i, i * 3 FROM generate_series(0, 60) i;
CREATE TABLE small (k int, label text);
INSERT INTO small SELECT i, CASE WHEN i % 4 <> 0 THEN 'n' || i END FROM generate_series(1, 30) i;
INSERT INTO small VALUES (NULL, 'n1'), (5, 'n5');
CREATE FUNCTION is_odd(i int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE STRICT
    AS $$BEGIN RETURN i % 2 = 1; END$$;
CREATE FUNCTION five() RETURNS int LANGUAGE plpgsql STABLE AS $$BEGIN RETURN 5; END$$;
CREATE FUNCTION half(i int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT $1 / 2';
SQL
}

# [table, distribution column, shard count]
sub tables
{
	return (['items', 'id', 8], ['notes', 'item_id', 4], ['words', 'word', 5]);
}

# ---- building blocks -----------------------------------------------------------------------------

my $random_state;

# A generator of our own: Perl's rand() differs between builds.
sub random_below
{
	my ($n) = @_;
	$random_state = ($random_state * 1103515245 + 12345) & 0x7fffffff;
	return int($random_state / 65536) % $n;
}

sub pick { return $_[ random_below(scalar @_) ]; }
sub chance { return random_below(100) < $_[0]; }
sub number { my ($low, $high) = @_; return $low + random_below($high - $low + 1); }
sub vector_text { return sprintf "[%.1f,%.1f,%.1f]", map { random_below(11) / 10 } 1 .. 3; }

my %condition_of = (
	i => [
		sub { "i.id = " . number(0, 410) },
		sub { "i.id = " . number(0, 410) . "::bigint" },
		sub { "i.id IN (" . join(', ', map { number(1, 400) } 1 .. number(1, 6)) . ")" },
		sub { "i.id = ANY ('{3,NULL,77," . number(1, 400) . "}'::int[])" },
		sub { "(i.id = " . number(1, 400) . " OR i.id = five())" },
		sub { "(i.id = 7 AND i.bucket = 7 OR i.id IN (8, 9) AND i.bucket < 9)" },
		sub { "i.id < " . number(1, 400) },
		sub { "i.bucket " . pick('=', '<', '>=', '<>') . " " . number(0, 20) },
		sub { "i.bucket BETWEEN " . number(0, 10) . " AND " . number(5, 20) },
		sub { "i.bucket % 3 = " . number(0, 2) },
		sub { "i.bucket IS DISTINCT FROM " . number(0, 20) },
		sub { "i.name " . pick('=', '<', '>') . " 'n" . number(0, 50) . "'" },
		sub { "i.name " . pick('LIKE', 'NOT LIKE', 'ILIKE') . " 'n" . pick(1, 2, '%3', '_') . "%'" },
		sub { "i.name IS " . pick('', 'NOT ') . "NULL" },
		sub { "i.name COLLATE \"C\" < 'n3'" },
		sub { "upper(i.name) = 'N" . number(0, 49) . "'" },
		sub { "length(i.name) = " . number(2, 3) },
		sub { "i.v " . pick('<', '>', '=', '<=') . " " . number(0, 100) },
		sub { "i.v = 'NaN'" },
		sub { "i.n " . pick('<', '>') . " " . number(0, 500) . ".5" },
		sub { "i.flag" },
		sub { "i.flag IS " . pick('TRUE', 'NOT TRUE', 'UNKNOWN', 'NOT UNKNOWN', 'FALSE') },
		sub { "NOT coalesce(i.flag, " . pick('true', 'false') . ")" },
		sub { "i.ts > timestamptz '2024-01-01' + interval '" . number(1, 100) . " days'" },
		sub { "i.ts < now()" },
		sub { "i.day = date '2024-01-01' + " . number(0, 60) },
		sub { "extract(month FROM i.day) = " . number(1, 3) },
		sub { "'t" . number(0, 4) . "' = ANY (i.tags)" },
		sub { "i.tags \@> ARRAY['t" . number(0, 4) . "']" },
		sub { "i.tags[1] = 't" . number(0, 4) . "'" },
		sub { "i.j->>'b' = 'x" . number(0, 3) . "'" },
		sub { "(i.j->>'a')::int > " . number(0, 9) },
		sub { "i.j \@> '{\"a\": " . number(0, 9) . "}'" },
		sub { "i.c = 'c" . number(0, 29) . "'" },
		sub { "i.ch = 'h" . number(0, 7) . "'" },
		sub { "is_odd(i.id)" },
		sub { "is_odd(i.bucket) AND half(i.id) > " . number(0, 200) },
		sub { "i.bucket = five()" },
		sub { "(i.id, i.bucket) > (" . number(0, 400) . ", 5)" },
		sub { "i.embedding <-> '" . vector_text() . "' < 0." . number(3, 9) },
		sub { "i.embedding IS NULL" },
		sub { "CASE WHEN i.bucket = 0 THEN i.flag ELSE 100 / i.bucket > 9 END" },
		sub { "nullif(i.bucket, 3) IS NULL" },
		sub { "greatest(i.bucket, i.id % 7) = " . number(3, 15) },
		sub { "i.bucket::text || 'x' = '" . number(0, 19) . "x'" },
		sub { "CASE WHEN i.v BETWEEN 0 AND 100 THEN i.v::int8 % 2 = 0 END" },
		sub { "i.bucket = (SELECT min(k) FROM small WHERE k > " . number(1, 20) . ")" },
		sub { "i.id IN (SELECT k FROM small WHERE label IS NOT NULL)" },
		sub { "i.id NOT IN (SELECT k FROM small WHERE k IS NOT NULL)" },
		sub { "EXISTS (SELECT 1 FROM {notes} x WHERE x.item_id = i.id AND x.weight > " . number(1, 24) . ")" },
		sub { "NOT EXISTS (SELECT FROM {notes} x WHERE x.item_id = i.id)" },
		sub { "i.bucket > ALL (SELECT weight FROM {notes} x WHERE x.item_id = i.id AND weight IS NOT NULL)" },
		sub { "(SELECT count(*) FROM {notes} x WHERE x.item_id = i.id) = " . number(0, 3) },
	],
	n => [
		sub { "n.item_id = " . number(0, 450) },
		sub { "n.weight " . pick('<', '>', '=') . " " . number(0, 25) },
		sub { "n.body IS " . pick('', 'NOT ') . "NULL" },
		sub { "n.body = 'b" . number(0, 40) . "'" },
		sub { "n.note_id % 4 = " . number(0, 3) },
		sub { "n.item_id IN (SELECT id FROM {items} WHERE bucket = " . number(0, 19) . ")" },
	],
	w => [
		sub { "w.word = 'n" . number(0, 60) . "'" },
		sub { "w.word IN ('n1', 'n2', 'zzz')" },
		sub { "w.uses > " . number(0, 150) },
	],
	s => [
		sub { "s.k " . pick('<', '>') . " " . number(1, 30) },
		sub { "s.label IS NOT NULL" },
	]);

my %output_of = (
	i => [
		'i.id', 'i.bucket', 'i.name', 'i.v', 'i.n', 'i.flag', 'i.ts', 'i.day', 'i.tags', 'i.j', 'i.c',
		'i.ch', 'i.embedding', 'i', 'i.id + i.bucket', 'i.name || i.c', 'upper(i.name)',
		'coalesce(i.name, i.c)', 'i.n * 2', 'i.day + i.bucket', 'i.j->>\'b\'', 'i.tags[2]',
		'i.embedding::text', 'is_odd(i.id)', 'half(i.bucket)', 'i.v IS NULL', 'five() + i.id',
		'CASE WHEN i.flag THEN i.id ELSE -i.bucket END', 'now() > i.ts', 'i.ch || \'|\'',
		'i.c::char(2)', '(i.tags || i.name)', 'to_char(i.ts AT TIME ZONE \'UTC\', \'YYYY-MM\')',
		'md5(i.name)', '(SELECT label FROM small WHERE k = i.bucket ORDER BY label LIMIT 1)',
		'(SELECT sum(x.weight) FROM {notes} x WHERE x.item_id = i.id)',
		'(SELECT x.uses FROM {words} x WHERE x.word = i.name)', 'num_nulls(i.name, i.v)',
		'row(i.id, i.name)', 'i.id::numeric / 3'
	],
	n => [ 'n.note_id', 'n.item_id', 'n.body', 'n.weight', 'n', 'n.weight + 1', 'lower(n.body)' ],
	w => [ 'w.word', 'w.uses', 'w' ],
	s => [ 's.k', 's.label', 's' ]);

# [FROM, aliases, total order, filter in WHERE is safe]
my @sources = (
	[ '{items} i', ['i'], 'i.id' ],
	[ '{items} i', ['i'], 'i.id' ],
	[ '{items} i', ['i'], 'i.id' ],
	[ '{notes} n', ['n'], 'n.note_id' ],
	[ '{items} i JOIN small s ON s.k = i.id', [ 'i', 's' ], 'i.id, s.label' ],
	[ '{items} i JOIN small s ON s.k = i.bucket', [ 'i', 's' ], 'i.id, s.k, s.label' ],
	[ 'small s LEFT JOIN {items} i ON i.id = s.k AND i.bucket > 3', [ 'i', 's' ], 'i.id, s.k, s.label' ],
	[ '{items} i FULL JOIN small s ON s.k = i.id', [ 'i', 's' ], 'i.id, s.k, s.label' ],
	[ '{items} i JOIN {notes} n ON n.item_id = i.id', [ 'i', 'n' ], 'i.id, n.note_id' ],
	[ '{items} i LEFT JOIN {notes} n ON n.item_id = i.id AND n.weight > 10', [ 'i', 'n' ], 'i.id, n.note_id' ],
	[ '{notes} n RIGHT JOIN {items} i ON n.weight = i.bucket AND n.item_id < 30', [ 'i', 'n' ], 'i.id, n.note_id' ],
	[ '{items} i JOIN {words} w ON w.word = i.name', [ 'i', 'w' ], 'i.id, w.word' ],
	[ '{items} i JOIN {notes} n ON n.item_id = i.id JOIN {words} w ON w.word = i.name', [ 'i', 'n', 'w' ], 'i.id, n.note_id' ],
	[ 'small s, {words} w', [ 's', 'w' ], 's.k, s.label, w.word' ],
	[ '{items} i CROSS JOIN LATERAL (SELECT * FROM {notes} x WHERE x.item_id = i.id ORDER BY x.note_id LIMIT 2) n', [ 'i', 'n' ], 'i.id, n.note_id' ],
	[ 'small s CROSS JOIN LATERAL (SELECT * FROM {items} x WHERE x.bucket = s.k ORDER BY x.n DESC NULLS LAST, x.id LIMIT 3) i', [ 's', 'i' ], 'i.id, s.k, s.label' ],
	[ 'small s LEFT JOIN LATERAL (SELECT * FROM {items} x WHERE x.id = s.k + 1) i ON true', [ 's', 'i' ], 'i.id, s.k, s.label' ],
	[ '(SELECT * FROM {items} ORDER BY id DESC LIMIT 50) i', ['i'], 'i.id' ],
	[ '(SELECT * FROM {items} WHERE bucket < 15 ORDER BY embedding <-> \'[0.5,0.5,0.5]\', id LIMIT 40 OFFSET 3) i', ['i'], 'i.id' ],
	[ '(SELECT * FROM {items} WHERE id < 100 UNION ALL SELECT * FROM {items} WHERE id > 350) i', ['i'], 'i.id' ],
	[ '(SELECT DISTINCT ON (bucket) * FROM {items} ORDER BY bucket, id DESC) i JOIN {notes} n ON n.weight = i.bucket', [ 'i', 'n' ], 'i.id, n.note_id' ],
	[ '{items} i JOIN (SELECT item_id, max(note_id) AS note_id, count(*)::int AS weight, min(body) AS body FROM {notes} GROUP BY item_id) n ON n.item_id = i.id', [ 'i', 'n' ], 'i.id, n.note_id' ],
);

# An order by arbitrary columns of i (if there), made total.
sub total_order
{
	my ($source) = @_;
	my @keys;
	if (grep { $_ eq 'i' } @{ $source->[1] } and chance(60))
	{
		push @keys,
		  pick('i.name', 'i.v', 'i.n', 'i.bucket', 'i.flag', 'i.c', 'i.ch', 'i.name COLLATE "C"',
			'i.ts', 'i.tags', 'i.bucket % 4', 'upper(i.name)', 'i.embedding',
			'i.embedding <-> \'' . vector_text() . '\'', 'i.embedding <=> \'' . vector_text() . '\'',
			'is_odd(i.id)', 'i.v IS NULL')
		  . pick('', ' DESC', ' NULLS FIRST', ' DESC NULLS LAST')
		  for 1 .. number(1, 2);
	}
	return join ', ', @keys, $source->[2];
}

sub where_clause
{
	my ($source) = @_;
	my @conditions;
	for my $alias (@{ $source->[1] })
	{
		my $list = $condition_of{$alias};
		push @conditions, pick(@$list)->() for 1 .. pick(0, 1, 1, 2);
	}
	return '' unless @conditions;
	my $text = join ' AND ', map { "($_)" } @conditions;
	$text = join ' OR ', map { "($_)" } @conditions if chance(15);
	$text = "NOT ($text)" if chance(7);
	return " WHERE $text";
}

sub outputs
{
	my ($source, $count) = @_;
	return join ', ', map { pick(@{ $output_of{ pick(@{ $source->[1] }) } }) } 1 .. $count;
}

sub limit_clause
{
	return pick('', ' LIMIT ' . number(0, 20), ' LIMIT ' . number(1, 20) . ' OFFSET ' . number(0, 30),
		' OFFSET ' . number(0, 100), ' LIMIT (SELECT min(k) + 3 FROM small)', ' LIMIT NULL',
		' FETCH FIRST ' . number(1, 9) . ' ROWS WITH TIES');
}

# ---- whole queries -------------------------------------------------------------------------------

sub plain
{
	my $source = pick(@sources);
	my $text = 'SELECT ' . outputs($source, number(1, 5)) . " FROM $source->[0]" . where_clause($source);
	return { sql => $text, ordered => 0 } if chance(30);
	return { sql => "$text ORDER BY " . total_order($source) . limit_clause(), ordered => 1 };
}

sub aggregate
{
	my $source = pick(@sources);
	my $first = $source->[1][0];
	my $key = { i => 'i.bucket', n => 'n.weight', w => 'length(w.word)', s => 's.label' }->{$first};
	my $id = { i => 'i.id', n => 'n.note_id', w => 'w.uses', s => 's.k' }->{$first};
	my @measures = (
		'count(*)', "sum($id)", "min($id)", "max($id)", "count(DISTINCT $key)", "avg($id)",
		"string_agg($id\::text, ',' ORDER BY $id)", "count(*) FILTER (WHERE $id % 2 = 0)",
		"array_agg($id ORDER BY $id DESC)", "bool_or($id > 5)",
		"percentile_disc(0.5) WITHIN GROUP (ORDER BY $id)");
	my $what = join ', ', map { pick(@measures) } 1 .. number(1, 3);
	my $from = "FROM $source->[0]" . where_clause($source);
	return { sql => "SELECT $what $from", ordered => 0 } if chance(35);
	my $having = chance(25) ? ' HAVING count(*) > 2' : '';
	my $group = pick($key, $key, "ROLLUP ($key)", "GROUPING SETS (($key), ())", "CUBE ($key, $id % 2)");
	return {
		sql => "SELECT $key, $what $from GROUP BY $group$having",
		ordered => 0
	} if $group =~ /CUBE/ || chance(50);
	return { sql => "SELECT $key, $what $from GROUP BY $group$having ORDER BY $key NULLS FIRST, count(*)"
		  . ', 2', ordered => 0 };
}

sub window
{
	my $source = pick(@sources[ 0 .. 10 ]);
	my $first = $source->[1][0];
	my $part = { i => 'i.bucket', n => 'n.weight', s => 's.k' }->{$first};
	my $call = pick('row_number()', 'count(*)', "sum($part)", "lag($part)", "first_value($part)",
		'rank()', 'ntile(3)');
	my $frame = $call =~ /sum|count|first/ ? ' ' . pick('', 'ROWS 2 PRECEDING', 'ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING') : '';
	return { sql => "SELECT $source->[2], $call OVER (" . pick("PARTITION BY $part ", '')
		  . "ORDER BY $source->[2]$frame) FROM $source->[0]" . where_clause($source), ordered => 0 };
}

sub set_operation
{
	my $one = 'SELECT bucket, name FROM {items} i' . where_clause($sources[0]);
	my $two = pick('SELECT k, label FROM small s' . where_clause([ '', ['s'] ]),
		'SELECT weight, body FROM {notes} n' . where_clause([ '', ['n'] ]),
		'(SELECT uses, word FROM {words} w' . where_clause([ '', ['w'] ]) . ' ORDER BY word LIMIT 5)');
	my $operator = pick('UNION', 'UNION ALL', 'INTERSECT', 'EXCEPT', 'EXCEPT ALL');
	my $text = chance(50) ? "$one $operator $two" : "$two $operator $one";
	return { sql => $text, ordered => 0 } if chance(50);
	return { sql => "$text ORDER BY 1 NULLS FIRST, 2 DESC" . pick('', ' LIMIT 10', ' OFFSET 2'), ordered => 1 };
}

sub common_table
{
	my $where = where_clause($sources[0]);
	return { sql => pick(
		"WITH a AS (SELECT id, bucket, name FROM {items} i$where) SELECT x.id, y.name FROM a x JOIN a y ON x.id = y.bucket",
		"WITH a AS MATERIALIZED (SELECT * FROM {items} i$where), b AS (SELECT item_id, count(*) AS c FROM {notes} GROUP BY 1) SELECT a.id, b.c FROM a LEFT JOIN b ON b.item_id = a.id WHERE a.bucket < 9",
		"WITH RECURSIVE r(id) AS (SELECT min(id) FROM {items} i$where UNION SELECT i.id FROM r JOIN {items} i ON i.id = r.id + 40) SELECT * FROM r",
		"SELECT DISTINCT bucket, flag FROM {items} i$where",
		"SELECT count(*) FROM (SELECT DISTINCT name FROM {items} i$where) d",
		"SELECT generate_series(1, bucket % 3), id FROM {items} i$where",
		"SELECT unnest(tags), id FROM {items} i$where",
		"SELECT * FROM {items} i$where ORDER BY id LIMIT 3",
		"SELECT max(v), min(name), max(id), min(bucket) FROM {items} i$where",
		"SELECT FROM {items} i$where",
		"SELECT DISTINCT ON (bucket) bucket, id, name FROM {items} i$where ORDER BY bucket, id"), ordered => 0 };
}

sub knn
{
	my $operator = pick('<->', '<#>', '<=>', '<+>');
	my $q = vector_text();
	my $where = where_clause($sources[0]);
	my $distance = pick('', ", i.embedding $operator '$q'", ", i.embedding $operator '$q' AS distance, i.name");
	return { sql => "SELECT i.id$distance FROM {items} i$where ORDER BY i.embedding $operator '$q', i.id"
		  . pick('', ' DESC') . ' LIMIT ' . number(1, 30) . pick('', ' OFFSET ' . number(0, 9)), ordered => 1 };
}

# The same query with its integer constants as parameters, prepared, and run twice.
sub prepared
{
	my $query = pick(\&plain, \&aggregate, \&knn)->();
	my (@values, @types);
	my $text = $query->{sql};
	$text =~ s/(?<=[<>=] )(\d+)(?![\d.:\w])/push @values, $1; push @types, 'int'; '$' . scalar @values/ge
	  unless $text =~ /timestamptz|CASE/;
	$text =~ s/(?<=LIMIT )(\d+)(?![\d)])/push @values, $1; push @types, 'bigint'; '$' . scalar @values/ge;
	$text =~ s/'(\[[\d.,]+\])'/push @values, "'$1'"; push @types, 'vector'; '$' . scalar @values/e;
	my $types = @types ? '(' . join(', ', @types) . ')' : '';
	my $values = @values ? '(' . join(', ', @values) . ')' : '';
	my $again = @values ? '(' . join(', ', map { chance(20) ? 'NULL' : $_ } @values) . ')' : '';
	return { setup => "PREPARE q$types AS $text", sql => "EXECUTE q$values;\nEXECUTE q$again",
		teardown => 'DEALLOCATE q', ordered => $query->{ordered} };
}

sub cursor
{
	my $source = pick(@sources);
	my $query = 'SELECT ' . outputs($source, 2) . " FROM $source->[0]" . where_clause($source)
	  . ' ORDER BY ' . total_order($source);
	my $kind = pick('', 'SCROLL ', 'NO SCROLL ');
	my $hold = chance(30);
	my @moves = map { pick('FETCH ' . number(1, 9) . ' FROM c', 'MOVE ' . number(1, 9) . ' FROM c', 'FETCH NEXT FROM c') } 1 .. 4;
	push @moves, 'FETCH ' . pick('PRIOR', 'BACKWARD 3', 'ABSOLUTE 2', 'LAST', 'FIRST') . ' FROM c'
	  if $kind eq 'SCROLL ';
	push @moves, 'FETCH ALL FROM c' if chance(40);
	return { setup => "BEGIN;\nDECLARE c ${kind}CURSOR " . ($hold ? 'WITH HOLD ' : '') . "FOR $query"
		  . ($hold ? ";\nCOMMIT" : ''), sql => join(";\n", @moves),
		teardown => $hold ? 'CLOSE c' : 'COMMIT', ordered => 1 };
}

my @settings = (
	'enable_hashjoin = off', 'enable_mergejoin = off', 'enable_nestloop = off', 'enable_material = off',
	'enable_memoize = off', 'enable_sort = off', 'parallel_setup_cost = 0', 'enable_hashagg = off',
	'plan_cache_mode = force_generic_plan', 'plan_cache_mode = force_custom_plan', 'force_parallel_mode = on', 'min_parallel_table_scan_size = 0');

# The n-th query of a seed. Keys: sql; ordered; settings; setup and teardown (may be missing).
sub make_query
{
	my ($seed, $n) = @_;
	$random_state = ($seed * 7919 + $n * 104729) & 0x7fffffff;
	random_below(2) for 1 .. 5;
	my $query = pick(\&plain, \&plain, \&plain, \&aggregate, \&aggregate, \&window, \&set_operation,
		\&common_table, \&knn, \&knn, \&prepared, \&prepared, \&prepared, \&cursor)->();
	$query->{settings} = [ map { pick(@settings) } 1 .. pick(0, 0, 1, 2, 3) ];
	push @{ $query->{settings} }, 'plan_cache_mode = force_generic_plan'
	  if defined $query->{setup} && $query->{setup} =~ /^PREPARE/ && chance(70);
	return $query;
}

# One query as psql input, for the distributed tables (suffix '') or the copies ('_copy').
sub script
{
	my ($query, $suffix) = @_;
	my $text = join '', map { "SET $_;\n" } @{ $query->{settings} };
	$text .= "$query->{setup};\n" if defined $query->{setup};
	$text .= "\\echo ----\n$query->{sql};\n\\echo ----\n";
	$text .= "$query->{teardown};\n" if defined $query->{teardown};
	$text .= "RESET ALL;\n" if @{ $query->{settings} };
	$text =~ s/\{(\w+)\}/$1$suffix/g;
	return $text;
}

1;
