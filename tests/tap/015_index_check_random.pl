# SPDX-License-Identifier: PostgreSQL
#
# Random damage crashes neither index_check() nor index_stats() nor index_pages(); and what these, and
# `vecmesh check`, say of a damaged index, on a standby, and to those who have no right to ask.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $page   = 8192;
my $rounds = 4;
my $copies = 25;    # of each index

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf('postgresql.conf', "autovacuum = off\nshared_buffers = 32MB");
$primary->start;
my %definition = (
	flat  => 'ivfflat (v vector_cosine_ops) WITH (lists = 3)',
	codes => 'ivfrabitq (v vector_l2_ops, category) WITH (lists = 4)');
# as in 014_index_check.pl
$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	SET client_min_messages = error;
	CREATE TABLE t (category int, v vector(16));)
	  . join('', map {
			my $index = $_;
			map { "CREATE INDEX ${index}_$_ ON t USING $definition{$index};\n" } 1 .. $copies
		} sort keys %definition)
	  . q(UPDATE pg_index SET indisready = false WHERE indrelid = 't'::regclass;
	INSERT INTO t SELECT i % 10, row_of(i) FROM generate_series(1, 500) i;)
	  . join('', map { "CREATE INDEX $_ ON t USING $definition{$_};\n" } sort keys %definition)
	  . q(INSERT INTO t SELECT i % 10, row_of(i) FROM generate_series(501, 900) i;
	DELETE FROM t WHERE category = 3;
	CREATE UNLOGGED TABLE u (v vector(3));
	CREATE INDEX unlogged ON u USING ivfrabitq (v vector_l2_ops);
	INSERT INTO u VALUES ('[1,2,3]');
	CREATE ROLE nobody LOGIN;
	-- the number of problems; damage may be an error to the other two
	CREATE FUNCTION look(index regclass) RETURNS bigint LANGUAGE plpgsql AS $$
		BEGIN
			BEGIN
				PERFORM * FROM index_stats(index);
				PERFORM * FROM index_pages(index);
			EXCEPTION WHEN index_corrupted OR data_corrupted OR feature_not_supported THEN
			END;
			PERFORM * FROM index_check(index);
			RETURN (SELECT count(*) FROM index_check(index, true, true));
		END $$;));
$primary->safe_psql('postgres', 'VACUUM (INDEX_CLEANUP ON) t;');
$primary->safe_psql('postgres', "UPDATE pg_index SET indisready = true WHERE indrelid = 't'::regclass; CHECKPOINT;");

sub paths
{
	my ($node, @indexes) = @_;
	return map { $node->data_dir . "/$_" } split /\n/,
	  $node->safe_psql('postgres', join("\n", map { "SELECT pg_relation_filepath('$_');" } @indexes));
}

sub write_file
{
	my ($path, $bytes) = @_;
	open(my $file, '>:raw', $path) or die "$path: $!";
	print $file $bytes;
	close($file) or die "$path: $!";
}

my %sound = map { $_ => slurp_file((paths($primary, $_))[0]) } keys %definition;
my @indexes = map { my $i = $_; ("flat_$i", "codes_$i") } 1 .. $copies;
my @paths = paths($primary, @indexes);

# One change of a sound file.
sub damaged
{
	my ($bytes) = @_;
	my $blocks = length($bytes) / $page;
	my $block  = int(rand($blocks));
	my $what   = rand();
	if ($what < 0.6)    # some bytes; half of the time where headers are
	{
		my $length = 1 + int(rand(16));
		my $offset = rand() < 0.5 ? int(rand(200)) : int(rand($page - $length));
		substr($bytes, $block * $page + $offset, $length) = pack('C*', map { int(rand(256)) } 1 .. $length);
	}
	elsif ($what < 0.7)    # a bit
	{
		my $offset = int(rand(length($bytes)));
		substr($bytes, $offset, 1) ^= chr(1 << int(rand(8)));
	}
	elsif ($what < 0.8)    # a page of zeroes, or of anything behind a sound header
	{
		my $from = rand() < 0.5 ? 0 : 24;
		my @fill = map { $from ? int(rand(256)) : 0 } $from .. $page - 1;
		substr($bytes, $block * $page + $from, $page - $from) = pack('C*', @fill);
	}
	elsif ($what < 0.9)    # another page
	{
		substr($bytes, $block * $page, $page) = substr($bytes, int(rand($blocks)) * $page, $page);
	}
	else                   # an end too early, or too late
	{
		$bytes = rand() < 0.5 ? substr($bytes, 0, $block * $page) : $bytes . substr($bytes, $block * $page);
	}
	return $bytes;
}

