# SPDX-License-Identifier: PostgreSQL
#
# Index files that are not what they should be: pgvector's format, a later version, damaged pages, a
# page that a crash left zeroed. Each is a clear error with a hint, or is mended; none crashes.
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
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE TABLE t (id int, v vector(128));
	INSERT INTO t SELECT i, array_fill(i, ARRAY[128]) FROM generate_series(1, 300) i;
	CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 3);
	CHECKPOINT;));
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
my $sound = slurp_file($path);
my $query = "SET enable_seqscan = off; SET ivfflat.probes = 3;
	SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> array_fill(1, ARRAY[128])::vector) s;";

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

# blocks: 0 metapage, 1 centroids, 2 directory, 3 and on rows
my @cases = (
	[ "pgvector's format", 0, 24, pack('L', 0x14FF1A7), qr/index "t_v" has the ivfflat format of pgvector/ ],
	[ 'another magic number', 0, 24, pack('L', 42), qr/index "t_v" is not a valid ivfflat index.*0000002A, expected/s ],
	[ 'a later version', 0, 28, pack('L', 9), qr/ivfflat format version 9, this library reads version 1/ ],
	[ 'another metric', 0, 34, pack('S', 2), qr/corrupted at block 0: element type or metric/ ],
	[ 'no lists', 0, 40, pack('L', 0), qr/corrupted at block 0: dimensions or lists out of range/ ],
	[ 'another layout', 0, 48, pack('L', 99), qr/corrupted at block 0: page layout does not follow/ ],
	[ 'centroid page of another list', 1, 24, pack('L', 7), qr/corrupted at block 1: not the centroid page/ ],
	[ 'directory page of other size', 2, 28, pack('L', 2), qr/corrupted at block 2: not the directory page/ ],
	[ 'run beyond the end', 2, 36, pack('L', 100000), qr/corrupted at block 2: a link leads out/ ],
	[ 'run in the metapage', 2, 32, pack('L', 0), qr/corrupted at block 2: a link leads out/ ],
	[ 'run without end', 2, 36, pack('L', 0xFFFFFFFE), qr/corrupted at block 2: a run of row pages is too long/ ],
	[ 'chain out of the file', 2, 40, pack('L', 100000), qr/corrupted at block \d+: a link leads out/ ],
	[ 'row page of another list', 3, 24, pack('L', 2), qr/corrupted at block 3: row page belongs to another list/ ],
	[ 'too many rows', 3, 28, pack('S', 999), qr/corrupted at block 3: counts of a row page/ ],
	[ 'more dead than rows', 3, 30, pack('S', 999), qr/corrupted at block 3: counts of a row page/ ],
	[ 'not a row page', 3, 8188, pack('S', 2), qr/corrupted at block 3: not a row page/ ],);

for my $case (@cases)
{
	my ($what, $block, $offset, $bytes, $expected) = @$case;
	my ($out, $err) = with_file(changed($block, $offset, $bytes), $query);
	like($err, $expected, $what);
	like($err, qr/HINT:  Please REINDEX it\./, "$what: hint");
}

# a chain that comes back to itself: the run's last page, made the chain's only one
{
	my $last = length($sound) / $page - 1;
	my $ring = changed(2, 32 + 2 * 24 + 8, pack('LL', $last, $last));    # list 2: chain_head, chain_tail
	substr($ring, $last * $page + 24 + 8, 4) = pack('L', $last);
	my ($out, $err) = with_file($ring, $query);
	like($err, qr/the pages of a list form a ring/, 'ring of pages');
}

# cut short
{
	my ($out, $err) = with_file(substr($sound, 0, 5 * $page), $query);
	like($err, qr/a link leads out|could not read block/, 'truncated file');
}

# and REINDEX is indeed the way out
my ($out, $err) = with_file(changed(0, 24, pack('L', 0x14FF1A7)), "REINDEX INDEX t_v; $query");
is($out, '300', 'REINDEX mends it');

# a page that was added to the file and never linked: vacuum finds it, an insert uses it
$node->safe_psql('postgres', 'CHECKPOINT');
$path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
($out, $err) = with_file(
	slurp_file($path) . ("\0" x $page),
	"CREATE TABLE before AS SELECT pg_relation_size('t_v') AS bytes;
	DELETE FROM t WHERE id = 1;
	VACUUM (INDEX_CLEANUP ON) t;
	INSERT INTO t SELECT 1000 + i, array_fill(300, ARRAY[128]) FROM generate_series(1, 15) i;
	SELECT pg_relation_size('t_v') - bytes FROM before;
	$query");
is($out, "0\n314", 'a zeroed page is used again');

$node->stop;
done_testing();
