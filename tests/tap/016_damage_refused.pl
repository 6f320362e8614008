# SPDX-License-Identifier: PostgreSQL
#
# Damage that statements once followed: out of the file, in rings, to rows twice, to a row that must
# not come, past a page's end. Each is an error that names the index, or does not matter.
# tests/campaign/corrupt.py does the same at random.
use strict;
use warnings;
use lib (__FILE__ =~ s{[^/]*$}{../lib}r);
use DamagedIndex;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $rows = 1000;
my $node = PostgreSQL::Test::Cluster->new('refused');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nstatement_timeout = 20s\nfsync = off");
$node->start;
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 103)::int)::vector FROM generate_series(1, 48) k';));
my %definition = (
	flat  => 'ivfflat (v vector_l2_ops) WITH (lists = 2)',
	codes => 'ivfrabitq (v vector_l2_ops, kind) WITH (lists = 2)');
my %copies = (flat => 0, codes => 0);

# A table with an index that has pages in chains and free slots; another of the same name and number has
# the same pages.
sub make
{
	my ($name) = @_;
	my $table = $name . '_' . $copies{$name}++;
	$node->safe_psql(
		'postgres', qq(
		CREATE TABLE $table (id int, kind int, v vector(48));
		INSERT INTO $table SELECT i, i % 5, row_of(i) FROM generate_series(1, 300) i;
		CREATE INDEX ${table}_v ON $table USING $definition{$name};
		INSERT INTO $table SELECT i, i % 5, row_of(i) FROM generate_series(301, $rows) i;
		DELETE FROM $table WHERE id % 10 = 0;));
	$node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) $table;");
	return $table;
}

sub file_of
{
	my ($table) = @_;
	return $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('${table}_v')");
}

sub write_file
{
	my ($path, $bytes) = @_;
	open(my $file, '>:raw', $path) or die "$path: $!";
	print $file $bytes;
	close($file) or die "$path: $!";
}

my %sample = map { $_ => make($_) } sort keys %definition;
$node->safe_psql('postgres', 'CHECKPOINT;');
my %sound = map {
	$_ => DamagedIndex->new($_ eq 'flat' ? 'ivfflat' : 'ivfrabitq', slurp_file(file_of($sample{$_})))
} keys %definition;

# ---- statements; T is the case's table

my $settings = 'SET enable_seqscan = off; SET enable_sort = off; SET ivfflat.probes = 2; SET ivfrabitq.recall_target = 1;';
my $select   = "$settings SELECT count(*), count(DISTINCT id) FROM (SELECT id FROM T ORDER BY v <-> row_of(7)) x;";
my $all      = '900|900';
my $insert   = 'INSERT INTO T SELECT 2000 + i, 1, row_of(2000 + i) FROM generate_series(1, 300) i;';
my $vacuum   = 'DELETE FROM T WHERE id % 7 = 1; VACUUM (INDEX_CLEANUP ON) T;';

my @cases;

# damaged(NAME, WHAT, STATEMENTS, EXPECTED, CHANGE): EXPECTED is what an error says, or the output.
sub damaged
{
	my ($name, $what, $sql, $expected, $change, $map) = @_;
	my $table = make($name);
	$sql =~ s/\bT(?=\b|_v)/$table/g;
	my $copy = $sound{$name}->copy;
	$change->($copy);
	push @cases, { table => $table, file => file_of($table), what => "$name: $what", sql => $sql, expected => $expected, bytes => $copy->{bytes}, map => $map };
}

# A map that has every page of the file, and some behind it, as one with room: its three levels, all ones.
my $lying_map = join('', map { my $page = $_; pack('x12SSSSx4', 24, 8192, 8192, 8196) . "\xff" x (8192 - 24) } 1 .. 3);

# ---- ivfflat

