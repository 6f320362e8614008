# SPDX-License-Identifier: PostgreSQL
#
# What a server does that cannot or must not replay a record of our resource manager: without the
# library it stops and names the number, a standby too, and goes on with it; a library that took
# the number is named; a record that is not valid stops replay before it does anything.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $module = "$ENV{VECMESH_BUILD}/tests/wal/vx_wal_test.so";

sub set_libraries
{
	my ($node, $libraries) = @_;
	$node->adjust_conf('postgresql.conf', 'shared_preload_libraries', "'$libraries'");
	return;
}

# The server was killed: its children may need a moment to notice.
sub start_after_kill
{
	my ($node) = @_;
	for (1 .. 200)
	{
		return if $node->start(fail_ok => 1);
		usleep(100_000);
		$node->stop('fast', fail_ok => 1);
	}
	BAIL_OUT('the server does not start any more');
	return;
}

# Starts the server, which stops by itself; returns what it logged meanwhile.
sub log_of_failed_start
{
	my ($node) = @_;
	for (1 .. 200)
	{
		my $offset = -s $node->logfile;
		BAIL_OUT('the server starts') if $node->start(fail_ok => 1);
		my $log = slurp_file($node->logfile, $offset);
		return $log unless $log =~ /pre-existing shared memory block|lock file .* already exists/;
		usleep(100_000);
	}
	return '';
}

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf',
	"autovacuum = off\nshared_preload_libraries = 'vector'\nwal_keep_size = 1GB\n"
	  . "checkpoint_timeout = 1h");
$primary->start;
$primary->safe_psql(
	'postgres', qq(
	CREATE EXTENSION vector;
	CREATE TABLE t (id int, v vector(3));
	INSERT INTO t SELECT i, ARRAY[i, i, i] FROM generate_series(1, 100) i;
	CREATE INDEX t_v ON t USING ivfflat (v vector_l2_ops) WITH (lists = 2);
	CREATE FUNCTION emit(regclass, int, int, bool, bytea, bytea) RETURNS void
		LANGUAGE c AS '$module', 'vx_wal_emit';
	CREATE FUNCTION emit_row(regclass, int[], bytea) RETURNS void
		LANGUAGE c AS '$module', 'vx_wal_emit_row';
	CREATE FUNCTION emit_blocks(regclass, int, bigint, int) RETURNS void
		LANGUAGE c AS '$module', 'vx_wal_emit_blocks';));
is( $primary->safe_psql('postgres',
		q(SELECT rm_id FROM pg_get_wal_resource_managers() WHERE rm_name = 'vector')),
	'199', 'the documented number');
$primary->backup('base');

