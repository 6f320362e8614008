# SPDX-License-Identifier: PostgreSQL
#
# kill -9 during writes to a distributed table with an ivfflat index: of a backend, of a worker's
# postmaster, of the coordinator's. Writers keep a ledger, outside the databases, of the transactions
# that were acknowledged. After each round: every acknowledged row is there and the index finds it
# when all lists are probed; no transaction is there in part; no node holds a prepared transaction.
#
#   VECMESH_CRASH_ROUNDS   rounds (3; the campaign: 20)
#   VECMESH_CRASH_WORKERS  workers (2)
#   VECMESH_CRASH_SEED     seed of the random choices (the time)
use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use VecmeshCluster;

my $rounds = $ENV{VECMESH_CRASH_ROUNDS} // 3;
my $worker_count = $ENV{VECMESH_CRASH_WORKERS} // 2;
my $seed = $ENV{VECMESH_CRASH_SEED} // time();
my $writers = 3;
my $rows_per_transaction = 4;
my $lists = 5;
srand($seed);
diag "seed $seed, $rounds rounds, $worker_count workers";

my $mesh = VecmeshCluster->new(workers => $worker_count);
my $db = $VecmeshCluster::database;
my $coordinator = $mesh->coordinator;
my @nodes = ($coordinator, $mesh->workers);
for my $node (@nodes)
{
	$node->append_conf('postgresql.conf', 'restart_after_crash = on');
	$node->reload;
}

$mesh->sql(qq{
	CREATE TABLE item (id bigint PRIMARY KEY, batch bigint NOT NULL, embedding vector(4) NOT NULL);
	CREATE TABLE ledger (batch bigint PRIMARY KEY, id bigint NOT NULL, size int NOT NULL);
	SELECT vecmesh.create_distributed_table('item', 'id', 2 * $worker_count);
	INSERT INTO item SELECT i, 0, ARRAY[i % 10, i % 7, i % 3, 1]::vector FROM generate_series(1, 1000) i;
	CREATE INDEX item_embedding ON item USING ivfflat (embedding vector_l2_ops) WITH (lists = $lists);
});

# Transactions of one writer in one round, each followed by its acknowledgement. Three ways to write:
# several statements, one statement with parameters, one that streams.
my $next_batch = 1;
my $next_id = 10_000;

sub script
{
	my ($count) = @_;
	my $script = "\\set ON_ERROR_STOP 1\nSET client_min_messages = error;\n";
	for (1 .. $count)
	{
		my $batch = $next_batch++;
		my $size = $batch % 3 == 2 ? 40 : $rows_per_transaction;
		my ($first, $last) = ($next_id, $next_id + $size - 1);
		$next_id += $size;
		my $row = "%d, $batch, '[%d,%d,1,2]'";
		my @rows = map { sprintf $row, $_, $_ % 10, $_ % 7 } $first .. $last;
		if ($batch % 3 == 0)
		{
			$script .= "BEGIN;\n" . join('', map { "INSERT INTO item VALUES ($_);\n" } @rows) . "COMMIT;\n";
		}
		elsif ($batch % 3 == 1)
		{
			$script .= 'INSERT INTO item VALUES ' . join(', ', map { "($_)" } @rows) . ";\n";
		}
		else
		{
			$script .= "INSERT INTO item SELECT i, $batch, ARRAY[i % 10, i % 7, 1, 2]::vector"
			  . " FROM generate_series($first, $last) i;\n";
		}
		$script .= "\\echo ack $batch $first $size\n";
	}
	return $script;
}

sub start_writers
{
	my @running;
	for my $writer (1 .. $writers)
	{
		my %w = (out => '', err => '');
		my $file = $coordinator->basedir . "/writer$writer.sql";
		open my $out, '>', $file or die "$file: $!";
		print $out script(4000);
		close $out;
		$w{handle} = IPC::Run::start([ 'psql', '-XAtq', '-d', $coordinator->connstr($db), '-f', $file ],
			'<', \undef, '>', \$w{out}, '2>', \$w{err}, IPC::Run::timeout(600));
		push @running, \%w;
	}
	return @running;
}

# Lets the writers work for a while, then has one thing killed.
sub pump
{
	my ($seconds, @running) = @_;
	my $end = time() + $seconds;
	while (time() < $end)
	{
		$_->{handle}->pump_nb for grep { $_->{handle}->pumpable } @running;
		sleep 0.01;
	}
	return;
}

# Alone, so that its children go on until they notice, or with all of them.
sub kill_postmaster
{
	my ($node) = @_;
	my ($pid) = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/postmaster.pid') =~ /^(\d+)/;
	my @children = rand() < 0.5 ? () : split ' ', `ps -o pid= --ppid $pid`;
	kill 'STOP', $pid; # it must not start to clean up after them
	kill 'KILL', @children if @children;
	$mesh->kill9($node);
	note $node->name . ': postmaster killed' . (@children ? ' with its children' : ' alone');
	return;
}

sub kill_backend
{
	my ($node) = @_;
	my $pids = $node->safe_psql($db, q{SELECT pid FROM pg_stat_activity
		WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND datname = current_database()});
	my @pids = split /\n/, $pids;
	return 0 unless @pids;
	return kill 'KILL', $pids[ int(rand(@pids)) ];
}

# A killed postmaster's children die when they notice; until then the server cannot start.
sub start_again
{
	my ($node) = @_;
	for (1 .. 600)
	{
		return 1 if $node->start(fail_ok => 1);
		sleep 0.1;
	}
	return 0;
}

