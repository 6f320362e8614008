# SPDX-License-Identifier: PostgreSQL
#
# Transactions over workers: savepoints, isolation, one and two phases, what is refused.
use strict;
use warnings;

use Test::More;
use VecmeshCluster;

my $mesh = VecmeshCluster->new(workers => 2);
my $db = $VecmeshCluster::database;

$mesh->sql(q{
	CREATE TABLE items (id int PRIMARY KEY, n int);
	SELECT vecmesh.create_distributed_table('items', 'id', 4);
	INSERT INTO items SELECT i, 0 FROM generate_series(1, 100) i;
	CREATE TABLE log (line text);
});
my ($here, $there) = map {
	$mesh->sql(sprintf q{SELECT min(i) FROM generate_series(1, 100) i JOIN vecmesh.shards s
		ON s.shard_id = vecmesh.shard_for('items', i) WHERE s.port = %d}, $_->port)
} $mesh->workers;
my $prepared = 'SELECT count(*) FROM pg_prepared_xacts';
my $log_mark = 0;

# What worker 1 was told since the last call.
sub told
{
	my $log = PostgreSQL::Test::Utils::slurp_file($mesh->worker(1)->logfile);
	my $new = substr $log, $log_mark;
	$log_mark = length $log;
	return $new;
}
told();

# ---- phases ---------------------------------------------------------------------------------------
$mesh->sql("UPDATE items SET n = 1 WHERE id = $here");
my $told = told();
like($told, qr/BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE/, 'a write opens a transaction');
unlike($told, qr/PREPARE TRANSACTION/, 'one worker, nothing written here: one phase');
$mesh->sql('UPDATE items SET n = 2');
like(told(), qr/PREPARE TRANSACTION 'vecmesh_.*COMMIT PREPARED 'vecmesh_/s, 'two workers: two phases');
$mesh->sql("BEGIN; UPDATE items SET n = 3 WHERE id = $here; INSERT INTO log VALUES ('x'); COMMIT");
like(told(), qr/PREPARE TRANSACTION/, 'one worker and a row here: two phases');
is($mesh->sql('SELECT count(*) FROM items'), '100', 'a read');
unlike(told(), qr/BEGIN/, 'a single read opens no transaction');
$mesh->sql('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM items; COMMIT');
like(told(), qr/BEGIN ISOLATION LEVEL REPEATABLE READ/, 'isolation level is taken over');
$mesh->sql('BEGIN READ ONLY; SELECT count(*) FROM items; COMMIT');
like(told(), qr/BEGIN ISOLATION LEVEL READ COMMITTED READ ONLY/, 'so is READ ONLY');
is($mesh->on_workers($prepared), '0,0', 'nothing stays prepared');

my $session = $mesh->session;
$session->run("UPDATE items SET n = n + 1; UPDATE items SET n = n + 1;");
is($mesh->sql('SELECT count(DISTINCT gid) BETWEEN 1 AND 8 FROM vecmesh.transaction_record'), 't',
	'commit records of finished transactions are removed by later ones');
is($mesh->sql('SELECT vecmesh.recover_prepared_transactions()'), '0', 'nothing to recover');
is($mesh->sql('SELECT count(*) FROM vecmesh.transaction_record'), '0', 'recovery removes the last records');

# ---- savepoints -----------------------------------------------------------------------------------
is($mesh->sql(qq{
	UPDATE items SET n = 0;
	BEGIN;
	UPDATE items SET n = 1 WHERE id = $here;
	SAVEPOINT a;
	UPDATE items SET n = 2 WHERE id = $here;
	UPDATE items SET n = 2 WHERE id = $there;
	ROLLBACK TO a;
	SELECT sum(n) FROM items;
	SAVEPOINT b;
	UPDATE items SET n = 4 WHERE id = $there;
	SAVEPOINT c;
	UPDATE items SET n = 8 WHERE id = $there;
	RELEASE b;
	COMMIT;
	SELECT sum(n) FROM items;}), "1\n9", 'savepoints are followed');
is($mesh->sql(qq{
	UPDATE items SET n = 0;
	DO \$\$ BEGIN
		FOR i IN 1..4 LOOP
			BEGIN
				UPDATE items SET n = n + i WHERE id IN ($here, $there);
				IF i % 2 = 0 THEN RAISE 'even'; END IF;
			EXCEPTION WHEN raise_exception THEN NULL;
			END;
		END LOOP;
	END \$\$;
	SELECT sum(n) FROM items;}), '8', 'exception blocks of PL/pgSQL are followed');
is($mesh->sql(qq{
	UPDATE items SET n = 0;
	DO \$\$ BEGIN
		UPDATE items SET n = 1 WHERE id = $there;
		BEGIN
			INSERT INTO items VALUES ($here, 0);
		EXCEPTION WHEN unique_violation THEN
			UPDATE items SET n = 5 WHERE id = $here;
		END;
	END \$\$;
	SELECT sum(n) FROM items;}), '6', 'an error of a worker is caught like a local one');
$mesh->try("BEGIN; UPDATE items SET n = 1000; SELECT 1/0; COMMIT;");
is($mesh->sql('SELECT sum(n) FROM items'), '6', 'an error here rolls back there');

# ---- refused --------------------------------------------------------------------------------------
my ($out, $err) = $mesh->try("BEGIN; UPDATE items SET n = 7; PREPARE TRANSACTION 'mine';");
like($err, qr/0A000: cannot PREPARE a transaction that has written to distributed tables.*HINT:/s,
	'PREPARE TRANSACTION of a distributed write');
is($mesh->sql('SELECT sum(n) FROM items'), '6', 'it is rolled back');
$mesh->sql("BEGIN; SELECT count(*) FROM items; INSERT INTO log VALUES ('y'); PREPARE TRANSACTION 'mine'; COMMIT PREPARED 'mine'");
is($mesh->sql("SELECT count(*) FROM log WHERE line = 'y'"), '1', 'PREPARE TRANSACTION after distributed reads');

# ---- deferred constraints fail at commit ----------------------------------------------------------
$mesh->worker(2)->safe_psql($db, q{
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
		$$ BEGIN RAISE 'no commit' USING ERRCODE = '23514', HINT = 'ask later'; END $$;
	DO $$ DECLARE t regclass; BEGIN
		FOR t IN SELECT oid FROM pg_class WHERE relname LIKE 'items\_%' AND relkind = 'r' LOOP
			EXECUTE format('CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON %s
				DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION refuse()', t);
		END LOOP; END $$;});
($out, $err) = $mesh->try('UPDATE items SET n = 100');
like($err, qr/ERROR:  23514: no commit.*HINT:  ask later/s, 'a worker that cannot prepare: its error, its hint');
is($mesh->sql('SELECT sum(n) FROM items'), '6', 'nothing is committed anywhere');
is($mesh->on_workers($prepared), '0,0', 'nothing stays prepared');
($out, $err) = $mesh->try("UPDATE items SET n = 100 WHERE id = $there");
like($err, qr/ERROR:  23514: no commit/, 'the same in one phase');
is($mesh->sql('SELECT sum(n) FROM items'), '6', 'nothing is committed');
$session->finish;

done_testing();
