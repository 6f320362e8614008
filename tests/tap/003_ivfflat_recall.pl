# SPDX-License-Identifier: PostgreSQL
#
# Recall@10 against exact answers, for the three metrics, of rows present at the build and of rows
# inserted later. The floors are well below what is measured: they catch what is broken.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('recall');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	SELECT setseed(0.25);
	-- 200 overlapping clusters in 16 dimensions
	CREATE TABLE center AS SELECT i, ARRAY(SELECT random() * 10 - 5 FROM generate_series(1, 16) WHERE i > 0) AS x
		FROM generate_series(1, 200) i;
	CREATE TABLE t (id int, v vector(16));
	INSERT INTO t SELECT n, ARRAY(SELECT e + random() * 12 - 6 FROM unnest(x) e WHERE n > 0)
		FROM generate_series(1, 20000) n JOIN center c ON c.i = 1 + n % 200 ORDER BY n;
	CREATE TABLE q AS SELECT id, v FROM t WHERE id % 200 < 50 AND id < 400;));

sub recall
{
	my ($operator, $probes) = @_;
	return $node->safe_psql(
		'postgres', qq(
		SET ivfflat.probes = $probes;
		SET client_min_messages = error;
		SET enable_seqscan = on; SET enable_indexscan = off;
		CREATE TEMP TABLE exact AS SELECT q.id AS query, n.id FROM q, LATERAL
			(SELECT id FROM t ORDER BY v $operator q.v, id LIMIT 10) n;
		SET enable_seqscan = off; SET enable_indexscan = on;
		SELECT round(count(*) / 10.0 / (SELECT count(*) FROM q), 4) FROM q, LATERAL
			(SELECT id FROM t ORDER BY v $operator q.v LIMIT 10) n
			WHERE EXISTS (SELECT FROM exact e WHERE e.query = q.id AND e.id = n.id);));
}

my %class = ('<->' => 'vector_l2_ops', '<#>' => 'vector_ip_ops', '<=>' => 'vector_cosine_ops');
my %floor = (1 => 0.25, 10 => 0.75, 100 => 0.999);

sub check_recall
{
	my ($operator, $when) = @_;
	for my $probes (sort { $a <=> $b } keys %floor)
	{
		my $recall = recall($operator, $probes);
		cmp_ok($recall, '>=', $floor{$probes}, "$when: $operator with $probes probes: $recall");
	}
	return;
}

for my $operator (sort keys %class)
{
	$node->safe_psql('postgres',
		"CREATE INDEX t_v ON t USING ivfflat (v $class{$operator}) WITH (lists = 100);");
	check_recall($operator, 'built');
	$node->safe_psql('postgres', 'DROP INDEX t_v;');
}

# the same rows, most of them inserted after the build
$node->safe_psql(
	'postgres', q(
	CREATE TABLE later AS SELECT * FROM t WHERE id % 4 <> 0;
	DELETE FROM t WHERE id % 4 <> 0;
	CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 100);
	INSERT INTO t SELECT * FROM later;));
check_recall('<->', 'inserted');

# a row finds itself with one probe: insert and scan agree on the nearest list
is( $node->safe_psql(
		'postgres', q(
		SET enable_seqscan = off;
		SELECT count(*) FROM (SELECT * FROM t WHERE id <= 2000) q
			WHERE q.id = (SELECT n.id FROM t n ORDER BY n.v <-> q.v LIMIT 1);)),
	'2000', 'every row is found in its own list');
$node->safe_psql('postgres', 'REINDEX INDEX t_v;');
is( $node->safe_psql(
		'postgres', q(
		SET enable_seqscan = off;
		SELECT count(*) FROM (SELECT * FROM t WHERE id <= 2000) q
			WHERE q.id = (SELECT n.id FROM t n ORDER BY n.v <-> q.v LIMIT 1);)),
	'2000', 'also after a build');

$node->stop;
done_testing();
