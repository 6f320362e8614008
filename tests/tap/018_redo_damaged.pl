# SPDX-License-Identifier: PostgreSQL
#
# Recovery that meets a damaged page, one that PostgreSQL's own check lets pass: it ends, and names the
# page; with the page put right it goes on. Without full-page images: with them replay puts it right.
use strict;
use warnings;
use lib (__FILE__ =~ s{[^/]*$}{../lib}r);
use DamagedIndex;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('damaged');
$node->init;
$node->append_conf('postgresql.conf', "autovacuum = off\nfsync = off\nfull_page_writes = off\nshared_preload_libraries = 'vector'");
$node->start;
$node->safe_psql(
	'postgres', q(
	CREATE EXTENSION vector;
	CREATE TABLE t (id int, v vector(48));
	CREATE FUNCTION rows(first int, last int) RETURNS TABLE (id int, v vector) LANGUAGE sql AS
		'SELECT i, (SELECT array_agg(sin(i * k * 7.919)) FROM generate_series(1, 48) k) FROM generate_series(first, last) i';
	INSERT INTO t SELECT * FROM rows(1, 1000);
	CREATE INDEX t_v ON t USING ivfrabitq (v vector_l2_ops) WITH (lists = 2);
	INSERT INTO t SELECT * FROM rows(1001, 1100);
	CHECKPOINT;));
my $path = $node->data_dir . '/' . $node->safe_psql('postgres', "SELECT pg_relation_filepath('t_v')");
$node->safe_psql('postgres', 'INSERT INTO t SELECT * FROM rows(1101, 1200)');
$node->stop('immediate');

# ---- no page has a header: where its content ends lies in the header itself

sub write_file
{
	my ($bytes) = @_;
	open(my $file, '>:raw', $path) or die "$path: $!";
	print $file $bytes;
	close($file) or die "$path: $!";
}

my $sound   = slurp_file($path);
my $damaged = DamagedIndex->new('ivfrabitq', $sound);
$damaged->set('page', $_, 'lower', 12) for 0 .. $damaged->blocks - 1;
write_file($damaged->{bytes});
is($node->start(fail_ok => 1), 0, 'recovery ends');
my $number = qr/relation \d+\/\d+\/\d+/;
like(
	slurp_file($node->logfile),
	qr/PANIC: .*invalid vector\/ROW record: change of block \d+ of $number: the page that it changes has no valid header/,
	'it names the page');

write_file($sound);
$node->start;
is($node->safe_psql('postgres', 'SELECT count(*) FROM t'), '1200', 'with the page put right it goes on');
is($node->safe_psql('postgres', q(SELECT count(*) FROM index_check('t_v', true, true))), '0', 'the index is sound');
$node->stop;
done_testing();
