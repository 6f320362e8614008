# SPDX-License-Identifier: PostgreSQL
#
# An index of many lists whose blocks' centres, or what calibration found of them, are damaged:
# searches and inserts fail with an error that names the block, or do not mind; index_check() tells.
use strict;
use warnings;
use lib (__FILE__ =~ s{[^/]*$}{../lib}r);
use DamagedIndex;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('many');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nstatement_timeout = 60s");
$node->start;
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg(sin(i * (k + 3) * 7.919))::vector FROM generate_series(1, 8) k';
	CREATE TABLE t (id int, v vector(8));
	INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 500) i;
	SET client_min_messages = error; -- more lists than rows
	CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops) WITH (lists = 16384);
	CREATE INDEX p_v ON t USING ivfrabitq (v vector_ip_ops) WITH (lists = 16384);));

my $search = q(SET enable_seqscan = off; SELECT id FROM t ORDER BY v <-> row_of(7) LIMIT 3;);
my $other  = q(SET enable_seqscan = off; SELECT count(*) FROM (SELECT id FROM t ORDER BY v <#> row_of(7) LIMIT 3) s;);
my $all    = 'SET ivfrabitq.recall_target = 1;' . $search;
my $insert = 'BEGIN; INSERT INTO t SELECT 7, row_of(7); ROLLBACK;';
my $answer = $node->safe_psql('postgres', $all);
like($answer, qr/^7\n/, 'a row finds itself');
is($node->safe_psql('postgres', $search), $answer, 'a search that chooses blocks finds the same');

sub buffers
{
	my ($sql) = @_;
	my $plan = $node->safe_psql('postgres', $sql =~ s/SELECT/EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT/r);
	return $plan =~ /"Shared Hit Blocks": (\d+)/ ? $1 : die $plan;
}
$node->safe_psql('postgres', $_) for $search, $all; # what is kept per index is read
cmp_ok(buffers($search) * 2, '<', buffers($all), 'it reads few of the centroids');

$node->stop;
my %path = map { my $p = $_; $node->start; my $f = $node->safe_psql('postgres', "SELECT pg_relation_filepath('$p')");
	$node->stop; $p => $node->data_dir . "/$f" } qw(t_v p_v);
my %sound = map { $_ => DamagedIndex->new('ivfrabitq', slurp_file($path{$_})) } keys %path;
my $centres = $sound{t_v}{meta}{first_block_centres};
my @tiles   = map { 64 + 256 * $_ } 0 .. 30;
my $any     = qr/^(?:\d+\n?)*$/;

sub each_index { my ($change) = @_; return map { $_ => $change->($sound{$_}->copy) } keys %sound }

my $no_page = qr/corrupted at block $centres: not a page of centroids/;
my @cases = (
	[ 'of another kind', sub { $_[0]->set('page', $centres, 'kind', 4) }, $no_page, qr/\|page\|.*another kind/ ],
	[ 'of zeroes', sub { $_[0]->bytes_at($centres, 0, "\0" x $DamagedIndex::PAGE) }, $no_page, qr/\|page\|/ ],
	[ 'scale no number', sub { $_[0]->bytes_at($centres, $tiles[0], pack('f', 'nan') x 64) }, undef, qr/\|centroid\|the centre of block 0: the scale/ ],
	[ 'scale infinite', sub { $_[0]->bytes_at($centres, $tiles[0], pack('f', 9**9**9) x 64) }, undef, qr/\|centroid\|the centre of block 0: the scale/ ],
	[ 'length no number', sub { $_[0]->bytes_at($centres, $tiles[1], pack('f', 'nan') x 64) }, undef, qr/\|centroid\|the centre of block 0: the length/ ],
	[ 'length below', sub { $_[0]->bytes_at($centres, $tiles[1], pack('f', -1e38) x 64) }, undef, qr/\|centroid\|the centre of block 0: the length/ ],
	[ 'beams that narrow', sub { $_[0]->set('meta', 0, 'beams', 1 << 31) }, qr/corrupted at block 0: calibration out of range/, qr/calibration out of range/ ],
	[ 'beams of no width', sub { $_[0]->set('meta', 0, 'beams', 0) }, qr/corrupted at block 0: calibration out of range/, qr/calibration out of range/ ],
	[ 'beams wider than the index', sub { $_[0]->bytes_at(0, 768, pack('L4', (1 << 31) x 4)) }, undef, qr/^$/ ],
	[ 'centres elsewhere', sub { $_[0]->set('meta', 0, 'first_block_centres', 1) }, qr/corrupted at block 0: page layout/, qr/layout/ ],);

for my $case (@cases)
{
	my ($what, $change, $error, $problem) = @$case;
	my %damaged = each_index($change);
	for my $name (keys %damaged)
	{
		open(my $file, '>:raw', $path{$name}) or die "$path{$name}: $!";
		print $file $damaged{$name}{bytes};
		close($file);
	}
	$node->start;
	for my $statement ($search, $other, $insert)
	{
		my ($out, $err);
		$node->psql('postgres', $statement, stdout => \$out, stderr => \$err);
		if (defined $error) { like($err, $error, "$what: refused") }
		else { is($err, '', "$what: no error"); like($out, $any, "$what: rows") }
	}
	is($node->safe_psql('postgres', $all), $answer, "$what: exact search") if !defined $error;
	like($node->safe_psql('postgres', "SELECT list, kind, detail FROM index_check('t_v')"), $problem, "$what: told");
	$node->stop;
}

done_testing();
