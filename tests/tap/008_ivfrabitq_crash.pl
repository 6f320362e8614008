# SPDX-License-Identifier: PostgreSQL
#
# The server is killed (SIGKILL) while clients insert and delete and another vacuums, which also
# splits lists. After each restart the index has every row of the table, each once and with its own
# codes, and the table has all that was acknowledged.
use strict;
use warnings;
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $rounds = 4;

my $node = PostgreSQL::Test::Cluster->new('crash');
$node->init;
$node->append_conf('postgresql.conf',
	"autovacuum = off\nmax_wal_size = 64MB\nshared_preload_libraries = 'vector'");
$node->start;
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION check_index(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
		DECLARE problem record;
		BEGIN
			FOR problem IN SELECT * FROM index_check(index, true, true) LOOP
				RAISE EXCEPTION '%: %', index, problem;
			END LOOP;
			RETURN (SELECT rows FROM index_stats(index));
		END $$;
	CREATE TABLE t (id int, v vector(8), b int);
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 1009)::int)::vector FROM generate_series(1, 8) k';
	CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops, b);
	INSERT INTO t SELECT -i, row_of(i), i % 5 FROM generate_series(1, 500) i;
	CREATE UNLOGGED TABLE u (id int, v vector(3));
	INSERT INTO u SELECT i, ARRAY[i, i, i] FROM generate_series(1, 300) i;
	CREATE INDEX u_v ON u USING ivfrabitq (v vector_l2_ops) WITH (lists = 3);));

# One client's life: inserts of its own ids, and every third is deleted again. What psql prints is
# what the server acknowledged.
sub client_script
{
	my ($first) = @_;
	my $sql = '';
	for my $i ($first .. $first + 9999)
	{
		$sql .= "INSERT INTO t VALUES ($i, row_of($i), $i % 5) RETURNING id;\n";
		my $victim = $i - 5;
		$sql .= "DELETE FROM t WHERE id = $victim RETURNING -id - 1000000;\n"
		  if $victim >= $first && $victim % 3 == 0;
	}
	return $sql;
}

# A file and not its standard input: psql ends in the middle of it.
sub start_client
{
	my ($name, $script, $out) = @_;
	my $file = $node->basedir . "/$name.sql";
	append_to_file($file, $script);
	return IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('postgres'), '-f', $file ],
		'<', \'', '>', $out, '2>', \my $ignored);
}

# The killed postmaster's children may need a moment to notice; until then it cannot start.
sub start_after_kill
{
	for (1 .. 200)
	{
		return if $node->start(fail_ok => 1);
		usleep(100_000);
		$node->stop('fast', fail_ok => 1);    # forget the process of the failed start
	}
	BAIL_OUT('the server does not start any more');
	return;
}

my $next = 1;
my (%inserted, %deleted, %maybe_deleted);

for my $round (1 .. $rounds)
{
	my $mode = $round % 2 ? 'custom' : 'generic';
	$node->append_conf('postgresql.conf', "vector.wal_mode = $mode");
	$node->reload;

	my @out = ('', '', '');
	my @clients = map { start_client("client$round$_", client_script($next + $_ * 10000), \$out[$_]) } 0 .. 1;
	my $housekeeping = "VACUUM (INDEX_CLEANUP ON) t;\nCHECKPOINT;\n" x 5000;
	push @clients, start_client("housekeeping$round", $housekeeping, \$out[2]);

	# until there is something to lose, and then a little longer, differently in each round
	for (1 .. 3000)
	{
		$_->pump_nb for @clients;
		last if (() = $out[0] =~ /\n/g) > 300 * $round && (() = $out[1] =~ /\n/g) > 50;
		usleep(10_000);
	}
	usleep(37_000 * $round);
	$node->kill9;
	$_->finish for @clients;
	start_after_kill();

	for my $i (0 .. 1)
	{
		my @acknowledged = $out[$i] =~ /^(-?\d+)\n/mg;
		$inserted{$_} = 1 for grep { $_ > 0 } @acknowledged;
		$deleted{ -$_ - 1000000 } = 1 for grep { $_ < 0 } @acknowledged;
		my $last = (grep { $_ > 0 } @acknowledged)[-1];
		$maybe_deleted{ $last - 5 } = 1 if defined $last;    # sent, perhaps done, not acknowledged
	}
	$next += 20000;

	# checks what there is; rows of transactions that the crash ended count until they are vacuumed
	cmp_ok($node->safe_psql('postgres', "SELECT check_index('t_v') - count(*) FROM t"),
		'>=', 0, "round $round: the index is sound and has the table's rows");
	is( $node->safe_psql('postgres', "VACUUM (INDEX_CLEANUP ON) t; SELECT check_index('t_v') - count(*) FROM t"),
		'0', "round $round: exactly those, after vacuum");

	my %found = map { $_ => 1 } split /\n/, $node->safe_psql('postgres', 'SELECT id FROM t');
	my @lost = grep { !$found{$_} && !$deleted{$_} && !$maybe_deleted{$_} } keys %inserted;
	my @risen = grep { $found{$_} } keys %deleted;
	is("@lost", '', "round $round: no acknowledged row is lost, of " . keys %inserted);
	is("@risen", '', "round $round: no deleted row is back, of " . keys %deleted);

	# an unlogged index is empty after a crash, and works
	is( $node->safe_psql(
			'postgres', q(
			SELECT check_index('u_v');
			INSERT INTO u SELECT i, ARRAY[i, i, i] FROM generate_series(1, 300) i;
			SELECT check_index('u_v');)),
		"0\n300",
		"round $round: the unlogged index starts anew");
}

# what the crashes left behind does not stop vacuum and further inserts
is( $node->safe_psql(
		'postgres', q(
		DELETE FROM t WHERE id % 2 = 0;
		VACUUM (INDEX_CLEANUP ON) t;
		INSERT INTO t SELECT 10000000 + i, row_of(i), i % 5 FROM generate_series(1, 1000) i;
		SELECT check_index('t_v') - count(*) FROM t;)),
	'0', 'vacuum and inserts after all crashes');

$node->stop;
done_testing();
