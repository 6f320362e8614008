# SPDX-License-Identifier: PostgreSQL
#
# Pages of an ivfrabitq index that are not what they should be: inserts and vacuum tell so, with a
# hint, and do not crash; pages that a crash left unused are used again.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page = 8192;
my $node = PostgreSQL::Test::Cluster->new('damaged');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
# 64 dimensions: block 0 metapage, 1 mean, 2 centroids (128 places: 36 tiles, 2 pages), 4 directory,
# 5 and on scan pages
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION check_index(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE problem record;
		BEGIN
			FOR problem IN SELECT * FROM index_check(index, true, true) LOOP
				RAISE EXCEPTION '%: %', index, problem;
			END LOOP;
			RETURN (SELECT rows FROM index_stats(index));
		END $$;
	CREATE TABLE t (id int, v vector(64));
	INSERT INTO t SELECT i, array_fill(i % 2, ARRAY[64]) FROM generate_series(1, 100) i;
	CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops) WITH (lists = 1);
	CHECKPOINT;));
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
my $sound = slurp_file($path);

# where things are, from the metapage: after magic, version, element, metric
sub meta_field { return unpack('L', substr($sound, 24 + $_[0], 4)) }
my ($groups, $group_bytes, $groups_offset, $tids_offset) = map { meta_field(24 + 4 * $_) } 0 .. 3;
my %kind = map { unpack('S', substr($sound, $_ * $page + 8188, 2)) => $_ } reverse 0 .. length($sound) / $page - 1;
my ($centroids, $directory, $scan, $fine) = @kind{ 3, 4, 5, 6 };

# Writes the file with a change, runs the statement, gives stdout and stderr.
sub with_file
{
	my ($bytes, $sql) = @_;
	$node->stop;
	open(my $file, '>:raw', $path) or die "$path: $!";
	print $file $bytes;
	close($file);
	$node->start;
	my ($out, $err);
	$node->psql('postgres', $sql, stdout => \$out, stderr => \$err);
	return ($out, $err);
}

# The sound file with some bytes replaced.
sub changed
{
	my ($block, $offset, $bytes) = @_;
	my $copy = $sound;
	substr($copy, $block * $page + $offset, length($bytes)) = $bytes;
	return $copy;
}

my $insert = "INSERT INTO t SELECT 0, array_fill(1, ARRAY[64]);";
my $vacuum = "VACUUM (INDEX_CLEANUP ON) t;";
my $entry  = 32;                                     # in the directory page
my $slice  = 40;                                     # in the scan page

my @cases = (
	[ 'no centroids', $centroids, 8188, pack('S', 9), $insert, qr/not a page of centroids/ ],
	[ 'directory of other lists', $directory, 24, pack('L', 7), $insert, qr/not the directory page expected here/ ],
	[ 'free chain out of the scan pages', $directory, $entry + 24, pack('L', 1), $insert, qr/a link leads out of the scan pages/ ],
	[ 'slice of another list', $scan, $slice, pack('L', 3), $insert, qr/slice belongs to another list/ ],
	[ 'more rows than slots', $scan, $slice + 6, pack('S', 9999), $insert, qr/counts of a slice are out of range/ ],
	[ 'not a scan page', $scan, 8188, pack('S', 1), $insert, qr/not a scan page/ ],
	[ 'fine pages elsewhere', $scan, 24, pack('L', 1), $insert, qr/a link leads out of the fine pages/ ],
	[ 'not a fine page', $fine, 8188, pack('S', 1), $insert, qr/not a fine page/ ],
	[ 'run out of the scan pages', $directory, $entry, pack('LL', 1, 1), $vacuum, qr/a run lies outside the scan pages/ ],
	[ 'chain out of the scan pages', $directory, $entry + 8, pack('L', 1), $vacuum, qr/a link leads out of the scan pages/ ],
	[ 'end of the page', $scan, 12, pack('S', $groups_offset), $vacuum, qr/end of a scan page is out of range/ ],
	[ 'slice of no list', $scan, $slice, pack('L', 99999), $vacuum, qr/counts of a slice are out of range/ ],
	[ 'too few groups', $scan, $slice + 5, pack('C', 1), $vacuum, qr/counts of a slice|slices do not fill the groups/ ],
	[ 'miscounted free slots', $scan, $slice + 8, pack('S', 1), $insert, qr/free slots are miscounted/ ],
	[ 'head not in the chain', $scan, $slice + 10, pack('S', 0), $insert, qr/a slice of the free chain is not marked as such/ ],);

for my $case (@cases)
{
	my ($what, $block, $offset, $bytes, $sql, $expected) = @$case;
	my ($out, $err) = with_file(changed($block, $offset, $bytes), $sql);
	like($err, $expected, $what);
	like($err, qr/HINT:  Please REINDEX it\./, "$what: hint");
}

# an extent that was added to the file and never linked: vacuum finds it, an insert uses it
{
	my ($out, $err) = with_file(
		$sound . ("\0" x ($page * 16)),
		"DELETE FROM t WHERE id = 1;
		$vacuum
		CREATE TABLE before AS SELECT pg_relation_size('t_v') AS bytes;
		INSERT INTO t SELECT 1000 + i, array_fill(i % 2, ARRAY[64]) FROM generate_series(1, 600) i;
		SELECT pg_relation_size('t_v') - bytes FROM before;
		SELECT check_index('t_v') - count(*) FROM t;");
	is($out, "0\n0", 'unused pages are used again') or diag($err);
}

# a list that a split left frozen takes rows again, though it is the only one
{
	$node->safe_psql('postgres', 'REINDEX INDEX t_v; CHECKPOINT;');
	$path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
	$sound = slurp_file($path);
	my ($out, $err) = with_file(changed($directory, $entry + 36, pack('L', 1)),
		"$insert SELECT check_index('t_v') - count(*) FROM t;");
	is($out, '0', 'a frozen list is thawed') or diag($err);
}

# a split that failed in its midst: every slice is still in the free chain and marked so, or neither
{
	$node->safe_psql(
		'postgres', q(
		CREATE TABLE s (id int, v vector(64));
		CREATE INDEX s_v ON s USING ivfrabitq (v vector_l2_ops);
		INSERT INTO s SELECT i, array_fill(i, ARRAY[64]) FROM generate_series(1, 2000) i;
		CHECKPOINT;));
	$path  = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('s_v')");
	$sound = slurp_file($path);
	my ($block, $number) = unpack('LL', substr($sound, $directory * $page + $entry + 8, 8));
	my $next = $slice + 28 * $number + 12;
	my ($out, $err) = with_file(
		changed($block, $next, pack('L', 1)),
		"DELETE FROM s WHERE id % 3 = 0; VACUUM (INDEX_CLEANUP ON) s;");
	like($err, qr/a link leads out of the scan pages/, 'a split fails');

	my $link = substr($sound, $block * $page + $next, 4);
	$node->stop;
	$sound = slurp_file($path);
	my $every = "SELECT * FROM index_check('s_v', true, true);";
	($out, $err) = with_file(changed($block, $next, $link), "$every INSERT INTO s SELECT * FROM s LIMIT 1; $every");
	is($out . $err, '', 'what it leaves is sound');
	$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) s;');
	is($node->safe_psql('postgres', $every), '', 'and can be split');
}

$node->stop;
done_testing();
