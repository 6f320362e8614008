# SPDX-License-Identifier: PostgreSQL
#
# Every kind of page edit is replayed by a standby that compares the result with the primary's page
# (wal_consistency_checking); afterwards the files of both are the same, byte by byte.
use strict;
use warnings;
use File::Compare;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf',
	"autovacuum = off\nwal_consistency_checking = 'all'\nwal_keep_size = 1GB");
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

my @steps = (
	[ 'build', 'CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 10);
		CREATE INDEX t_empty ON e USING ivfflat (v vector_cosine_ops) WITH (lists = 400);' ],
	[ 'rows into the run, chained pages', 'INSERT INTO t SELECT i, row_of(i) FROM generate_series(2001, 4000) i;
		INSERT INTO e SELECT i, row_of(i) FROM generate_series(1, 1000) i;' ],
	[ 'dead rows: in the middle, at the end, whole pages', 'DELETE FROM t WHERE id % 3 = 0 OR id > 3000;
		DELETE FROM e; VACUUM (INDEX_CLEANUP ON) t; VACUUM (INDEX_CLEANUP ON) e;' ],
	[ 'free slots and the free chain', 'INSERT INTO t SELECT i, row_of(i) FROM generate_series(4001, 7000) i;
		INSERT INTO e SELECT i, row_of(i) FROM generate_series(1, 500) i;' ],
	[ 'rolled back', 'BEGIN; INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 500) i; ROLLBACK;
		VACUUM (INDEX_CLEANUP ON) t;' ],
	[ 'built anew', 'REINDEX INDEX t_empty;' ],);

$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE TABLE t (id int, v vector(16));
	CREATE TABLE e (id int, v vector(16));
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 2000) i;));

for my $step (@steps)
{
	my ($what, $sql) = @$step;
	$primary->safe_psql('postgres', $sql);
	$primary->safe_psql('postgres', 'CHECKPOINT;');    # full-page images in the next step
	$primary->wait_for_catchup($standby);
	pass("replayed and compared: $what");
}

my @files = map { $primary->safe_psql('postgres', "SELECT pg_relation_filepath('$_');") } qw(t_v t_empty);
$standby->safe_psql('postgres', 'CHECKPOINT;');
$primary->stop;
$standby->stop;
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC/, 'no inconsistent page');
is(compare($primary->data_dir . "/$_", $standby->data_dir . "/$_"), 0, "same bytes in $_") for @files;

done_testing();
