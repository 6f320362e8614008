# SPDX-License-Identifier: PostgreSQL
#
# Old snapshots of a standby while the primary splits lists, frees them and uses their places again:
# what a search finds there is what a scan of the table finds, or the snapshot ends as PostgreSQL's
# conflicts with recovery end them. With both kinds of WAL.
#
# Nothing here holds what replay needs: replay is paused while the primary works, and then does all of
# that within the few milliseconds that a search takes, beside searches.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);

srand(1);
my $rounds = 10;    # of replay beside searches, for each kind of WAL

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf(
	'postgresql.conf', q(
shared_preload_libraries = 'vector'
autovacuum = off
wal_keep_size = 1GB
max_wal_size = 1GB
checkpoint_timeout = 1h));
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf',
	"max_standby_streaming_delay = 500ms\nstatement_timeout = 60s\nwal_receiver_status_interval = 1s");
$standby->start;

# ---- what both servers run

my $setup = q(
	CREATE EXTENSION vector;
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg(sin(i * k * 7.919 + k)) FROM generate_series(1, 32) k';
	CREATE FUNCTION near(i int, n int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg(sin(i * k * 7.919 + k) + sin(n * k * 3.7) / 20) FROM generate_series(1, 32) k';
	CREATE TABLE t (id int, v vector(32));
	CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops);
	INSERT INTO t SELECT i, row_of(i) FROM generate_series(1, 20000) i;
	CREATE FUNCTION nearest(q vector) RETURNS int[] LANGUAGE sql STABLE AS
		'SELECT array_agg(id) FROM (SELECT id FROM t ORDER BY v <-> q LIMIT 5) s';
	-- searches until the deadline: how many there were, or the first that was wrong
	CREATE FUNCTION watch(seconds float, question int) RETURNS text LANGUAGE plpgsql AS $$
		DECLARE
			deadline timestamptz = clock_timestamp() + seconds * interval '1 s';
			q vector = row_of(question);
			expected int[];
			found int[];
			searches int = 0;
		BEGIN
			PERFORM set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'off', true);
			EXECUTE 'SELECT nearest($1)' INTO expected USING q;
			PERFORM set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'on', true);
			WHILE clock_timestamp() < deadline LOOP
				EXECUTE 'SELECT nearest($1)' INTO found USING q;
				IF found IS DISTINCT FROM expected THEN
					RETURN format('wrong: %s, expected %s, after %s searches', found, expected, searches);
				END IF;
				searches = searches + 1;
			END LOOP;
			RETURN 'searched';
		END $$;
	ALTER FUNCTION watch SET ivfrabitq.recall_target = 1;
	ALTER FUNCTION watch SET plan_cache_mode = force_custom_plan;);
my $searched_again = 0;    # by rounds that met lists that replay had given up
my $next_row = 100000;

# Rows near some that are there already, so that the lists of those grow.
sub add_rows
{
	my ($database, $count) = @_;
	my $sql = '';
	for (1 .. 3)
	{
		my ($first, $last, $centre) = ($next_row, $next_row + $count - 1, 1 + int(rand(20000)));
		$sql .= "INSERT INTO t SELECT i, near($centre, i) FROM generate_series($first, $last) i;\n";
		$next_row += $count;
	}
	$primary->safe_psql($database, $sql);
	return;
}

# The lists that have grown are split; their pages and places are freed; and others take them. A
# snapshot that a standby took after add_rows() lives on: vacuum marks no page as visible to all that has
# rows it does not see. (That is a conflict too, and ends most snapshots before ours would.)
sub split_and_reuse
{
	my ($database, $rows) = @_;
	$primary->safe_psql($database, "VACUUM t;\nSELECT txid_current();\nVACUUM t;\n");
	my $holder = $primary->background_psql($database);
	$holder->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1;');
	add_rows($database, $rows);
	$primary->safe_psql($database, 'VACUUM t');
	$holder->quit;
	return;
}

# In the background, from a file: psql may end in the middle of it.
sub start_psql
{
	my ($database, $name, $sql) = @_;
	my $session = { out => '', err => '' };
	my $file = "$PostgreSQL::Test::Utils::tmp_check/$name.sql";
	PostgreSQL::Test::Utils::append_to_file($file, $sql);
	$session->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-d', $standby->connstr($database), '-v', 'ON_ERROR_STOP=1', '-v', 'SHOW_CONTEXT=never', '-f', $file ],
		'<', '/dev/null', '>', \$session->{out}, '2>', \$session->{err}, IPC::Run::timeout(120));
	return $session;
}

# What it said by then, until it matches.
sub wait_for
{
	my ($session, $pattern) = @_;
	while ($session->{out} !~ $pattern && $session->{run}->pumpable)
	{
		$session->{run}->pump;
	}
	return $session->{out};
}

sub finish
{
	my ($session) = @_;
	$session->{run}->finish;
	return $session->{out} . $session->{err};
}

sub replayed
{
	my ($lsn) = @_;
	return $standby->safe_psql('postgres', "SELECT pg_last_wal_replay_lsn() >= '$lsn'") eq 't';
}

sub wait_for_replay
{
	my ($seconds) = @_;
	my $lsn = $primary->lsn('insert');
	$primary->safe_psql('postgres', 'SELECT txid_current()');    # its commit flushes what is before
	my $deadline = time + $seconds;
	while (!replayed($lsn))
	{
		return 0 if time > $deadline;
		usleep(20_000);
	}
	return 1;
}

# ---- searches