# poll_query_until() would die when psql cannot connect.
sub answers
{
	my ($node) = @_;
	my @command = ('psql', '-XAtq', '-d', $node->connstr($db), '-c', 'SELECT 1');
	for (1 .. 600)
	{
		return 1 if IPC::Run::run(\@command, '<', \undef, '>', \my $out, '2>', \my $err);
		sleep 0.1;
	}
	return 0;
}

sub acknowledged
{
	my (@running) = @_;
	my @lines;
	for my $w (@running)
	{
		push @lines, join("\t", $1, $2, $3) while $w->{out} =~ /^ack (\d+) (\d+) (\d+)$/mg;
	}
	return @lines;
}

# Ends the in-doubt transactions. Workers may still have to notice that a coordinator backend is gone.
sub recover
{
	for (1 .. 300)
	{
		$mesh->sql('SELECT vecmesh.recover_prepared_transactions()');
		my $left = 0;
		$left += $_->safe_psql($db, 'SELECT count(*) FROM pg_prepared_xacts') for $mesh->workers;
		return 1 if $left == 0;
		sleep 0.1;
	}
	return 0;
}

my $by_index = qq{
	SET enable_seqscan = off; SET enable_sort = off; SET ivfflat.probes = $lists;
	SELECT id, batch FROM item ORDER BY embedding <-> '[1,1,1,1]' LIMIT 100000000};

for my $worker ($mesh->workers)
{
	my $shard = $worker->safe_psql($db, q{SELECT relname FROM pg_class WHERE relname ~ '^item_\d+$' LIMIT 1});
	my ($settings, $query) = $by_index =~ /^(.*;)\s*(SELECT.*)$/s;
	like($worker->safe_psql($db, "$settings EXPLAIN " . $query =~ s/FROM item/FROM $shard/r),
		qr/Index Scan using item_embedding_\d+ /, $worker->name . ': the query by index uses the index');
}

my ($total, $spread) = (0, 0);
for my $round (1 .. $rounds)
{
	my @running = start_writers();
	pump(1.5 + rand(1.5), @running);
	my ($what, $node) = $round % 3 == 1 ? ('worker', ($mesh->workers)[ int(rand($worker_count)) ])
	  : $round % 3 == 2 ? ('coordinator', $coordinator)
	  : ('backend', $nodes[ int(rand(@nodes)) ]);
	$what eq 'backend' ? kill_backend($node) : kill_postmaster($node);
	$what .= ' of ' . $node->name if $what eq 'backend';
	pump(0.5, @running);
	ok(start_again($node), "round $round: $what killed, server is up again") if $what !~ /^backend/;
	# after a crash of one backend the server restarts by itself
	ok(answers($node), "round $round: " . $node->name . ' answers');

	# some writers may have met nothing but a restarted worker: they are stopped
	for my $w (@running)
	{
		$w->{handle}->signal('INT') if $w->{handle}->pumpable;
		eval { $w->{handle}->finish; 1 } or $w->{handle}->kill_kill;
	}
	my @lines = acknowledged(@running);
	$total += @lines;
	ok(recover(), "round $round: no transaction stays prepared");

	$coordinator->psql($db, "COPY ledger FROM STDIN;\n" . join("\n", @lines) . "\n\\.\n") if @lines;
	$mesh->sql("CREATE TABLE found AS SELECT id, batch FROM item");
	my $index_rows = $coordinator->safe_psql($db, $by_index);
	my $file = $coordinator->data_dir . '/by_index.tsv';
	open my $out, '>', $file or die "$file: $!";
	print $out join("\n", map { s/\|/\t/r } split /\n/, $index_rows), "\n";
	close $out;
	$mesh->sql("CREATE TABLE indexed (id bigint, batch bigint); COPY indexed FROM '$file'");

	for my $source ('found', 'indexed')
	{
		is($mesh->sql(qq{SELECT count(*) FROM ledger l, generate_series(l.id, l.id + l.size - 1) k
				WHERE NOT EXISTS (SELECT FROM $source s WHERE s.id = k AND s.batch = l.batch)}),
			'0', "round $round: every acknowledged row is $source");
	}
	is($mesh->sql('(TABLE found EXCEPT TABLE indexed) UNION ALL (TABLE indexed EXCEPT TABLE found)'),
		'', "round $round: table and index agree");
	is($mesh->sql('SELECT count(*) - count(DISTINCT id) FROM found'), '0', "round $round: no row twice");
	is($mesh->sql(qq{SELECT batch, count(*) FROM found WHERE batch > 0 GROUP BY batch
			HAVING count(*) <> CASE WHEN batch % 3 = 2 THEN 40 ELSE $rows_per_transaction END}),
		'', "round $round: no transaction is there in part");
	$spread = $mesh->sql(q{SELECT count(*) FROM (SELECT batch FROM found JOIN vecmesh.shard s
			ON s.shard_id = vecmesh.shard_for('item'::regclass, found.id) JOIN vecmesh.placement USING (shard_id)
			WHERE batch > 0 GROUP BY batch HAVING count(DISTINCT group_id) > 1) x});
	note "round $round: " . scalar(@lines) . ' transactions acknowledged, '
	  . $mesh->sql('SELECT count(DISTINCT batch) FROM found') . ' found';
	$mesh->sql('DROP TABLE found, indexed');
}
cmp_ok($total, '>', 0, "$total transactions were acknowledged in all");
cmp_ok($spread, '>', 0, "$spread of them wrote to several workers");

$_->stop for @nodes;
done_testing();
