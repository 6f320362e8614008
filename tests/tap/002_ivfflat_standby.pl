# SPDX-License-Identifier: PostgreSQL
#
# A streaming standby gives the same answers as its primary after a build, inserts, updates, deletes
# and vacuum, and goes on with the index when it is promoted.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', 'autovacuum = off');
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE TABLE t (id int, v vector(16));
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 5000) i;
	CREATE INDEX t_l2 ON t USING ivfflat (v vector_l2_ops) WITH (lists = 20);
	CREATE INDEX t_ip ON t USING ivfflat (v vector_ip_ops) WITH (lists = 20);
	CREATE INDEX t_cosine ON t USING ivfflat (v vector_cosine_ops) WITH (lists = 20);));

# The answers of 20 queries per operator, at few and at all probes.
sub answers
{
	my ($node) = @_;
	my $sql = 'SET enable_seqscan = off;';
	for my $probes (1, 5, 20)
	{
		$sql .= "SET ivfflat.probes = $probes;";
		for my $operator ('<->', '<#>', '<=>')
		{
			$sql .= "SELECT '$operator', $probes, q, array_agg(id) FROM generate_series(1, 20) q,
				LATERAL (SELECT id FROM t ORDER BY v $operator row_of(q * 77) LIMIT 10) s
				GROUP BY q ORDER BY q;";
		}
	}
	return $node->safe_psql('postgres', $sql);
}

sub same_answers
{
	my ($what) = @_;
	$primary->wait_for_catchup($standby);
	my $expected = answers($primary);
	is(answers($standby), $expected, "$what: standby and primary agree");
	return;
}

same_answers('after the build');
$primary->safe_psql('postgres',
	'INSERT INTO t SELECT i, row_of(i) FROM generate_series(5001, 9000) i;');
same_answers('after inserts');
$primary->safe_psql('postgres', 'UPDATE t SET v = row_of(id + 20000) WHERE id % 5 = 0;');
same_answers('after updates');
$primary->safe_psql('postgres', 'DELETE FROM t WHERE id % 3 = 0; VACUUM (INDEX_CLEANUP ON) t;');
same_answers('after deletes and vacuum');
$primary->safe_psql('postgres',
	'INSERT INTO t SELECT i, row_of(i) FROM generate_series(9001, 12000) i;');
same_answers('after inserts into freed slots');
$primary->safe_psql('postgres', 'REINDEX INDEX CONCURRENTLY t_l2;');
same_answers('after REINDEX CONCURRENTLY');

my $expected = answers($primary);
$primary->stop;
$standby->promote;
is(answers($standby), $expected, 'the promoted standby gives the same answers');
is( $standby->safe_psql(
		'postgres', q(
		INSERT INTO t VALUES (99999, row_of(31415));
		SET enable_seqscan = off;
		SELECT id FROM t ORDER BY v <-> row_of(31415) LIMIT 1;)),
	'99999', 'and takes rows');

$standby->stop;
done_testing();