sub search_beside_replay
{
	my ($database, $round) = @_;
	add_rows($database, 500);
	wait_for_replay(30);
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_pause()');
	$standby->poll_query_until('postgres', q(SELECT pg_get_wal_replay_pause_state() = 'paused'));
	split_and_reuse($database, $round % 2 ? 500 : 20);
	my $session = start_psql($database, "watch_${database}_$round", qq(
		SET client_min_messages = debug1;
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SELECT 'begun';
		SELECT watch(1, 77 * $round);
		COMMIT;));
	wait_for($session, qr/begun/);
	usleep(300_000);    # it has its answer from the table
	$standby->safe_psql('postgres', 'SELECT pg_wal_replay_resume()');
	my $said = finish($session);
	$searched_again += () = $said =~ /lists were given up; searching again/g;
	$said =~ s/^psql:.*(?:DEBUG|LOG): .*\n//gm;
	is($said, "begun\nsearched\n", "$database: searches find what is there");
	return;
}

# ---- a cursor

sub hold_cursor
{
	my ($database) = @_;
	add_rows($database, 500);
	wait_for_replay(30);
	my $session = $standby->background_psql($database, on_error_stop => 0);
	$session->query_safe(
		q(SET enable_seqscan = off; SET ivfrabitq.recall_target = 1;
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		DECLARE c CURSOR FOR SELECT id FROM t ORDER BY v <-> row_of(5);));
	my $count = $session->query_safe('SELECT count(*) FROM t');
	my @ids = split /\n/, $session->query_safe("FETCH 20 FROM c");
	split_and_reuse($database, 500);
	ok(wait_for_replay(30), "$database: an open cursor does not stop replay");
	push @ids, split /\n/, $session->query_safe('FETCH ALL FROM c');
	my %ids = map { $_ => 1 } @ids;
	is(scalar @ids, $count, "$database: a cursor returns as many rows as there are");
	is(scalar keys %ids, $count, "$database: each once");
	$session->quit;
	return;
}

# ---- rows that are dead to the primary alone

# Vacuum cannot take rows from a page that somebody has pinned; the split of their list meets them.
sub leave_rows_out
{
	my ($database, $table) = @_;
	my $done = "$PostgreSQL::Test::Utils::tmp_check/$table.$database";
	$primary->safe_psql(
		$database, qq(
		CREATE TABLE $table (id int, v vector(420));
		CREATE INDEX ON $table USING ivfrabitq (v vector_l2_ops);
		INSERT INTO $table SELECT i, (SELECT array_agg(sin(i * k * 7.919)) FROM generate_series(1, 420) k)
			FROM generate_series(1, 1500) i;
		CREATE FUNCTION first_rows_of_$table() RETURNS text LANGUAGE sql STABLE AS \$\$
			SELECT string_agg(id::text, ' ' ORDER BY id) FROM (
				SELECT id FROM (SELECT id FROM $table ORDER BY v <-> (SELECT v FROM $table WHERE id = 1)) s
				WHERE id < 5) s \$\$;));
	wait_for_replay(30);
	my $session = start_psql($database, "left_out_$table", qq(
		BEGIN ISOLATION LEVEL REPEATABLE READ;
		SET enable_seqscan = off; SET ivfrabitq.recall_target = 1;
		SELECT 'before: ' || first_rows_of_$table();
		DO \$\$ BEGIN
			WHILE (pg_stat_file('$done', true)).size IS NULL LOOP PERFORM pg_sleep(0.05); END LOOP;
		END \$\$;
		SELECT 'after: ' || first_rows_of_$table();
		COMMIT;));
	like(wait_for($session, qr/before.*\n/), qr/^before: 1 2 3 4$/m, "$database: rows are there");

	# a walsender that knows the standby's snapshot
	$primary->poll_query_until('postgres', 'SELECT backend_xmin IS NOT NULL FROM pg_stat_replication')
	  if $standby->safe_psql('postgres', 'SHOW hot_standby_feedback') eq 'on';
	$primary->safe_psql($database, "DELETE FROM $table WHERE id IN (2, 3)");
	my $reader = $primary->background_psql($database);
	$reader->query_safe("BEGIN; DECLARE c CURSOR FOR SELECT id FROM $table; FETCH 1 FROM c;");
	$primary->safe_psql($database, "VACUUM $table");
	cmp_ok($primary->safe_psql($database, "SELECT lists FROM index_stats('${table}_v_idx')"),
		'>', 1, "$database: the list is split");
	$reader->quit;
	ok(wait_for_replay(30), "$database: replay goes on");
	PostgreSQL::Test::Utils::append_to_file($done, '.');
	return finish($session);
}

# ---- all of it

for my $mode (qw(generic custom))
{
	$primary->safe_psql('postgres', "CREATE DATABASE $mode");
	$primary->safe_psql('postgres', "ALTER DATABASE $mode SET vector.wal_mode = '$mode'");
	$primary->safe_psql($mode, "SET client_min_messages = warning; $setup");
	$primary->safe_psql($mode, 'VACUUM t');
	ok(wait_for_replay(60), "$mode: replayed");

	search_beside_replay($mode, $_) for 1 .. $rounds;
	hold_cursor($mode);
	like(leave_rows_out($mode, 'dead'), qr/after: 1 2 3 4$|conflict with recovery/m,
		"$mode: a snapshot that sees rows the split left out has them, or ends");
}

note("$searched_again rounds of searches were run again");

$standby->append_conf('postgresql.conf', 'hot_standby_feedback = on');
$standby->restart;
like(leave_rows_out('generic', 'needed'), qr/after: 1 2 3 4$/m, 'with feedback the split copies them');

unlike(slurp_file($_->logfile), qr/PANIC|TRAP|is corrupted/, 'no damage in the log of ' . $_->name)
  for $primary, $standby;
is( $standby->safe_psql($_, q(SELECT count(*) FROM index_check('t_v', true, true))), '0', "$_: the index is sound")
  for qw(generic custom);
$standby->stop;
$primary->stop;
done_testing();
