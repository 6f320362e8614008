# SPDX-License-Identifier: PostgreSQL
#
# The carriers of page edits (wal_hooks/) leave the same bytes behind: one database is copied, the
# copies do the same work under vector.wal_mode = generic, custom, and by turns. A standby replays all of it
# under wal_consistency_checking; then the server is killed and replays it itself. For every access
# method in @methods.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf(
	'postgresql.conf', q(
shared_preload_libraries = 'vector'
autovacuum = off
max_parallel_maintenance_workers = 0
wal_consistency_checking = 'all'
wal_keep_size = 1GB
max_wal_size = 1GB
checkpoint_timeout = 1h));
$primary->start;
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->start;

$primary->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE EXTENSION pageinspect;
	CREATE EXTENSION pg_walinspect;
	CREATE TABLE source (id int, v vector(16),
		flag bool GENERATED ALWAYS AS (CASE WHEN id % 5 > 0 THEN id % 2 = 0 END) STORED,
		tag text GENERATED ALWAYS AS (CASE WHEN id % 3 > 0 THEN 't' || (id % 4)::text END) STORED);
	CREATE FUNCTION row_of(i int) RETURNS vector LANGUAGE sql IMMUTABLE AS
		'SELECT array_agg((i::bigint * (k + 3) * 7919 % 100003)::int)::vector FROM generate_series(1, 16) k';
	CREATE FUNCTION page_bytes(index text, first int) RETURNS text LANGUAGE sql AS
		$$SELECT string_agg(md5(substr(get_raw_page(index, b::int), first)), ',' ORDER BY b)
			FROM generate_series(0, pg_relation_size(index) / 8192 - 1) b$$;
	INSERT INTO source SELECT i, row_of(i) FROM generate_series(1, 2000) i;
	-- wider than scan codes are
	CREATE TABLE wide (id int, v vector(2000));
	INSERT INTO wide SELECT i, array_fill(i, ARRAY[2000]) FROM generate_series(1, 100) i;
	CREATE INDEX wide_i ON wide USING ivfrabitq (v vector_l2_ops) WITH (lists = 2);));

my @methods = qw(ivfflat ivfrabitq);
my @indexes;
for my $method (@methods)
{
	$primary->safe_psql(
		'postgres', qq(
		CREATE TABLE $method (LIKE source INCLUDING GENERATED);
		INSERT INTO $method (id, v) SELECT id, v FROM source;
		CREATE TABLE ${method}_e (LIKE source INCLUDING GENERATED);
		CREATE INDEX ${method}_i ON $method USING $method (v vector_l2_ops) WITH (lists = 10);
		CREATE INDEX ${method}_ei ON ${method}_e USING $method (v vector_cosine_ops) WITH (lists = 40);));
	push @indexes, "${method}_i", "${method}_ei";
}

# Filter columns, whose null bits several rows share.
$primary->safe_psql('postgres',
	"CREATE INDEX ivfrabitq_fi ON ivfrabitq USING ivfrabitq (v vector_ip_ops, id, flag, tag) WITH (lists = 10)");
push @indexes, 'ivfrabitq_fi', 'wide_i';

my @databases = qw(generic custom turns);
for my $name (@databases)
{
	$primary->safe_psql('postgres', "CREATE DATABASE $name TEMPLATE postgres STRATEGY file_copy")
	  if $name ne 'postgres';
}
$primary->safe_psql('postgres', "ALTER DATABASE $_ SET vector.wal_mode = '$_'") for qw(generic custom);
$primary->wait_for_catchup($standby);

