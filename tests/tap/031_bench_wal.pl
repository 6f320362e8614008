# SPDX-License-Identifier: PostgreSQL
#
# ./run bench wal, a little of it: that it runs to its end beside a peer (here a server of ours that did not load the
# library), the shape of what it writes, and what it refuses.
use strict;
use warnings;
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $python = '/usr/bin/python3';
plan skip_all => 'no psycopg2' if system("$python -c 'import psycopg2' 2>/dev/null") != 0;

sub server
{
	my ($name, $conf) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init;
	$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none\ncheckpoint_timeout = 1h\n$conf");
	$node->start;
	return $node;
}

my $ours = server('ours', "shared_preload_libraries = 'vector'");
my $peer = server('peer', '');
my $json = "$PostgreSQL::Test::Utils::tmp_check/wal.json";
my @bench = ($python, dirname(__FILE__) . '/../bench/wal_volume.py', '--glosses', dirname(__FILE__) . '/../data/glosses',
	'--rows', 600, '--url', $ours->connstr('postgres'));
$ENV{PYTHONDONTWRITEBYTECODE} = 1;

command_ok([ @bench, '--peer', $peer->connstr('postgres'), '--json', $json ], 'it runs');
my $report = decode_json(slurp_file($json));
is_deeply(
	[ sort keys %{ $report->{methods} } ],
	[ 'ours/ivfflat custom', 'ours/ivfflat generic', 'ours/ivfrabitq custom', 'ours/ivfrabitq generic',
		'peer/ivfflat generic', 'peer/ivfrabitq generic' ],
	'every method in every mode');
is(scalar(grep { $_->{build} <= 0 || $_->{insert} <= 0 || $_->{insert_first} <= 0 } values %{ $report->{methods} }),
	0, 'figures');
cmp_ok($report->{methods}{'ours/ivfrabitq custom'}{insert}, '<', $report->{methods}{'ours/ivfrabitq generic'}{insert},
	'records of our own are smaller');
cmp_ok($_->{insert_records}, '<=', $_->{insert}, 'images are part of it') for values %{ $report->{methods} };
cmp_ok($report->{tables}{ours}{insert}, '>', 4 * 384, 'the table has its rows in the WAL');

command_fails_like([ @bench, '--batch', 300 ], qr/two batches of 300 rows leave none of 600/, 'no rows to build');
$peer->safe_psql('postgres', 'ALTER SYSTEM SET full_page_writes = off; SELECT pg_reload_conf()');
command_fails_like([ @bench, '--peer', $peer->connstr('postgres') ], qr/peer has full_page_writes off, ours on/,
	'a peer with another setting');
command_fails_like([ @bench[ 0 .. 3 ] ], qr/no --url/, 'no server');

done_testing();
