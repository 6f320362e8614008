# SPDX-License-Identifier: PostgreSQL
#
# index_check() finds damage of every kind, and tells that kind and no other: each case is a copy of
# a sound index with one thing changed in its file.
use strict;
use warnings;
use lib (__FILE__ =~ s{[^/]*$}{../lib}r);
use DamagedIndex;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('checked');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 64MB");
$node->start;

# Every case has an index of its own, whose file it becomes. They are made when the table is empty, and
# kept from rows and vacuum while that is filled.
my %copies = (flat => 60, part => 1, codes => 70, cpart => 1, spilled => 1);

# Row 1001 is not indexed; rows 5 and 7 have a later version on the same page (updates of `note`),
# those with id % 10 = 0 are gone. only_odd() is for rows that the predicate keeps.
my %definition = (
	flat    => 'ivfflat (v vector_l2_ops) WITH (lists = 5)',
	part    => 'ivfflat ((only_odd(id, v)::vector(16)) vector_l2_ops) WITH (lists = 2) WHERE id % 2 = 1',
	codes   => 'ivfrabitq (v vector_l2_ops, category, word) WITH (lists = 6)',
	cpart   => 'ivfrabitq ((only_odd(id, v)::vector(16)) vector_l2_ops) WITH (lists = 2) WHERE id % 2 = 1',
	spilled => 'ivfrabitq (v vector_l2_ops) WITH (lists = 6, spill = 0.3)',);
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	CREATE FUNCTION only_odd(id int, v vector) RETURNS vector LANGUAGE plpgsql IMMUTABLE AS $$
		BEGIN IF id % 2 <> 1 THEN RAISE 'row % is even', id; END IF; RETURN v; END $$;
	CREATE TABLE t (id int, category int, word text, note int, v vector(16));
	SET client_min_messages = error;)
	  . join('', map {
			my $index = $_;
			map { "CREATE INDEX ${index}_$_ ON t USING $definition{$index};\n" } 1 .. $copies{$index}
		} sort keys %definition)
	  . q(UPDATE pg_index SET indisready = false WHERE indrelid = 't'::regclass;
	INSERT INTO t SELECT i, nullif(i % 10, 3), 'w' || i % 7, 0, row_of(i) FROM generate_series(1, 1000) i;)
	  . join('', map { "CREATE INDEX $_ ON t USING $definition{$_};\n" } sort keys %definition)
	  . q(INSERT INTO t VALUES (1001, 1, 'x', 0, NULL);
	INSERT INTO t SELECT i, i % 10, 'w' || i % 7, 0, row_of(i) FROM generate_series(1002, 2500) i;
	CREATE TABLE gone AS SELECT ctid AS tid FROM t WHERE id = 990;
	DELETE FROM t WHERE id % 10 = 0;));