{
	my $f    = $sound{flat};
	my $meta = $f->{meta};
	my ($head, $tail) = map { $f->list_get(0, $_) } qw(head tail);
	my $live = (grep { unpack('x4S', $f->tid($head, $_)) } 0 .. 30)[0];
	my $free = $f->list_get(0, 'free');
	my $capacity = $meta->{row_capacity};
	my $count = $f->get('rows', $free, 'count');
	my $full = sub {    # rows to the page's end, and yet a free slot
		my ($i) = @_;
		$i->set_tid($free, $_, DamagedIndex::tid_of('(0,1)')) for 0 .. $capacity - 1;
		$i->set('rows', $free, 'count', $capacity)->set('rows', $free, 'dead', 1)
		  ->set('page', $free, 'lower', $meta->{rows_offset} + $capacity * $meta->{row_bytes});
	};

	damaged('flat', 'an empty file', $select, qr/"flat_\d+_v" is corrupted: it has no block 0/, sub { $_[0]{bytes} = '' });
	damaged('flat', 'the end of the file is gone', $select, qr/at block 0: the file is too short/,
		sub { $_[0]{bytes} = substr($_[0]{bytes}, 0, 2 * $DamagedIndex::PAGE) });
	damaged('flat', 'a row beyond the table', $select, qr/is corrupted: a row leads to block 99999/,
		sub { $_[0]->set_tid($head, $live, DamagedIndex::tid_of('(99999,1)')) });
	damaged('flat', 'a link behind the end', $select, qr/at block $head: a link leads out of the row pages/,
		sub { $_[0]->set('rows', $head, 'next', 100663295) });
	damaged('flat', 'a row twice', "$select SELECT kind FROM index_check('T_v', true) ORDER BY 1;", "899|899\nduplicate row\nmissing row",
		sub { $_[0]->set_tid($head, $live, $_[0]->tid($tail, 0)) });
	damaged('flat', 'more free slots than there are', $insert, qr/at block $free: free slots are miscounted/, $full);
	damaged('flat', 'a row behind the last', $insert, qr/at block $free: free slots are miscounted/,
		sub { $_[0]->set('rows', $free, 'count', $count - 1)->set('rows', $free, 'dead', 0)
			->set('page', $free, 'lower', $meta->{rows_offset} + ($count - 1) * $meta->{row_bytes}) });
	damaged('flat', 'fewer free slots than there are', $vacuum, qr/at block $free: free slots are miscounted/,
		sub { $_[0]->set('rows', $free, 'dead', 0) });
	damaged('flat', 'other dimensions', $select, qr/at block 0: dimensions are not the column's/,
		sub { $_[0]->bytes_at(0, 36, pack('L', 47)) });
	damaged('flat', 'a directory page that ends early', $insert, qr/not the directory page expected here/,
		sub { $_[0]->set('page', $meta->{first_directory}, 'lower', 32) });
	my ($open) = grep { $f->get('rows', $_, 'count') < $capacity } $meta->{first_rows} .. $f->blocks - 1;
	damaged('flat', 'no room on a page', $insert, qr/"flat_\d+_v" has no valid page header in block $open/, sub {
			$_[0]->set('page', $open, 'upper', $_[0]->get('page', $open, 'lower')) });
	damaged('flat', 'a map that lies', "$insert $select", '1200|1200', sub { }, $lying_map);
}

# ---- ivfrabitq