sub count_rows
{
	my ($node) = @_;
	return $node->safe_psql('postgres',
		"SET enable_seqscan = off; SET ivfflat.probes = 2;
		SELECT count(*) FROM (SELECT id FROM t ORDER BY v <-> '[1,1,1]') s");
}

# ---- a standby without the library
{
	my $standby = PostgreSQL::Test::Cluster->new('standby');
	$standby->init_from_backup($primary, 'base', has_streaming => 1);
	set_libraries($standby, '');
	$standby->start;
	$primary->safe_psql('postgres', "SET vector.wal_mode = generic; INSERT INTO t VALUES (101, '[1,2,3]')");
	$primary->wait_for_catchup($standby);
	is(count_rows($standby), 101, 'a standby without the library replays generic records');

	my $offset = -s $standby->logfile;
	$primary->safe_psql('postgres', "INSERT INTO t VALUES (102, '[3,2,1]')");
	ok($standby->wait_for_log(qr/resource manager with ID 199 not registered/, $offset) || 1,
		'and stops at a custom one, naming the number');
	like(slurp_file($standby->logfile, $offset), qr/shared_preload_libraries/, 'and the remedy');
	for (1 .. 100)
	{
		last unless -e $standby->data_dir . '/postmaster.pid';
		usleep(100_000);
	}
	$standby->stop('fast', fail_ok => 1);
	set_libraries($standby, 'vector');
	$standby->start;
	$primary->wait_for_catchup($standby);
	is(count_rows($standby), 102, 'with the library it goes on');
	$standby->stop;
}

# ---- the primary itself, after a crash
$primary->safe_psql('postgres', "INSERT INTO t VALUES (103, '[3,3,1]')");
$primary->kill9;
set_libraries($primary, '');
like(log_of_failed_start($primary),
	qr/FATAL: .*resource manager with ID 199 not registered/, 'recovery without the library stops');
set_libraries($primary, 'vector');
start_after_kill($primary);
is(count_rows($primary), 103, 'with the library nothing is lost');

# ---- after a clean shutdown the library may go: there is nothing to replay
$primary->stop;
set_libraries($primary, '');
$primary->start;
$primary->safe_psql('postgres', "INSERT INTO t VALUES (104, '[4,4,4]')");
is(count_rows($primary), 104, 'without the library after a clean shutdown');
my ($status, $out, $err) = $primary->psql('postgres', "LOAD 'vector'; SET vector.wal_mode = custom");
like($err, qr/ERROR:  invalid value for parameter "vector.wal_mode": "custom"/, 'no custom mode');
like($err, qr/HINT:  Add "vector" to "shared_preload_libraries"/, 'and why');
$primary->append_conf('postgresql.conf', "vector.wal_mode = custom");
$primary->reload;
($status, $out, $err) = $primary->psql('postgres', "INSERT INTO t VALUES (105, '[4,4,4]')");
is($status, 0, 'the same in the configuration does not stop anybody');
$primary->stop;

# ---- another library has the number
set_libraries($primary, "$module, vector");
like(log_of_failed_start($primary),
	qr/WAL resource manager ID 199 of "vector" is taken by "other"/, 'a collision names the other');
set_libraries($primary, 'vector');
$primary->start;

# ---- records that are not valid

# Main data of vector/ROW (wal_hooks/row.hpp), piece by piece: 64 dimensions, slice 0, slot 5 of 6, record 5, row (0,1).
sub row_data
{
	my %with = (shape => '01', flags => '00', place => '00050600050001', filters => '', factors => '00' x 12,
		bits => 'ff' x 8, values => '', fine => '11' x 32, @_);
	return join '', @with{qw(shape flags place filters factors bits values fine)};
}

sub bad_row
{
	my ($expected, @with) = @_;
	return [ "emit_row('t_v', '{3, 4}', '\\x" . row_data(@with) . "')", qr/invalid vector\/ROW record: $expected/ ];
}

sub bad_rows
{
	return (
		[ "emit_row('t_v', '{3, 4, 5}', '\\x" . row_data() . "')", qr/wrong number of blocks/ ],
		[ "emit_row('t_v', '{3, 4}', '\\x" . '00' x 16385 . "')", qr/wrong length of main data/ ],
		[ "emit_row('t_v', '{3, 4}', '\\x" . row_data(flags => '01') . "')", qr/flags disagree on an empty page/ ],
		bad_row('no index has such a shape', shape => '00'),
		bad_row('no index has such a shape', shape => 'fb'),
		bad_row('no index has such a shape', flags => '90'),
		bad_row('no index has such a shape', flags => '08', place => '02'),
		bad_row('its fine code cannot be packed', shape => '02', flags => '0c', place => '01'),
		bad_row('a number is too great', place => '000506000500808004'),
		bad_row('its place is outside the page', place => '00ffff030600050001'),
		bad_row('its place is outside the page', place => '00050600ff7f0001'),
		bad_row('no filter column is so wide', flags => '10', filters => '03'),
		bad_row('it has null bits of a filter column that is not there', flags => '10', filters => '0402'),
		bad_row('its fine code has another length', fine => '11' x 31),
		bad_row('its fine code cannot be unpacked', flags => '04', fine => '11' x 40),
		bad_row('it ends early', flags => '04', bits => 'ff' x 4, fine => ''),);
}

my @bad = (
	[ "emit('t_v', 3, 0, false, '', '')", qr/change of block 3 of relation \d+\/\d+\/\d+: it is empty/ ],
	[ "emit('t_v', 3, 0, false, '\\x0802ff', '')", qr/a step leaves the page/ ],
	[ "emit('t_v', 3, 0, false, '\\x0818ff', '')", qr/it ends within a step/ ],
	[ "emit('t_v', 3, 0, false, '\\x80808000', '')", qr/a number is too long/ ],
	[ "emit('t_v', 3, 0, true, '\\x0418ff', '')", qr/flags disagree on an empty page/ ],
	[ "emit('t_v', 3, 0, false, '\\x43', '')", qr/flags disagree on an empty page/ ],
	[ "emit('t_v', 3, 0, false, '\\x080c0000', '')", qr/it leaves no valid page header/ ],
	[ "emit('t_v', 3, 0, false, '\\x0418ff', '\\x00')", qr/wrong length of main data/ ],
	[ "emit('t_v', 3, 32, false, '\\x0418ff', '')", qr/invalid vector\/unknown record: no such type/ ],
	[ "emit('t_v', 3, 16, false, '\\x0418ff', '')", qr/invalid vector\/ROW record: wrong number of blocks/ ],
	[ "emit_blocks('t_v', 0, 3, 0)", qr/wrong number of blocks/ ],
	[ "emit_blocks('t_v', 0, 3, 5)", qr/wrong number of blocks/ ],
	[ "emit_blocks('t_v', 0, 3, 2)", qr/change of block 3 of relation \S+: the page is in the record twice/ ],
	[ "emit_blocks('t_v', 2, 3, 1)", qr/it is not in the main fork/ ],
	[ "emit_blocks('t_v', 0, 4294967295, 1)", qr/no file has such a block/ ],
	bad_rows());
# a server with assertions does not write a record that has a page twice
@bad = grep { $_->[0] !~ /3, [25]\)$/ } @bad
  if $primary->safe_psql('postgres', 'SHOW debug_assertions') eq 'on';
$primary->stop;
my $good = $primary->data_dir . '.good';
system('cp', '-a', $primary->data_dir, $good) == 0 or BAIL_OUT('cannot copy the data');

for my $bad (@bad)
{
	my ($call, $expected) = @$bad;
	$primary->start;
	$primary->safe_psql('postgres', "SELECT $call");
	$primary->kill9;
	my $log = log_of_failed_start($primary);
	like($log, qr/PANIC:  invalid vector\/\w+ record: .*$expected|PANIC:  $expected/,
		"a record is refused: $expected");
	unlike($log, qr/terminated by signal 11/, 'and does no harm');
	system('rm', '-rf', $primary->data_dir) == 0 && system('cp', '-a', $good, $primary->data_dir) == 0
	  or BAIL_OUT('cannot restore the data');
}

done_testing();
