# SPDX-License-Identifier: PostgreSQL
#
# Crashes during two-phase commit: the coordinator at every fault point, a worker between PREPARE and
# COMMIT PREPARED. Whatever was acknowledged is there, and after recovery all nodes agree.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecmeshCluster;

my $mesh = VecmeshCluster->new(workers => 2);
my $db = $VecmeshCluster::database;
my $coordinator = $mesh->coordinator;
my $go = $coordinator->data_dir . '/vecmesh_go';
my $prepared = 'SELECT count(*) FROM pg_prepared_xacts';
my $running = q{SELECT count(*) FROM pg_stat_activity WHERE application_name = 'vecmesh'};

$mesh->sql(q{
	CREATE TABLE items (id int PRIMARY KEY, round int);
	SELECT vecmesh.create_distributed_table('items', 'id', 4);
	CREATE TABLE log (round int);
});

# Rows of a round on each worker, as "worker 1,worker 2"; and here.
sub rows_of_round
{
	my ($round) = @_;
	my $count = $mesh->sql("SELECT count(*) FROM items WHERE round = $round");
	my $local = $mesh->sql("SELECT count(*) FROM log WHERE round = $round");
	return "$count|$local";
}

# Starts a transaction of 40 rows that stops at a fault point.
sub start_round
{
	my ($round, $fault) = @_;
	unlink $go;
	my $session = $mesh->session;
	$session->send("SET vecmesh.fault = '$fault';
		BEGIN;
		INSERT INTO items SELECT i, $round FROM generate_series($round * 100, $round * 100 + 39) i;
		INSERT INTO log VALUES ($round);
		COMMIT;");
	return $session;
}

my $round = 0;
for my $case (
	[ 'after_prepare', '1,1', 'roll back', '0|0' ],
	[ 'before_commit_record', '1,1', 'roll back', '0|0' ],
	[ 'after_local_commit', '1,1', 'commit', '40|1' ])
{
	my ($point, $left, $decision, $rows) = @$case;
	$round++;
	my $session = start_round($round, "$point:wait");
	ok($mesh->wait_for_workers($prepared, $left), "$point: both workers have prepared");
	if ($decision eq 'commit')
	{
		ok($coordinator->poll_query_until($db, "SELECT count(*) = 1 FROM log WHERE round = $round"),
			"$point: committed here");
	}
	else
	{
		is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '0',
			"$point: recovery leaves a running transaction alone");
		is($mesh->sql("SELECT DISTINCT decision FROM vecmesh.prepared_transactions"), 'in progress',
			"$point: and says so");
	}
	$mesh->kill9($coordinator);
	$session->finish;
	ok($mesh->wait_for_workers($running, '0,0'), "$point: coordinator killed");
	$coordinator->start;
	is($mesh->on_workers($prepared), $left, "$point: the prepared transactions are still there");
	is($mesh->sql('SELECT group_id, decision FROM vecmesh.prepared_transactions ORDER BY 1'),
		"1|$decision\n2|$decision", "$point: the view says what is to be done");
	is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '2', "$point: recovery does it");
	is(rows_of_round($round), $rows, "$point: all nodes agree");
	is($mesh->on_workers($prepared), '0,0', "$point: nothing stays prepared");
	is($mesh->sql('SELECT count(*) FROM vecmesh.transaction_record'), '0', "$point: no record stays");
}

# One worker has committed, the other not yet.
{
	$round++;
	my $session = start_round($round, 'after_first_commit_prepared:wait');
	ok($coordinator->poll_query_until($db, "SELECT count(*) = 1 FROM log WHERE round = $round"),
		'after_first_commit_prepared: committed here');
	my $half = 0;
	for (1 .. 600)
	{
		$half = $mesh->on_workers($prepared) =~ /^(0,1|1,0)$/ and last;
		select undef, undef, undef, 0.1;
	}
	ok($half, 'after_first_commit_prepared: committed on one worker');
	$mesh->kill9($coordinator);
	$session->finish;
	ok($mesh->wait_for_workers($running, '0,0'), 'coordinator killed');
	$coordinator->start;
	is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '1', 'recovery commits the other');
	is(rows_of_round($round), '40|1', 'all nodes agree');
	is($mesh->on_workers($prepared), '0,0', 'nothing stays prepared');
}

# An error instead of a crash: the session itself cleans up.
$round++;
{
	my ($out, $err) = $mesh->try("SET vecmesh.fault = 'after_prepare:error';
		INSERT INTO items SELECT i, $round FROM generate_series($round * 100, $round * 100 + 39) i;");
	like($err, qr/fault injected at "after_prepare"/, 'an error after PREPARE');
	is($mesh->on_workers($prepared), '0,0', 'is rolled back everywhere');
	is(rows_of_round($round), '0|0', 'no row is there');
}

# A worker dies between PREPARE and COMMIT PREPARED.
$round++;
{
	my $session = start_round($round, 'after_prepare:wait');
	ok($mesh->wait_for_workers($prepared, '1,1'), 'both workers have prepared');
	$mesh->kill9($mesh->worker(2));
	append_to_file($go, '');
	my $err = $session->finish;
	like($err, qr/WARNING:  transaction is committed, but worker "[^"]+" has not confirmed that it committed "vecmesh_.*HINT:/s,
		'the commit succeeds and tells what is in doubt');
	my ($out, $warning) = $mesh->try('SELECT vecmesh.recover_prepared_transactions()');
	is($out, '0', 'recovery cannot reach the worker');
	like($warning, qr/WARNING:  08006: could not connect to worker/, 'and says so');
	is($mesh->sql('SELECT count(*) FROM vecmesh.transaction_record WHERE group_id = 2'), '1', 'its record stays');
	$mesh->worker(2)->start;
	is($mesh->sql('SELECT decision FROM vecmesh.prepared_transactions'), 'commit', 'decision: commit');
	is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '1', 'recovery commits it');
	is(rows_of_round($round), '40|1', 'all nodes agree');
}

# A worker dies before it could prepare.
$round++;
{
	my $session = $mesh->session;
	$session->run("BEGIN; INSERT INTO items SELECT i, $round FROM generate_series($round * 100, $round * 100 + 39) i;");
	$mesh->kill9($mesh->worker(2));
	$session->run('COMMIT;');
	like($session->{err}, qr/lost the connection to worker/, 'COMMIT fails');
	$session->finish;
	$mesh->worker(2)->start;
	is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()') =~ /^[01]$/, 1, 'recovery');
	is($mesh->on_workers($prepared), '0,0', 'nothing stays prepared');
	is(rows_of_round($round), '0|0', 'nothing is committed anywhere');
}

# Transactions that somebody else prepared are none of our business.
$mesh->worker(1)->safe_psql($db, "BEGIN; CREATE TABLE other (i int); PREPARE TRANSACTION 'other'");
$mesh->worker(1)->safe_psql($db,
	"BEGIN; CREATE TABLE other2 (i int); PREPARE TRANSACTION 'vecmesh_00000000-0000-0000-0000-000000000000_0_1_2_3'");
is($mesh->sql('SELECT count(*) FROM vecmesh.prepared_transactions'), '0', 'foreign gids are not shown');
is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '0', 'and not touched');
is($mesh->on_workers($prepared), '2,0', 'they are still there');

done_testing();