{
	my $c    = $sound{codes};
	my $meta = $c->{meta};
	my ($directory, $centroids) = @$meta{qw(first_directory first_centroids)};
	my ($head, $slice) = map { $c->list_get(0, $_) } qw(head head_slice);
	my ($tail, $last)  = map { $c->list_get(0, $_) } qw(tail tail_slice);
	my ($free, $open)  = map { $c->list_get(0, $_) } qw(free free_slice);
	my ($first, $second) = map {
		my ($block, $number) = @$_;
		my $slot = 32 * $c->slice_get($block, $number, 'first_group');
		(grep { unpack('x4S', $c->tid($block, $_)) } $slot .. $slot + 31)[0]
	} [ $head, $slice ], [ $tail, $last ];
	my $link = sub { my (%values) = @_; return sub { $_[0]->slice_set($tail, $last, %values) } };

	damaged('codes', 'an empty file', $select, qr/"codes_\d+_v" is corrupted: it has no block 0/, sub { $_[0]{bytes} = '' });
	damaged('codes', 'a link behind the end', $select, qr/is corrupted: it has no block 4294967294/, $link->(next => 0xfffffffe, next_slice => 0));
	damaged('codes', 'slices in a ring', $select, qr/the slices of a list form a ring/, $link->(next => $head, next_slice => $slice));
	damaged('codes', 'a row beyond the table', $select, qr/is corrupted: a row leads to block 99999/,
		sub { $_[0]->set_tid($head, $first, DamagedIndex::tid_of('(99999,1)')) });
	damaged('codes', 'a row twice', "$select SELECT kind FROM index_check('T_v', true) ORDER BY 1;", "899|899\nduplicate row\nmissing row",
		sub { $_[0]->set_tid($head, $first, $_[0]->tid($tail, $second)) });
	damaged('codes', 'a row of another kind', "$settings SELECT count(*) FROM (SELECT FROM T WHERE kind = 77 ORDER BY v <-> row_of(7) LIMIT 9) x;", '0',
		sub { $_[0]->bytes_at($head, $_[0]->group_offset($first) + $meta->{filter_offset} + 4 * $_, pack('L', 77)) for 0 .. 31 });
	damaged('codes', 'no distances', $insert, qr/no list has a distance to the row/,
		sub { $_[0]->bytes_at($centroids, 320, pack('L', 0x7f800000) x 64) });
	damaged('codes', 'a mean of anything', "$settings SELECT bool_and(sorted) FROM (SELECT d >= lag(d) OVER () AS sorted FROM (
		SELECT v <-> row_of(7) AS d FROM T ORDER BY v <-> row_of(7) LIMIT 100) x) y;", 't',
		sub { $_[0]->bytes_at($meta->{first_mean}, 24, pack('f', 3e37) x 64) });
	damaged('codes', 'a row behind the last', $insert, qr/free slots are miscounted/,
		sub { $_[0]->slice_set($free, $open, count => 1, dead => 0) });
	damaged('codes', 'fewer free slots than there are', $vacuum, qr/free slots are miscounted/,
		sub { $_[0]->slice_set($free, $open, dead => $_[0]->slice_get($free, $open, 'dead') - 1) });
	damaged('codes', 'other dimensions', $select, qr/at block 0: dimensions are not the column's/,
		sub { $_[0]->bytes_at(0, 36, pack('L', 47)) });
	damaged('codes', 'a list to be born', $select, qr/at block $directory: a list is of a version to come/, sub { $_[0]->list_set(1, born => 99) });
	damaged('codes', 'more pages than the file has', $select, qr/at block 0: the file is too short/,
		sub { $_[0]->set('meta', 0, 'scan_pages', 0x7fffffff) });
	damaged('codes', 'a metapage that ends early', 'SELECT ivfrabitq_calibrate(\'T_v\');', qr/at block 0: not a metapage/, sub { $_[0]->set('page', 0, 'lower', 100) });
	damaged('codes', 'a directory page that ends early', $insert, qr/not the directory page expected here/,
		sub { $_[0]->set('page', $directory, 'lower', 32) });
	damaged('codes', 'a scan page that ends early', $insert, qr/end of a scan page is out of range/, sub { $_[0]->set('page', $free, 'lower', 600) });
	damaged('codes', 'fine codes of another page', $select, qr/a link leads out of the fine pages/, sub { $_[0]->set('scan', $head, 'fine_slot', 1) });
	my $end = $c->{meta}{first_scan} + $c->{meta}{scan_pages} + $c->{meta}{fine_pages};
	damaged('codes', 'no room on fine pages', $insert, qr/"codes_\d+_v" has no valid page header in block \d+/, sub {
			my ($index) = @_;
			for my $block ($end - $c->{meta}{fine_pages} .. $index->blocks - 1)
			{
				$index->set('page', $block, 'upper', $index->get('page', $block, 'lower'))
				  if $index->get('page', $block, 'kind') == $index->get('page', $end - 1, 'kind');
			} });
	damaged('codes', 'a map that lies', "$insert $select", '1200|1200', sub { }, $lying_map);
}

$node->safe_psql('postgres', 'CHECKPOINT;');
$node->stop;
for my $case (@cases)
{
	write_file($case->{file}, $case->{bytes});
	write_file("$case->{file}_fsm", $case->{map}) if $case->{map};
}
$node->start;
for my $case (@cases)
{
	my ($out, $err);
	$node->psql('postgres', $case->{sql}, stdout => \$out, stderr => \$err);
	if (ref $case->{expected})
	{
		like($err, $case->{expected}, $case->{what});
		like($err, qr/HINT:  Please REINDEX it\./, "$case->{what}: hint");
	}
	else
	{
		is($err, '', "$case->{what}: no error");
		is($out, $case->{expected}, $case->{what});
	}
	$node->safe_psql('postgres', "REINDEX INDEX $case->{table}_v;");
	is($node->safe_psql('postgres', "SELECT * FROM index_check('$case->{table}_v', true, true);"), '', "$case->{what}: cured");
}
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');

$node->stop;
done_testing();
