# SPDX-License-Identifier: PostgreSQL
#
# ./run bench ann, a little of everything: that it runs to its end, and the shape of what it writes.
use strict;
use warnings;
use File::Basename qw(dirname);
use JSON::PP;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $program = "$ENV{VECMESH_BUILD}/tests/vecmesh_ann_bench";
plan skip_all => 'built without the benchmarks' unless -x $program;

my $glosses = dirname(__FILE__) . '/../data/glosses';
my $node    = PostgreSQL::Test::Cluster->new('bench');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nlog_statement = none");
$node->start;

my $json = "$PostgreSQL::Test::Utils::tmp_check/ann.json";
my $svg  = "$PostgreSQL::Test::Utils::tmp_check/ann.svg";
my @quick = ($program, '--quick', '--glosses', $glosses, '--url', $node->connstr('postgres'));
my $methods = 'ivfrabitq,ivfflat';

command_ok(
	[
		@quick, '--data', 'glosses', '--data', 'hard', '--methods', $methods,
		'--rows', 1000, '--clients', '1,2', '--json', $json, '--svg', $svg
	],
	'it runs');

my $report = decode_json(slurp_file($json));
is($report->{benchmark}, 'ann', 'benchmark');
ok($report->{environment}{processors} > 0, 'environment');
ok($report->{environment}{servers}{ours}{shared_buffers}, 'settings of the server');
is(scalar @{ $report->{datasets} }, 2, 'two data sets');

my $sum = 0;
for my $set (@{ $report->{datasets} })
{
	is($set->{rows}, 1000, "$set->{name}: rows");
	ok($set->{servers}{ours}{floor}{select_1_qps} > 0, "$set->{name}: floor");
	for my $name (map { "ours/$_" } split /,/, $methods)
	{
		my $method = $set->{methods}{$name};
		my $what   = "$set->{name}, $name";
		ok($method->{build}{seconds} > 0 && $method->{build}{bytes} > 0, "$what: build");
		like($method->{search}{plan}, qr/^Index Scan using bench_/, "$what: plan");
		my @points = @{ $method->{search}{points} };
		is(scalar @points, 3, "$what: points");
		is(scalar(grep { $_->{qps_1} > 0 && $_->{qps_2} > 0 && $_->{p99_ms_1} >= $_->{p50_ms_1} } @points),
			scalar @points, "$what: rates");
		is(scalar(grep { $_->{recall_at_10} < 0 || $_->{recall_at_10} > 1 } @points),
			0, "$what: recall");
		ok($method->{insert}{copy_rows_per_second} > 0, "$what: inserts");
		ok($method->{insert}{wal_bytes_per_row} > 0,    "$what: WAL");
		ok(exists $method->{growth}{fresh},             "$what: growth");
	}
}
my $filters = $report->{datasets}[0]{methods}{'ours/ivfrabitq'}{filter};
is_deeply([ sort keys %$filters ], [ '0.1 %', '1 %', '10 %', 'correlated' ], 'filters');
is($filters->{'10 %'}{best}{rows_returned}, 10, 'a filtered search returns LIMIT rows');

like(slurp_file($svg), qr/^<svg .*<\/svg>\n\z/s, 'a picture');
ok(-s "$PostgreSQL::Test::Utils::tmp_check/ann-hard.svg", 'a picture of the second set');

command_fails_like([ @quick, '--only', 'nothing' ], qr/no section nothing/, 'a section that is not');
command_fails_like([ @quick, '--data', '/nowhere' ], qr/\/nowhere/, 'a folder that is not');
command_fails_like([$program], qr/--url is missing/, 'no server');

done_testing();
