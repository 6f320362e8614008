# SPDX-License-Identifier: PostgreSQL
#
# Generated SELECTs on distributed tables and on local copies of them must give the same rows.
#   VECMESH_ORACLE_SEED     which queries (default 1; printed)
#   VECMESH_ORACLE_QUERIES  how many (default 300; 2000 is the full form)
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecmeshCluster;
use VecmeshQueries;

my $seed = $ENV{VECMESH_ORACLE_SEED} // 1;
my $count = $ENV{VECMESH_ORACLE_QUERIES} // 300;
note "seed $seed, $count queries";

my $mesh = VecmeshCluster->new(workers => 4);
$mesh->sql("ALTER DATABASE $VecmeshCluster::database SET jit = off"); # reaches the workers, too
$mesh->sql(VecmeshQueries::setup_sql());
for (VecmeshQueries::tables())
{
	my ($table, $column, $shards) = @$_;
	$mesh->sql("CREATE TABLE $table (LIKE ${table}_copy);
		SELECT vecmesh.create_distributed_table('$table', '$column', $shards, colocate_with => 'none');
		INSERT INTO $table SELECT * FROM ${table}_copy;");
}

my @queries = map { VecmeshQueries::make_query($seed, $_) } 1 .. $count;
my $distributed = run_all('');
my $local = run_all('_copy');

my ($wrong, $failed) = (0, 0);
for my $n (1 .. $count)
{
	my $query = $queries[ $n - 1 ];
	my @got = @{ $distributed->{$n} // ['nothing'] };
	my @want = @{ $local->{$n} // ['no answer'] };
	@got = sort @got unless $query->{ordered};
	@want = sort @want unless $query->{ordered};
	$failed++ if grep { /ERROR:/ } @want;
	next if "@got" eq "@want";
	diag_difference($n, \@got, \@want) if $wrong++ < 5;
}
is($wrong, 0, "$count queries, seed $seed: distributed tables answer as local ones");
is($failed, 0, 'every query is valid');
done_testing();

# All queries in one session; per query the lines that came out, errors included.
sub run_all
{
	my ($suffix) = @_;
	my ($script, $out) = ("\\pset null ~\n", '');
	$script .= "\\echo ==== $_\n" . VecmeshQueries::script($queries[ $_ - 1 ], $suffix) for 1 .. $count;
	IPC::Run::run(
		[ 'psql', '-XAtq', '-d', $mesh->coordinator->connstr($VecmeshCluster::database), '-f', '-' ],
		'<', \$script, '>&', \$out);
	my (%answers, $n);
	for my $line (split /\n/, $out)
	{
		if ($line =~ /^==== (\d+)$/) { $n = $1; next; }
		$line =~ s/^psql:.*?: ERROR:/ERROR:/;
		$line =~ s/_copy\b//g;
		push @{ $answers{$n} }, $line;
	}
	return \%answers;
}

sub diag_difference
{
	my ($n, $got, $want) = @_;
	my $i = 0;
	$i++ while $i < @$got && $i < @$want && $got->[$i] eq $want->[$i];
	diag("query $n of seed $seed: " . @$got . ' lines, expected ' . @$want . "\n"
		  . VecmeshQueries::script($queries[ $n - 1 ], '')
		  . "first difference: got  " . ($got->[$i] // 'nothing') . "\n"
		  . "              expected  " . ($want->[$i] // 'nothing'));
	return;
}
