# SPDX-License-Identifier: PostgreSQL
#
# Connections to workers: lost ones, dead ones, silent ones; cancel and timeouts; settings that
# travel; two scans on one connection; errors told as the worker told them.
use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Utils;
use Test::More;
use VecmeshCluster;

my $mesh = VecmeshCluster->new(workers => 2);
my $db = $VecmeshCluster::database;
my ($first, $second) = ($mesh->worker(1), $mesh->worker(2));

$mesh->sql(q{
	CREATE TABLE items (id int PRIMARY KEY, n int CHECK (n >= 0), v vector(2));
	SELECT vecmesh.create_distributed_table('items', 'id', 4);
	INSERT INTO items SELECT i, i % 10, ARRAY[i, 1] FROM generate_series(1, 1000) i;
});
is($mesh->sql('SELECT count(*), sum(id) FROM items'), '1000|500500', 'rows arrive and are found');

# One shard of each worker, for locking and for error texts.
my %shard = map { my ($port, $id) = split /\|/; $port => $id } split /\n/,
	$mesh->sql("SELECT port, min(shard_id) FROM vecmesh.shards GROUP BY port");
my $locked = "public.items_$shard{$second->port}";

my $busy = q{SELECT count(*) FROM pg_stat_activity
	WHERE application_name = 'vecmesh' AND state = 'active' AND pid <> pg_backend_pid()};
my $waiting = "$busy AND wait_event_type = 'Lock'";

# ---- errors of workers ----------------------------------------------------------------------------
my ($out, $err) = $mesh->try('INSERT INTO items VALUES (1, 1, NULL)');
like($err, qr/ERROR:  23505: duplicate key value violates unique constraint/, 'SQLSTATE and message of the worker');
like($err, qr/DETAIL:  Key \(id\)=\(1\) already exists\./, 'detail of the worker');
like($err, qr/CONTEXT:.*worker "[^"]+:\d+\/$db"/s, 'context names the worker');

# ---- cancel and timeouts --------------------------------------------------------------------------
my $locker = $mesh->session($second);
$locker->run("BEGIN; LOCK TABLE $locked;");

($out, $err) = $mesh->try("SET statement_timeout = '300ms'; SELECT count(*) FROM items;");
like($err, qr/57014: canceling statement due to statement timeout/, 'statement_timeout ends a distributed query');
ok($mesh->wait_for_workers($busy, '0,0'), 'no worker goes on with it');

my $victim = $mesh->session;
my $pid = $victim->run('SELECT pg_backend_pid();');
$victim->send('SELECT count(*) FROM items;');
ok($mesh->wait_for_workers($waiting, '0,1'), 'a query waits for a lock on a worker');
$mesh->sql("SELECT pg_cancel_backend($pid)");
ok($mesh->wait_for_workers($busy, '0,0'), 'pg_cancel_backend reaches the worker');
$locker->run('ROLLBACK;');
is($victim->run('SELECT count(*) FROM items;'), '1000', 'the session goes on after a cancel');
like($victim->{err}, qr/canceling statement due to user request/, 'and said so');

$locker->run("BEGIN; LOCK TABLE $locked;");
$victim->send("BEGIN; UPDATE items SET n = 3; ");
ok($mesh->wait_for_workers($waiting, '0,1'), 'a write waits for a lock on a worker');
$mesh->sql("SELECT pg_cancel_backend($pid)");
ok($mesh->wait_for_workers($busy, '0,0'), 'cancel reaches the worker within a transaction');
$locker->run('ROLLBACK;');
is($victim->run('ROLLBACK; SELECT count(*) FROM items WHERE n = 3;'), '100', 'nothing was written');

# A coordinator that vanishes does not leave its queries running.
$locker->run("BEGIN; LOCK TABLE $locked;");
$victim->send('SELECT count(*) FROM items;');
ok($mesh->wait_for_workers($waiting, '0,1'), 'a query waits again');
$mesh->kill9($mesh->coordinator);
ok($mesh->wait_for_workers($busy, '0,0'), 'a worker notices that its coordinator is gone');
$locker->run('ROLLBACK;');
$victim->finish;
$mesh->coordinator->start;

