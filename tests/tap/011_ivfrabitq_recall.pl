# SPDX-License-Identifier: PostgreSQL
#
# Recall targets of ivfrabitq are met, within .01 and what the number of queries leaves to chance: on
# generated clusters with rows held out, and on real embeddings whose queries are unlike the rows,
# with queries from a table and without any setting.
use strict;
use warnings;
use File::Basename;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('targets');
$node->init;
$node->append_conf('postgresql.conf', 'autovacuum = off');
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION vector');

# Twice the standard error of a mean over n queries whose recall varies as measured (README.md of the
# index, "Recall"), for the calibration's queries and the test's.
my %deviation = ('0.90' => .14, '0.95' => .09, '0.99' => .04);

sub tolerance
{
	my ($target, $calibrated, $tested) = @_;
	return .01 + 2 * $deviation{$target} * sqrt(1 / $calibrated + 1 / $tested);
}

sub check_target
{
	my ($what, $target, $recall, $tolerance) = @_;
	cmp_ok(abs($recall - $target), '<=', $tolerance, "$what: target $target, recall $recall");
	return;
}

# ---- generated: 400 overlapping clusters in 24 dimensions; 500 of the rows are queries only
$node->safe_psql(
	'postgres', q(
	SELECT setseed(0.25);
	CREATE TABLE center AS SELECT i, ARRAY(SELECT random() * 10 - 5 FROM generate_series(1, 24) WHERE i > 0) AS x
		FROM generate_series(1, 400) i;
	CREATE TABLE t (id int, v vector(24));
	INSERT INTO t SELECT n, ARRAY(SELECT e + random() * 12 - 6 FROM unnest(x) e WHERE n > 0)
		FROM generate_series(1, 20500) n JOIN center c ON c.i = 1 + n % 400 ORDER BY n;
	CREATE TABLE q AS SELECT id, v FROM t WHERE id > 20000;
	DELETE FROM t WHERE id > 20000;
	VACUUM t;));

for my $class ('vector_l2_ops', 'vector_cosine_ops', 'vector_ip_ops')
{
	$node->safe_psql('postgres',
		"CREATE INDEX t_v ON t USING ivfrabitq (v $class) WITH (lists = 150)");
	my $queries = $node->safe_psql('postgres',
		"SELECT DISTINCT queries FROM ivfrabitq_calibration('t_v')");
	for my $target (sort keys %deviation)
	{
		my $recall = $node->safe_psql('postgres',
			"SET ivfrabitq.recall_target = $target; SELECT ivfrabitq_recall('t_v', 'q', query_count => 500)");
		check_target("clusters, $class", $target, $recall, tolerance($target, $queries, 500));
	}
	$node->safe_psql('postgres', 'DROP INDEX t_v');
}

# ---- real: 20,000 definitions, 200 questions
sub read_file
{
	my ($name) = @_;
	open my $file, '<:raw', dirname(__FILE__) . "/../data/glosses/$name" or die "$name: $!";
	local $/ = undef;
	my $bytes = <$file>;
	close $file;
	return $bytes;
}

# A float16 as text: 5 bits of exponent, 10 of mantissa; embeddings hold no infinities.
my @half = map {
	my ($sign, $exponent, $mantissa) = ($_ & 0x8000 ? -1 : 1, $_ >> 10 & 31, $_ & 1023);
	$sign * ($exponent ? (1 + $mantissa / 1024) * 2**($exponent - 15) : $mantissa * 2**-24)
} 0 .. 65535;

sub load
{
	my ($name, $table) = @_;
	my $bytes = read_file($name);
	my $path = $node->basedir . "/$table.copy";
	open my $out, '>', $path or die "$path: $!";
	for my $id (0 .. length($bytes) / 768 - 1)
	{
		my @vector = @half[ unpack('v*', substr($bytes, $id * 768, 768)) ];
		print $out "$id\t[", join(',', @vector), "]\n";
	}
	close $out;
	$node->safe_psql('postgres',
		"CREATE TABLE $table (id int, v vector(384)); COPY $table FROM '$path'");
	return;
}

load('docs.f16', 'docs');
load('queries.f16', 'questions');
$node->safe_psql('postgres', 'CREATE INDEX docs_v ON docs USING ivfrabitq (v vector_cosine_ops)');
my $default = $node->safe_psql('postgres', "SELECT ivfrabitq_recall('docs_v', 'questions', query_count => 200)");
cmp_ok($default, '>=', 0.95, "definitions, no setting: recall $default");

# half of the questions calibrate, the others test
$node->safe_psql('postgres', q(
	CREATE TABLE known AS SELECT * FROM questions WHERE id % 2 = 0;
	CREATE TABLE new AS SELECT * FROM questions WHERE id % 2 = 1;
	SELECT ivfrabitq_calibrate('docs_v', 'known')));
for my $target (sort keys %deviation)
{
	my $recall = $node->safe_psql('postgres',
		"SET ivfrabitq.recall_target = $target; SELECT ivfrabitq_recall('docs_v', 'new')");
	check_target('definitions, questions as queries', $target, $recall, tolerance($target, 100, 100));
}
is( $node->safe_psql('postgres', "SELECT DISTINCT source FROM ivfrabitq_calibration('docs_v')"),
	'table', 'the calibration names its source');

# the calibration survives a crash: it is logged
$node->stop('immediate');
$node->start;
is( $node->safe_psql('postgres', "SELECT DISTINCT source FROM ivfrabitq_calibration('docs_v')"),
	'table', 'and survives a crash');

done_testing();