# %s: a table
my @steps = (
	[ 'rows into the run, chained pages', 'INSERT INTO %s SELECT i, row_of(i) FROM generate_series(2001, 4000) i;
		INSERT INTO %s_e SELECT i, row_of(i) FROM generate_series(1, 1000) i;' ],
	[ 'updates', 'UPDATE %s SET v = row_of(id + 20000) WHERE id %% 7 = 0;' ],
	[ 'dead rows: in the middle, at the end, whole pages', 'DELETE FROM %s WHERE id %% 3 = 0 OR id > 3000;
		DELETE FROM %s_e; VACUUM (INDEX_CLEANUP ON) %s; VACUUM (INDEX_CLEANUP ON) %s_e;' ],
	[ 'freed slots', 'INSERT INTO %s SELECT i, row_of(i) FROM generate_series(4001, 7000) i;
		INSERT INTO %s_e SELECT i, row_of(i) FROM generate_series(1, 500) i;' ],
	[ 'rolled back', 'BEGIN; INSERT INTO %s SELECT i, row_of(i) FROM generate_series(1, 500) i; ROLLBACK;
		VACUUM (INDEX_CLEANUP ON) %s;' ],);

my $round = 0;
for my $step (@steps)
{
	my ($what, $sql) = @$step;
	for my $database (@databases)
	{
		my $modes = $database eq 'turns';
		for my $method (@methods)
		{
			(my $statements = $sql) =~ s/%s/$method/g;
			$statements =~ s/%%/%/g;
			# by turns: within the session, from statement to statement
			my $turn = $round;
			$statements =~ s/;/sprintf "; SET vector.wal_mode = %s;", $turn++ % 2 ? 'custom' : 'auto'/ge
			  if $modes && $round % 2;
			$statements .= 'INSERT INTO wide SELECT 200 + i, array_fill(i % 9, ARRAY[2000]) FROM generate_series(1, 60) i;
				DELETE FROM wide WHERE id % 7 = 0; VACUUM wide;'
			  if $method eq 'ivfrabitq';
			$statements = 'SET vector.wal_mode = ' . ($round % 3 ? 'generic' : 'custom') . ";$statements"
			  if $modes;
			$primary->safe_psql($database, $statements);
		}
	}
	$primary->wait_for_catchup($standby);
	pass("replayed and compared: $what");
	# a checkpoint now and then, so that edits are logged as images, too
	$primary->safe_psql('postgres', 'CHECKPOINT') if $round++ == 1;
}

# All pages of an index; without LSN and checksum unless they are wanted.
sub bytes_of
{
	my ($node, $database, $index, $first) = @_;
	return $node->safe_psql($database, "SELECT page_bytes('$index', " . ($first // 11) . ')');
}

my %before;
for my $index (@indexes)
{
	my %bytes = map { $_ => bytes_of($primary, $_, $index) } @databases;
	cmp_ok(length $bytes{generic}, '>', 300, "$index has pages");
	is($bytes{custom}, $bytes{generic}, "$index: the same bytes with generic and custom WAL");
	is($bytes{turns}, $bytes{generic}, "$index: the same bytes with both by turns");
	for my $database (@databases)
	{
		$before{"$database $index"} = bytes_of($primary, $database, $index, 1);
		is(bytes_of($standby, $database, $index, 1),
			$before{"$database $index"}, "$index of $database: the same on the standby");
	}
}
unlike(slurp_file($standby->logfile), qr/inconsistent page|PANIC/, 'no inconsistent page');

# What was written, as PostgreSQL shows it to people.
sub records_of
{
	my ($mode) = @_;
	return $primary->safe_psql(
		'custom', qq(
		SELECT pg_current_wal_insert_lsn() AS from \\gset
		SET vector.wal_mode = $mode;
		INSERT INTO ivfflat VALUES (-1, row_of(-1));
		INSERT INTO ivfrabitq VALUES (-1, row_of(-1));
		SELECT pg_switch_wal();
		SELECT resource_manager || '/' || record_type || ' ' || description
		FROM pg_get_wal_records_info(:'from', pg_current_wal_flush_lsn())
		WHERE resource_manager IN ('vector', 'Generic');));
}
like(records_of('custom'), qr{^vector/EDIT block 0: \d+ steps in \d+ bytes$}m, 'a record described');
like(records_of('custom'), qr{^vector/ROW row \(\d+,\d+\) in slot \d+ of slice \d+, record \d+, in \d+ bytes$}m,
	'a row described');
unlike(records_of('custom'), qr/Generic/, 'custom mode writes no generic records');
unlike(records_of('generic'), qr/vector/, 'nor generic mode custom ones');
like(records_of('auto'), qr/vector/, 'auto is custom in a preloaded library');
$before{"custom $_"} = bytes_of($primary, 'custom', $_, 1) for @indexes;

# Crash and replay, from the last checkpoint on.
$primary->kill9;
for (1 .. 200)
{
	last if $primary->start(fail_ok => 1);
	usleep(100_000);
	$primary->stop('fast', fail_ok => 1);
}
for my $key (sort keys %before)
{
	my ($database, $index) = split / /, $key;
	is(bytes_of($primary, $database, $index, 1), $before{$key}, "$key: the same bytes after a crash");
}

$standby->stop;
$primary->stop;
done_testing();