srand(20240229);
my $found = 0;
for my $round (1 .. $rounds)
{
	$primary->stop;
	write_file($paths[$_], damaged($sound{ $indexes[$_] =~ s/_.*//r })) for 0 .. $#indexes;
	$primary->start;
	my ($out, $err);
	$primary->psql('postgres', join("\n", map { "SELECT '$_', look('$_');" } @indexes), stdout => \$out, stderr => \$err);
	is($err, '', "round $round: no error");
	my @answers = split /\n/, $out;
	is(scalar(@answers), scalar(@indexes), "round $round: every damaged index was checked");
	$found += grep { !/\|0$/ } @answers;
}
note("$found of " . $rounds * @indexes . ' damages were found');
cmp_ok($found, '>', $rounds * @indexes / 2, 'most of them were found');
unlike(slurp_file($primary->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');

# ---- a standby

$primary->stop;
write_file($paths[$_], $sound{ $indexes[$_] =~ s/_.*//r }) for 0 .. $#indexes;
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);
is($standby->safe_psql('postgres', "SELECT * FROM index_check('$_', true, true);"), '', "standby: $_") for sort keys %definition;
{
	my ($out, $err);
	$standby->psql('postgres', "SELECT * FROM index_check('unlogged'); SELECT * FROM index_pages('unlogged');
		SELECT rows FROM index_stats('unlogged');", stdout => \$out, stderr => \$err);
	is($out, '', 'standby: an unlogged index has no content');
	my @notices = $err =~ /NOTICE:  index "unlogged" is unlogged: it has no content during recovery/g;
	is(scalar(@notices), 3, 'standby: and says so');
}

# ---- the command

my $program = "$ENV{VECMESH_BUILD}/distribution/cli/vecmesh";

# Exit status, standard output and error of vecmesh check.
sub check
{
	my ($node, @options) = @_;
	my $user = $options[0] eq 'nobody' ? ' user=' . shift @options : '';
	my ($out, $err) = ('', '');
	IPC::Run::run([ $program, 'check', '--dsn', $node->connstr('postgres') . $user, @options ], '>', \$out, '2>', \$err);
	return ($? >> 8, $out, $err);
}

my @all = check($primary, qw(--heapallindexed --deep --jobs 3));
is($all[0], 0, 'command: status 0');
like($all[1], qr/^53 indexes, \d+ MB, in [\d.]+ s: no problem$/, 'command: all indexes');
is_deeply([ check($standby, qw(--quiet)) ], [ 0, '', '' ], 'command: on a standby, without the unlogged index');
like([ check($primary, qw(--index fl*)) ]->[1], qr/^26 indexes/, 'command: a pattern');
like([ check($primary, qw(--index public.flat --index codes --index co?es)) ]->[1], qr/^2 indexes/, 'command: two names');
my @none = check($primary, qw(--index nothing));
is($none[0], 2, 'command: no such index: status 2');
like($none[2], qr/no index of database \S+ is called nothing/, 'command: no such index');

# a list that is not the entry's, told by its page
my $bad = $sound{flat};
substr($bad, 3 * $page + 24, 4) = pack('L', 99);
$standby->stop;
write_file((map { s/\Q@{[ $primary->data_dir ]}\E/$standby->data_dir/er } paths($primary, 'flat'))[0], $bad);
$standby->start;
my @damaged = check($standby, qw(--jobs 9));
is($damaged[0], 1, 'command: problems: status 1');
like($damaged[1], qr/^public\.flat: block 3: page: the page belongs to a list that does not exist$/m, 'command: problems');
like($damaged[1], qr/1 problem in 1 index$/m, 'command: their sum');
is([ check($standby, qw(--index codes)) ]->[0], 0, 'command: another index');

my @nobody = check($primary, qw(nobody --index flat));
is($nobody[0], 2, 'command: no right: status 2');
like($nobody[2], qr/public\.flat: ERROR:  permission denied for function index_check/, 'command: no right');
like($nobody[1], qr/^0 indexes, 0 MB.*; 1 index could not be checked$/, 'command: no right: sum');
$primary->safe_psql('postgres', "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'flat_1'::regclass");
my @invalid = check($primary, qw(--index flat_1*));
is($invalid[0], 0, 'command: an invalid index is left out');
like($invalid[2], qr/public\.flat_1 is not valid: REINDEX makes it so/, 'command: an invalid index');
is([ check($primary, qw(--jobs 0)) ]->[0], 2, 'command: wrong options');
my ($out, $err) = ('', '');
IPC::Run::run([ $program, 'check', '--dsn', $primary->connstr('template1') ], '>', \$out, '2>', \$err);
is($? >> 8, 2, 'command: no extension: status 2');
like($err, qr/has no extension vector/, 'command: no extension');

$standby->stop;
$primary->stop;
done_testing();
