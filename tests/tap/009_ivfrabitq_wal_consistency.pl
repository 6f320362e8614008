# SPDX-License-Identifier: PostgreSQL
#
# Every kind of page edit of ivfrabitq is replayed by a standby that compares the result with the
# primary's page (wal_consistency_checking); afterwards the files of both are the same, byte by byte,
# and the promoted standby takes rows.
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
	[ 'build', 'CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops, id) WITH (lists = 10);
		CREATE INDEX e_v ON e USING ivfrabitq (v vector_cosine_ops);
		CREATE INDEX m_v ON m USING ivfrabitq (v vector_l2_ops) WITH (lists = 16384);' ],
	[ 'free slots, longer and new slices, extents', 'INSERT INTO t SELECT i, row_of(i) FROM generate_series(2001, 4000) i;
		INSERT INTO e SELECT i, row_of(i) FROM generate_series(1, 3000) i;' ],
	[ 'lists are split', 'VACUUM e;' ],
	[ 'one of many lists is split, and calibrated', 'INSERT INTO m SELECT i, row_of(i % 10) FROM generate_series(501, 2000) i;
		VACUUM m; SELECT ivfrabitq_calibrate(\'m_v\');' ],
	[ 'dead rows: in the middle, at the end, whole pages; the old lists are free', 'DELETE FROM t WHERE id % 3 = 0 OR id > 3000;
		DELETE FROM e WHERE id % 2 = 0; VACUUM (INDEX_CLEANUP ON) t; VACUUM (INDEX_CLEANUP ON) e;' ],
	[ 'free groups', 'INSERT INTO t SELECT i, row_of(i) FROM generate_series(4001, 7000) i;
		INSERT INTO e SELECT i, row_of(i) FROM generate_series(3001, 6000) i; VACUUM e;' ],
	[ 'rolled back', 'BEGIN; INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 500) i; ROLLBACK;
		VACUUM (INDEX_CLEANUP ON) t;' ],);

$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE EXTENSION pg_walinspect;
	CREATE FUNCTION check_index(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE problem record;
		BEGIN
			FOR problem IN SELECT * FROM index_check(index, true, true) LOOP
				RAISE EXCEPTION '%: %', index, problem;
			END LOOP;
			RETURN (SELECT rows FROM index_stats(index));
		END $$;
	CREATE TABLE t (id int, v vector(16));
	CREATE TABLE e (id int, v vector(16));
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	CREATE TABLE m (id int, v vector(16));
	INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 2000) i;
	INSERT INTO m SELECT i, row_of(i) FROM generate_series(1, 500) i;));

# Records of which replay would lock a page before one that readers lock first.
my $out_of_order = q(
	WITH pages AS (
		SELECT pg_relation_filenode(c.oid) AS file, p.block,
			array_position('{centroids,directory,metapage,scan,fine,unused}', p.kind) AS rank
		FROM pg_class c, LATERAL index_pages(c.oid) p WHERE c.relname IN ('t_v', 'e_v', 'm_v')),
	records AS (
		SELECT r.start_lsn, p.rank, lag(p.rank) OVER (PARTITION BY r.start_lsn ORDER BY m[1]::int) AS before
		FROM pg_get_wal_records_info_till_end_of_wal('%s') r,
			regexp_matches(r.block_ref, '#(\d+): rel \d+/\d+/(\d+) fork main blk (\d+)', 'g') m
		JOIN pages p ON p.file = m[2]::oid AND p.block = m[3]::bigint)
	SELECT count(*) FILTER (WHERE before > rank), count(*) FILTER (WHERE before < rank) > 100 FROM records;);

for my $step (@steps)
{
	my ($what, $sql) = @$step;
	my $lsn = $primary->lsn('insert');
	$primary->safe_psql('postgres', $sql);
	is($primary->safe_psql('postgres', sprintf($out_of_order, $lsn)), '0|t', "$what: pages are locked in order")
	  if $what =~ /slots|split|free groups/;
	is($primary->safe_psql('postgres', "SELECT check_index('$_') - count(*) FROM " . substr($_, 0, 1)),
		'0', "$what: $_ is sound")
	  for qw(t_v e_v m_v);
	$primary->safe_psql('postgres', 'CHECKPOINT;');    # full-page images in the next step
	$primary->wait_for_catchup($standby);
	pass("replayed and compared: $what");
}

my @files = map { $primary->safe_psql('postgres', "SELECT pg_relation_filepath('$_');") } qw(t_v e_v m_v);
$standby->safe_psql('postgres', 'CHECKPOINT;');
$primary->stop;
$standby->stop;
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC/, 'no inconsistent page');
is(compare($primary->data_dir . "/$_", $standby->data_dir . "/$_"), 0, "same bytes in $_") for @files;

$standby->start;
$standby->promote;
is( $standby->safe_psql(
		'postgres', q(
		INSERT INTO t SELECT i, row_of(i) FROM generate_series(7001, 8000) i;
		SELECT check_index('t_v') - count(*) FROM t;)),
	'0', 'the promoted standby takes rows');

$standby->stop;
done_testing();
