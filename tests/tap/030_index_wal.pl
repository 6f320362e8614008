# SPDX-License-Identifier: PostgreSQL
#
# index_wal() over records of our own resource manager: the same bytes as pg_walinspect counts, in words what they
# change; on a standby; in a server that did not load the library; over WAL that is damaged.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf',
	"autovacuum = off\nshared_preload_libraries = 'vector'\nwal_keep_size = 1GB\ncheckpoint_timeout = 1h");
$primary->start;
$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE EXTENSION pg_walinspect;
	CREATE TABLE t (id int, v vector(4));
	INSERT INTO t SELECT i, ARRAY[i, i % 5, 1, 2] FROM generate_series(1, 500) i;
	CREATE INDEX t_flat ON t USING ivfflat (v vector_l2_ops) WITH (lists = 3);
	CREATE INDEX t_rabitq ON t USING ivfrabitq (v vector_l2_ops);));
$primary->backup('base');

sub position { return $primary->safe_psql('postgres', 'SELECT pg_current_wal_flush_lsn()'); }

sub sums
{
	my ($node, $range) = @_;
	return $node->safe_psql('postgres',
		"SELECT index, resource_manager, record_type, records, bytes, image_bytes FROM index_wal($range) ORDER BY 1, 2");
}

my $start = position();
$primary->safe_psql('postgres', 'INSERT INTO t SELECT i, ARRAY[i, i % 5, 1, 2] FROM generate_series(501, 800) i');
my $range = "'$start', '" . position() . "'";

# ---- on the primary
my $sums = sums($primary, $range);
like($sums, qr/^t_$_\|vector\|EDIT\|\d+\|\d+\|\d+$/m, "t_$_: records of ours") for qw(flat rabitq);
is( $primary->safe_psql('postgres',
		"SELECT sum(records), sum(bytes), sum(image_bytes) FROM index_wal($range) WHERE resource_manager = 'vector'"),
	$primary->safe_psql('postgres', qq(
		SELECT count, record_size + fpi_size, fpi_size FROM pg_get_wal_stats($range)
		WHERE "resource_manager/record_type" = 'vector')),
	'as many bytes as pg_walinspect counts');
is( $primary->safe_psql('postgres',
		"SELECT lsn, xid, record_type, bytes, image_bytes, description FROM index_wal_records($range)
		WHERE resource_manager = 'vector' ORDER BY 1"),
	$primary->safe_psql('postgres', "SELECT start_lsn, xid, record_type, record_length, fpi_length, description
		FROM pg_get_wal_records_info($range) WHERE resource_manager = 'vector' ORDER BY 1"),
	'and the same records in the same words');
is( $primary->safe_psql('postgres',
		"SELECT count(*) FROM index_wal_records($range) WHERE resource_manager = 'vector'
			AND description !~ (CASE record_type WHEN 'ROW' THEN '^row \\(\\d+,\\d+\\) in slot ' ELSE '^block 0: ' END)"),
	0, 'which tell of each block, or of the row');

# ---- an index that is gone: its own records are known by themselves
$primary->safe_psql('postgres', 'DROP INDEX t_flat');
is( $primary->safe_psql('postgres', "SELECT index IS NULL, record_type, records > 0
		FROM index_wal($range) WHERE resource_manager = 'vector' ORDER BY 1 DESC, 2"),
	"t|EDIT|t\nf|EDIT|t\nf|ROW|t", 'a dropped index has no name and keeps its records');

# ---- other databases have their own
$primary->safe_psql('postgres', 'CREATE DATABASE other');
$primary->safe_psql('other', 'CREATE EXTENSION vector');
is($primary->safe_psql('other', "SELECT count(*) FROM index_wal($range)"), 0, 'nothing of another database');

# ---- on a standby
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is(sums($standby, $range), sums($primary, $range), 'a standby counts the same');
my (undef, undef, $error) = $standby->psql('postgres', "SELECT * FROM index_wal('$start', 'FF/0')");
like($error, qr/ERROR:  WAL position FF\/0 is in the future\nDETAIL:  The WAL is there up to /, 'and knows where its WAL ends');
$standby->stop;

# ---- without the library at start
my $before = sums($primary, $range);
$primary->stop;
$primary->adjust_conf('postgresql.conf', 'shared_preload_libraries', "''");
$primary->start;
is(sums($primary, $range), $before, 'a server that did not load the library counts the same');

# ---- WAL that is damaged: a record in the middle of the range, then the page that the range begins in
sub damage
{
	my ($position) = @_;
	my ($file, $offset) = split /\|/, $primary->safe_psql('postgres', "SELECT file_name, file_offset FROM pg_walfile_name_offset('$position')");
	open my $wal, '+<', $primary->data_dir . "/pg_wal/$file" or die $!;
	seek $wal, $offset, 0;
	print $wal "\xff" x 200;
	close $wal or die $!;
	return;
}
my $middle = $primary->safe_psql('postgres', "SELECT lsn FROM index_wal_records($range) ORDER BY 1 OFFSET 100 LIMIT 1");
damage($middle);
(undef, undef, $error) = $primary->psql('postgres', "SELECT * FROM index_wal($range)");
like($error, qr/ERROR:  could not read WAL at \Q$middle\E\nDETAIL:  .*\Q$middle\E/, 'a damaged record is named');
is( $primary->safe_psql('postgres', "SELECT count(*) FROM index_wal_records('$start', '$middle')"), 100, 'those before it can be read');
my $page = $primary->safe_psql('postgres', "SELECT '0/0'::pg_lsn + floor(('$start'::pg_lsn - '0/0') / 8192) * 8192 + 1");
damage($page);
(undef, undef, $error) = $primary->psql('postgres', "SELECT * FROM index_wal($range)");
like($error, qr/ERROR:  could not read WAL at \Q$start\E/, 'a damaged page, too');

done_testing();