# ---- two statements on one connection -------------------------------------------------------------
is($mesh->sql(q{
	BEGIN;
	DECLARE a NO SCROLL CURSOR FOR SELECT id FROM items ORDER BY id;
	DECLARE b NO SCROLL CURSOR FOR SELECT id FROM items ORDER BY id DESC;
	FETCH 2 FROM a; FETCH 2 FROM b; FETCH 2 FROM a; CLOSE a; FETCH 2 FROM b;
	SELECT count(*) FROM items; FETCH 1 FROM b;
	COMMIT;}), join("\n", 1, 2, 1000, 999, 3, 4, 998, 997, 1000, 996), 'cursors share a connection');
is($mesh->sql('SELECT count(*) FROM (SELECT id FROM items OFFSET 0) a JOIN items b USING (id)'), '1000',
	'a join of two scans');
is($mesh->sql('SELECT count(*) FROM (SELECT id FROM items LIMIT 7) x; SELECT count(*) FROM items'), "7\n1000",
	'a scan that stops early leaves its connection usable');

# ---- settings -------------------------------------------------------------------------------------
$mesh->sql(q{SET hnsw.ef_search = 177; SET work_mem = '5MB'; SELECT count(*) FROM items});
my $log = slurp_file($first->logfile);
like($log, qr/SET hnsw\.ef_search = '177'/, 'search settings travel');
like($log, qr/SET work_mem = '5120'/, 'listed settings travel');
like($log, qr/SET timezone = /, 'so does the time zone');
my $session = $mesh->session;
$session->run('SET hnsw.ef_search = 178; SELECT count(*) FROM items; RESET hnsw.ef_search; SELECT count(*) FROM items;');
like(slurp_file($first->logfile), qr/SET hnsw\.ef_search = '178'.*RESET hnsw\.ef_search/s, 'and go back');
($out, $err) = $mesh->try(q{SET vecmesh.node_conninfo = 'host=elsewhere'});
like($err, qr/22023: invalid value.*DETAIL:  "host" is set by vecmesh itself\./s, 'node_conninfo: reserved option');
($out, $err) = $mesh->try(q{SET vecmesh.node_conninfo = 'nonsense=1'});
like($err, qr/22023: invalid value.*DETAIL:  invalid connection option "nonsense"/s, 'node_conninfo: unknown option');
$mesh->sql(q{SET vecmesh.node_conninfo = 'application_name=elsewhere'; SELECT count(*) FROM items});

# ---- a worker that restarts -----------------------------------------------------------------------
$session->run('SELECT 1;');
$second->restart;
is($session->run('SELECT count(*) FROM items;'), '1000', 'an idle connection is opened anew after a restart');
$session->run('BEGIN; SELECT count(*) FROM items;');
$second->restart;
$session->{err} = '';
$session->run('SELECT count(*) FROM items;');
like($session->{err}, qr/lost the connection to worker "[^"]+"/, 'within a transaction a restart is an error');
is($session->run('ROLLBACK; SELECT count(*) FROM items;'), '1000', 'and the next transaction works');
$session->finish;

# ---- a worker that is down ------------------------------------------------------------------------
my $lost_shards = join ', ', split /\n/, $mesh->sql(sprintf
	'SELECT shard_id FROM vecmesh.shards WHERE port = %d ORDER BY min_hash', $second->port);
$second->stop('fast');
($out, $err) = $mesh->try('SELECT count(*) FROM items');
like($err, qr/ERROR:  08006: could not connect to worker "[^"]*:\Q${\ $second->port}\E\/$db"/, 'a dead worker: 08006 and its name');
like($err, qr/Shards of table "items" on it: \Q$lost_shards\E\./, 'and its shards');
$second->start;

# A socket that accepts and says nothing.
my $hole = IO::Socket::INET->new(Listen => 5, LocalAddr => '127.0.0.1', Proto => 'tcp');
$mesh->sql(sprintf "UPDATE vecmesh.node SET host = '127.0.0.1', port = %d WHERE port = %d",
	$hole->sockport, $second->port);
($out, $err) = $mesh->try(q{SET vecmesh.connect_timeout = '500ms'; SELECT count(*) FROM items});
like($err, qr/08006: could not connect to worker "127\.0\.0\.1:\d+\/$db"/, 'a silent worker: 08006');
like($err, qr/no answer within 500 ms \(vecmesh\.connect_timeout\)/, 'and why');
$mesh->sql(sprintf "UPDATE vecmesh.node SET host = '%s', port = %d WHERE port = %d",
	$second->host, $second->port, $hole->sockport);
is($mesh->sql('SELECT count(*) FROM items'), '1000', 'all is well again');

done_testing();