$node->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) t;');
$node->safe_psql('postgres', 'UPDATE t SET note = 1 WHERE id IN (5, 7);');
is( $node->safe_psql(
		'postgres', "SELECT c.relname, p.* FROM pg_class c, LATERAL index_check(c.oid, true, true) p
		WHERE c.relname IN ('" . join("','", sort keys %definition) . "');"),
	'', 'sound indexes');

sub value { return $node->safe_psql('postgres', "SELECT $_[0]") }
my %tid = map { $_ => DamagedIndex::tid_of(value("ctid FROM t WHERE id = $_")) } (5, 8, 1001);
$tid{gone}   = DamagedIndex::tid_of(value('tid FROM gone'));
$tid{behind} = DamagedIndex::tid_of("(99999,1)");
my %path = map { $_ => $node->data_dir . '/' . value("pg_relation_filepath('$_')") } keys %definition;
$node->safe_psql('postgres', 'CHECKPOINT;');
$node->stop;
my %sound = map {
	$_ => DamagedIndex->new($definition{$_} =~ /ivfflat/ ? 'ivfflat' : 'ivfrabitq', slurp_file($path{$_}))
} keys %definition;
$node->start;

# A case: index, kinds that are expected, what a detail says, the damage; the last two arguments of
# index_check() are true if they are named in `options`.
my @cases;

sub damage
{
	my ($index, $kinds, $detail, $change, $options) = @_;
	my $copy = $sound{$index}->copy;
	$change->($copy);
	die "no copy of $index is left" if --$copies{$index} < 0;
	push @cases, { index => $index, copy => $index . '_' . ($copies{$index} + 1), kinds => $kinds, detail => $detail, bytes => $copy->{bytes}, options => $options // '' };
}

# ---- ivfflat

{
	my $f    = $sound{flat};
	my $meta = $f->{meta};
	my ($centroids, $directory, $first) = @$meta{qw(first_centroids first_directory first_rows)};
	my $end = $f->blocks;

	# a list with pages in its chain, and one of its pages with a dead slot and rows
	my $list = (grep { $f->list_get($_, 'head') != $f->list_get($_, 'tail') } 0 .. $meta->{lists} - 1)[0];
	my ($run, $head, $tail) = map { $f->list_get($list, $_) } qw(run_start head tail);
	my $other = (grep { $_ != $list } 0 .. $meta->{lists} - 1)[0];
	my $before = $head;
	$before = $f->get('rows', $before, 'next') while $f->get('rows', $before, 'next') != $tail;
	my $slot = (grep { unpack('x4S', $f->tid($head, $_)) } 0 .. 115)[0];
	my $dead = (grep { !unpack('x4S', $f->tid($head, $_)) } 0 .. $f->get('rows', $head, 'count') - 1)[0];
	my $free_end = $f->list_get($list, 'free');
	$free_end = $f->get('rows', $free_end, 'next_free') while $f->get('rows', $free_end, 'next_free') != $DamagedIndex::INVALID;
	my $count = $f->get('rows', $tail, 'count');

	# adds a row at the end of the list's last page
	my $append = sub {
		my ($i, $tid, $vector) = @_;
		return $i->set('rows', $tail, 'count', $count + 1)->set_tid($tail, $count, $tid)
		  ->set('page', $tail, 'lower', $meta->{rows_offset} + ($count + 1) * 64)
		  ->bytes_at($tail, $meta->{rows_offset} + $count * 64, $vector // "\0" x 64);
	};
	my $flat = sub {
		my ($kinds, $detail, $change, $options) = @_;
		damage('flat', $kinds, $detail, $change, $options);
	};
	# one field
	my $field = sub {
		my ($kinds, $detail, @set) = @_;
		$flat->($kinds, $detail, sub { $_[0]->set(@set) });
	};
	my $entry = sub {
		my ($kinds, $detail, %values) = @_;
		$flat->($kinds, $detail, sub { $_[0]->list_set($list, %values) });
	};

	$field->('metapage', qr/not a valid ivfflat index/, 'meta', 0, 'magic', 7);
	$field->('metapage', qr/version/, 'meta', 0, 'format', 99);
	$field->('metapage', qr/out of range/, 'meta', 0, 'lists', 0);
	$field->('metapage', qr/the page has flags/, 'page', 0, 'flags', 4);
	$field->('metapage', qr/reserved bytes/, 'page', 0, 'reserved', 1);
	$field->('metapage', qr/end of the page's content/, 'page', 0, 'lower', 60);
	$flat->('metapage', qr/too short|the file ends/, sub { $_[0]{bytes} = substr($_[0]{bytes}, 0, 2 * $DamagedIndex::PAGE) });
	$field->('unreadable', qr/invalid page in block $head/, 'page', $head, 'upper', 9000);
	$flat->('page', qr/the page is empty/, sub { $_[0]->bytes_at($centroids, 0, "\0" x $DamagedIndex::PAGE) });
	$field->('page', qr/layout version/, 'page', $head, 'version', 8192 | 3);
	$flat->('page', qr/does not end where it should/, sub { $_[0]->set('page', $tail, 'upper', 8168)->set('page', $tail, 'special', 8168) });
	$field->('page', qr/end of the page's content is out of range/, 'page', $head, 'lower', 10);
	$field->('page', qr/end of the page's content is out of range/, 'page', $directory, 'lower', 32 + 6 * 24);
	$field->('page', qr/the page has flags/, 'page', $head, 'flags', 4);
	$flat->('page', qr/something behind the end/, sub { $_[0]->bytes_at($tail, 8180, "x") });
	$field->('page', qr/not one of an ivfflat index/, 'page', $head, 'page_id', 0xff8c);
	$field->('page', qr/another kind/, 'page', $directory, 'kind', 4);
	$field->('page', qr/reserved bytes/, 'page', $head, 'reserved', 1);
	$field->('page', qr/list that does not exist/, 'rows', $head, 'list', 5);
	$field->('page', qr/counts are out of range/, 'rows', $head, 'count', 117);
	$field->('page', qr/counts are out of range/, 'rows', $tail, 'count', $count - 1);
	$field->('page', qr/counts are out of range/, 'rows', $head, 'dead', 116 + 1);
	$field->('page', qr/flags that do not exist/, 'rows', $head, 'marks', 3);
	$field->('page', qr/reserved bytes/, 'rows', $head, 'reserved1', 1);
	$field->('page', qr/reserved bytes/, 'rows', $head, 'reserved2', 1);
	$field->('page', qr/leads out of the row pages/, 'rows', $head, 'next', 1);
	$field->('page', qr/leads out of the row pages/, 'rows', $head, 'next_free', 0);
	$field->('page', qr/free slots and counts/, 'rows', $head, 'dead', 0);
	$field->('centroid', qr/expected 0 and on/, 'centroids', $centroids, 'first_list', 1);
	$field->('centroid', qr/not finite/, 'centroids', $centroids, 'first', 9**9**9);
	$field->('directory', qr/expected 0 and on/, 'directory', $directory, 'count', 4);
	$entry->('directory', qr/run lies outside/, run_start => $end);
	$entry->('directory', qr/leads out of the row pages/, head => 1);
	$entry->('directory', qr/leads out of the row pages/, free => 2);
	$entry->('directory', qr/only one end/, tail => $DamagedIndex::INVALID);
	$entry->('directory', qr/reserved bytes/, rest => 1);
	$field->('chain', qr/behind the end of the file/, 'rows', $before, 'next', $end + 100);
	$field->('chain', qr/another list's page/, 'rows', $before, 'next', $f->list_get($other, 'run_start'));
	$field->('chain', qr/form a ring/, 'rows', $tail, 'next', $head);
	$field->('chain', qr/a run has a next page/, 'rows', $run, 'next', $head);
	$entry->('chain', qr/does not end at its last page/, tail => $before);
	$flat->('chain', qr/a page that has no rows/, sub { ($_[0]{bytes} .= "\0" x $DamagedIndex::PAGE, $_[0]->set('rows', $before, 'next', $end)) });
	$entry->('free chain', qr/marked as being in the free chain/, free => $DamagedIndex::INVALID);
	$field->('free chain', qr/is not marked as such/, 'rows', $free_end, 'marks', 0);
	$field->('free chain', qr/is a ring/, 'rows', $free_end, 'next_free', $f->list_get($list, 'free'));
	$flat->('unreachable', qr/does not lead to it/, sub {
		$_[0]{bytes} .= substr($_[0]{bytes}, $tail * $DamagedIndex::PAGE, $DamagedIndex::PAGE);
		$_[0]->set('rows', $end, 'count', 0)->set('rows', $end, 'dead', 0)->set('rows', $end, 'marks', 0)
		  ->set('rows', $end, 'next_free', $DamagedIndex::INVALID)
		  ->set('page', $end, 'lower', $meta->{rows_offset})->bytes_at($end, 48, "\0" x (8184 - 48));
	});
	$flat->('row', qr/behind the end of its page/, sub { $_[0]->set_tid($tail, $count, $tid{5}) });
	$flat->('row', qr/no place that a table can have/, sub { $_[0]->set_tid($head, $slot, pack('SSS', 0, 0, 300)) });
	$flat->('row', qr/does not belong into the index/, sub { $append->($_[0], $tid{1001}) }, 'deep');
	damage('part', 'row', qr/does not belong into the index/, sub { $_[0]->set_tid($sound{part}{meta}{first_rows}, 0, $tid{8}) }, 'deep');
	$flat->('vector', qr/not that of row/, sub { $_[0]->bytes_at($head, $meta->{rows_offset} + $slot * 64, pack('f', 1.5)) }, 'deep');
	$flat->('assignment', qr/is nearer to row/, sub { $_[0]->bytes_at($centroids, 64 + 64 * $list, pack('f', 1e7)) }, 'deep');
	$flat->('missing row', qr/not in the index/, sub {
		$_[0]->set_tid($head, $slot, "\0" x 6)->set('rows', $head, 'dead', $f->get('rows', $head, 'dead') + 1);
	}, 'heapallindexed');
	$flat->('duplicate row', qr/2 times in the index/, sub { $append->($_[0], $f->tid($head, $slot)) }, 'heapallindexed');
	$flat->('dangling row', qr/not in the table/, sub { $append->($_[0], $tid{behind}) });
	$flat->('dangling row', qr/not in the table/, sub { $append->($_[0], $tid{gone}) }, 'heapallindexed');
	$flat->('dangling row', qr/not in the table/, sub { $append->($_[0], $tid{5}) }, 'heapallindexed'); # a later version
}

# ---- ivfrabitq

{
	my $c    = $sound{codes};
	my $meta = $c->{meta};
	my ($mean, $centroids, $directory, $first) = @$meta{qw(first_mean first_centroids first_directory first_scan)};
	my $fine    = $first + $meta->{scan_pages};
	my $extents = $fine + $meta->{fine_pages};
	my $rows    = $meta->{groups_per_page} * 32;
	my $extent  = 1 + int(($rows + $meta->{fine_per_page} - 1) / $meta->{fine_per_page});
	my $end     = $c->blocks;
	my $none    = $DamagedIndex::INVALID;

	# a list with several slices; its first; the page of that
	my $list = (grep { $c->list_get($_, 'head') != $c->list_get($_, 'tail') } 0 .. $meta->{lists} - 1)[0];
	my ($page, $slice) = map { $c->list_get($list, $_) } qw(head head_slice);
	my $other = (grep { $_ != $list } 0 .. $meta->{lists} - 1)[0];
	my $shared = (grep { $c->get('scan', $_, 'slice_count') > 1 } map { $extents + $_ * $extent } 0 .. ($end - $extents) / $extent - 1)[0];
	my @tail  = map { $c->list_get($list, $_) } qw(tail tail_slice);
	my ($group, $used, $dead_rows) = map { $c->slice_get($page, $slice, $_) } qw(first_group count dead);
	my $base = $group * 32;
	my $live = (grep { unpack('x4S', $c->tid($page, $_)) } $base .. $base + $used - 1)[0];
	my $dead = (grep { !unpack('x4S', $c->tid($page, $_)) } $base .. $base + $used - 1)[0];
	my @free_end = map { $c->list_get($list, $_) } qw(free free_slice);
	@free_end = map { $c->slice_get(@free_end, $_) } qw(next_free next_free_slice)
	  while $c->slice_get(@free_end, 'next_free') != $none;

	my $codes = sub {
		my ($kinds, $detail, $change, $options) = @_;
		damage('codes', $kinds, $detail, $change, $options);
	};
	my $field = sub {
		my ($kinds, $detail, @set) = @_;
		$codes->($kinds, $detail, sub { $_[0]->set(@set) });
	};
	my $entry = sub {
		my ($kinds, $detail, %values) = @_;
		$codes->($kinds, $detail, sub { $_[0]->list_set($list, %values) });
	};
	my $piece = sub {
		my ($kinds, $detail, %values) = @_;
		$codes->($kinds, $detail, sub { $_[0]->slice_set($page, $slice, %values) });
	};
	# fills a slot that vacuum emptied
	my $fill = sub {
		my ($i, $tid) = @_;
		return $i->set_tid($page, $dead, $tid)->bytes_at($page, $i->add_offset($dead), pack('S', 0))
		  ->slice_set($page, $slice, dead => $dead_rows - 1);
	};
	my $record = sub { # of the fine code of a slot: block and offset
		my ($slot) = @_;
		my $number = $c->get('scan', $page, 'fine_slot') + $slot;
		return ($c->get('scan', $page, 'fine_block') + int($number / $meta->{fine_per_page}),
			32 + $number % $meta->{fine_per_page} * $meta->{fine_bytes});
	};

	$field->('metapage', qr/not a valid ivfrabitq index/, 'meta', 0, 'magic', 7);
	$field->('metapage', qr/version/, 'meta', 0, 'format', 99);
	$field->('metapage', qr/lists out of range/, 'meta', 0, 'lists', 99999);
	$field->('metapage', qr/reserved bytes/, 'page', 0, 'reserved', 1);
	$field->('metapage', qr/end of the page's content/, 'page', 0, 'lower', 60);
	$codes->('metapage', qr/too short/, sub { $_[0]{bytes} = substr($_[0]{bytes}, 0, 3 * $DamagedIndex::PAGE) });
	$field->('unreadable', qr/invalid page in block $page/, 'page', $page, 'upper', 9000);
	$field->('unreadable', qr/invalid page in block $fine/, 'page', $fine, 'upper', 9000);
	$field->('page', qr/another kind/, 'page', $mean, 'kind', 3);
	$field->('page', qr/another kind/, 'page', $centroids, 'kind', 2);
	$field->('page', qr/not one of an ivfrabitq index/, 'page', $directory, 'page_id', 0xff8b);
	$field->('page', qr/reserved bytes/, 'page', $first, 'reserved', 1);
	$field->('page', qr/reserved bytes/, 'scan', $first, 'marks', 1);
	$field->('page', qr/more slices or groups than fit/, 'scan', $first, 'slice_count', 200);
	$field->('page', qr/end of the page's content/, 'page', $first, 'lower', 100);
	$field->('page', qr/another kind/, 'page', $fine, 'kind', 5);
	$field->('page', qr/reserved bytes/, 'fine', $fine, 'reserved1', 1);
	$field->('page', qr/end of the page's content/, 'page', $fine, 'lower', 33);
	$field->('mean', qr/coordinate 0 is not finite/, 'mean', $mean, 'first', 9**9**9);
	$field->('centroid', qr/scale of the list's centroid/, 'centroids', $centroids, 'scale', -1);
	$field->('centroid', qr/length of the list's centroid/, 'centroids', $centroids, 'norm', 1e9);
	$field->('centroid', qr/code of the list's centroid/, 'centroids', $centroids, 'code', 0);
	$field->('directory', qr/expected 0 and on/, 'directory', $directory, 'first_list', 1);
	$entry->('directory', qr/flags that do not exist/, flags => 8);
	$entry->('directory', qr/lives was given up/, flags => 4);
	$entry->('directory', qr/run lies outside/, run_start => $extents, run_pages => 1);
	$entry->('directory', qr/leads out of the scan pages/, free => $fine);
	$entry->('directory', qr/only one end/, tail => $none);
	$entry->('directory', qr/died before it was born/, died => 1, born => 1);
	$entry->('directory', qr/without a list has slices/, flags => 2);
	$codes->('chain', qr/behind the end of the file/, sub { $_[0]->slice_set($page, $slice, next => $end + 100 * $extent) });
	$codes->('chain', qr/slice that does not exist/, sub { $_[0]->slice_set($page, $slice, next_slice => $meta->{groups_per_page} - 1) });
	$codes->('chain', qr/another list's slice/, sub { $_[0]->slice_set($page, $slice, next => $c->list_get($other, 'head'), next_slice => $c->list_get($other, 'head_slice')) });
	$codes->('chain', qr/form a ring/, sub { $_[0]->slice_set(@tail, next => $page, next_slice => $slice) });
	$codes->('chain', qr/no slices/, sub { ($_[0]{bytes} .= "\0" x $DamagedIndex::PAGE, $_[0]->slice_set($page, $slice, next => $end)) });
	$entry->('chain', qr/does not end at its last slice/, tail => $page, tail_slice => $slice);
	$entry->('free chain', qr/marked as being in the free chain/, free => $none);
	$codes->('free chain', qr/is not marked as such/, sub { $_[0]->slice_set(@free_end, marks => 0) });
	$codes->('free chain', qr/is a ring/, sub { $_[0]->slice_set(@free_end, next_free => $c->list_get($list, 'free'), next_free_slice => $c->list_get($list, 'free_slice')) });
	$codes->('unreachable', qr/does not lead to it/, sub {
		my ($i) = @_; # an extent of one slice, without rows
		$i->{bytes} .= substr($i->{bytes}, $page * $DamagedIndex::PAGE, $DamagedIndex::PAGE) . "\0" x (($extent - 1) * $DamagedIndex::PAGE);
		$i->bytes_at($end, 40, "\0" x (8176 - 40))->set('scan', $end, 'fine_block', $end + 1)->set('scan', $end, 'fine_slot', 0)
		  ->set('scan', $end, 'groups_used', 1)->set('scan', $end, 'slice_count', 1)
		  ->slice_set($end, 0, list => $list, groups => 1, next => $none, next_free => $none)
		  ->set('page', $end, 'lower', $meta->{groups_offset} + $meta->{group_bytes})
		  ->bytes_at($end, $i->add_offset(0), pack('S', 0x7c00) x 32);
	});
	$piece->('slice', qr/counts that are out of range/, count => 9999);
	$piece->('slice', qr/counts that are out of range/, dead => $used + 1);
	$piece->('slice', qr/flags that do not exist/, marks => 6);
	$piece->('slice', qr/leads out of the scan pages/, next => 1);
	$piece->('slice', qr/leads out of the scan pages/, next_free => $fine);
	$piece->('slice', qr/list that cannot exist/, list => 100000);
	$piece->('slice', qr/belongs to no list and has rows/, list => $none);
	$piece->('slice', qr/groups that the page does not use/, groups => 0);
	$piece->('slice', qr/free slots counts/, dead => $dead_rows - 1);
	$codes->('slice', qr/group that another slice has too/, sub { $_[0]->slice_set($shared, 1, first_group => $c->slice_get($shared, 0, 'first_group')) });
	$codes->('slice', qr/do not have all groups/, sub {
		$_[0]->set('scan', $shared, 'slice_count', $c->get('scan', $shared, 'slice_count') - 1);
	});
	$entry->('slice', qr/place without a list/, flags => 2, head => $none, tail => $none, free => $none, run_pages => 0, died => 1);
	$field->('fine', qr/not where they should be/, 'scan', $first, 'fine_slot', 1);
	$codes->('fine', qr/no scan page has the fine codes/, sub { $_[0]{bytes} .= "\0" x $DamagedIndex::PAGE . substr($_[0]{bytes}, ($extents + 1) * $DamagedIndex::PAGE, $DamagedIndex::PAGE) });
	$codes->('fine', qr/rows of block $extents need/, sub { $_[0]->set('page', $extents + 1, 'lower', 32)->bytes_at($extents + 1, 32, "\0" x (8176 - 32)) });
	$codes->('fine', qr/file ends before/, sub { $_[0]{bytes} = substr($_[0]{bytes}, 0, ($end - 1) * $DamagedIndex::PAGE) });
	$codes->('row', qr/behind the end of its slice/, sub {
		$_[0]->slice_set($page, $slice, count => $used - 1, dead => $dead_rows - ($dead == $base + $used - 1));
	});
	$codes->('row', qr/no place that a table can have/, sub { $_[0]->set_tid($page, $live, pack('SSS', 0, 0, 300)) });
	$codes->('row', qr/its code says that there is no row/, sub { $_[0]->bytes_at($page, $c->add_offset($live), pack('S', 0x7c00)) });
	$codes->('row', qr/has no row, but its code can be found/, sub { $_[0]->bytes_at($page, $c->add_offset($dead), pack('S', 0)) });
	$codes->('row', qr/does not belong into the index/, sub { $fill->($_[0], $tid{1001}) }, 'deep');
	damage('cpart', 'row', qr/does not belong into the index/, sub { $_[0]->set_tid($sound{cpart}{meta}{first_scan}, 0, $tid{8}) }, 'deep');
	$codes->('scan code', qr/not that of row/, sub {
		my $at = $c->group_offset($live) + 2 * ($live % 32) + 4 * $meta->{scan_dimensions} + 64; # rescale
		$_[0]->bytes_at($page, $at, pack('S', 0x1234));
	}, 'deep');
	$codes->('fine code', qr/not that of row/, sub { my ($block, $at) = $record->($live); $_[0]->bytes_at($block, $at + 8, "\x12\x34\x56\x78") }, 'deep');
	$codes->('filter value', qr/value of column 2/, sub {
		$_[0]->bytes_at($page, $c->group_offset($live) + $meta->{filter_offset} + 4 * ($live % 32), pack('l', 77));
	}, 'deep');
	$codes->('missing row', qr/not in the index/, sub {
		$_[0]->set_tid($page, $live, "\0" x 6)->bytes_at($page, $c->add_offset($live), pack('S', 0x7c00))
		  ->slice_set($page, $slice, dead => $dead_rows + 1);
	}, 'heapallindexed');
	$codes->('duplicate row', qr/2 times in the index/, sub { $fill->($_[0], $c->tid($page, $live)) }, 'heapallindexed');
	$codes->('dangling row', qr/not in the table/, sub { $fill->($_[0], $tid{behind}) });
	$codes->('dangling row', qr/not in the table/, sub { $fill->($_[0], $tid{gone}) }, 'heapallindexed');
	$codes->('dangling row', qr/not in the table/, sub { $fill->($_[0], $tid{5}) }, 'heapallindexed');
}

# A row that is in one list only, twice there: no more often than a row may be in this index.
{
	my $s    = $sound{spilled};
	my $list = (grep { $s->list_get($_, 'head') != $DamagedIndex::INVALID } 0 .. $s->{meta}{lists} - 1)[0];
	my ($page, $slice) = map { $s->list_get($list, $_) } qw(head head_slice);
	my ($group, $used, $dead_rows) = map { $s->slice_get($page, $slice, $_) } qw(first_group count dead);
	my @slots = $group * 32 .. $group * 32 + $used - 1;
	my ($dead) = grep { !unpack('x4S', $s->tid($page, $_)) } @slots;
	my ($once) = grep { unpack('x4S', $s->tid($page, $_)) && 1 == (() = $s->{bytes} =~ /\Q@{[ $s->tid($page, $_) ]}\E/g) } @slots;
	damage('spilled', 'duplicate row', qr/2 times in the list/, sub {
		$_[0]->set_tid($page, $dead, $s->tid($page, $once))->bytes_at($page, $s->add_offset($dead), pack('S', 0))
		  ->slice_set($page, $slice, dead => $dead_rows - 1);
	}, 'heapallindexed');
}

# ---- all at once

$node->safe_psql('postgres', "UPDATE pg_index SET indisready = true WHERE indrelid = 't'::regclass; CHECKPOINT;");
my @paths = map { $node->data_dir . "/$_" } split /\n/,
  $node->safe_psql('postgres', join("\n", map { "SELECT pg_relation_filepath('$_->{copy}');" } @cases));
$node->stop;
for my $i (0 .. $#cases)
{
	open(my $file, '>:raw', $paths[$i]) or die $!;
	print $file $cases[$i]{bytes};
	close($file) or die $!;
}
$node->start;
my ($out, $err);
$node->psql('postgres', join("\n", map {
			my $case = $cases[$_];
			my ($rows, $deep) = map { $case->{options} eq $_ ? 'true' : 'false' } qw(heapallindexed deep);
			"SELECT $_, kind, detail FROM index_check('$case->{copy}', $rows, $deep);"
		} 0 .. $#cases), stdout => \$out, stderr => \$err);
is($err, '', 'damage is no error');
my @found = map { {} } @cases;
for (split /\n/, $out)
{
	my ($case, $kind, $detail) = split /\|/, $_, 3;
	push @{ $found[$case]{$kind} }, $detail;
}
for my $i (0 .. $#cases)
{
	my $case = $cases[$i];
	my $kinds = join(', ', sort keys %{ $found[$i] });
	my @details = map { @$_ } values %{ $found[$i] };
	ok( $kinds eq $case->{kinds} && (grep { /$case->{detail}/ } @details),
		"$case->{index}: $case->{kinds}: $case->{detail}")
	  or diag("found: $kinds\n", join("\n", @details[ 0 .. ($#details < 4 ? $#details : 4) ]));
}

# the file is gone
$node->safe_psql('postgres', 'CHECKPOINT;');
$node->stop;
unlink($paths[0]) or die $!;
$node->start;
like($node->safe_psql('postgres', "SELECT * FROM index_check('$cases[0]{copy}');"), qr/^0\|\|unreadable\|could not open file/, 'no file');

$node->stop;
done_testing();
