# SPDX-License-Identifier: PostgreSQL
#
# With index scans off, nearest neighbours over all shards are the exact ones: 1,000 query vectors,
# three metrics, against the undistributed table. Ties may come in any order, so distances are
# compared, and every id must have the distance it came with.
use strict;
use warnings;

use PostgreSQL::Test::Utils;
use Test::More;
use VecmeshCluster;

my $mesh = VecmeshCluster->new(workers => 4);

$mesh->sql(q{
	SELECT setseed(0.5);
	CREATE TABLE copy (id int NOT NULL, bucket int, embedding vector(8));
	INSERT INTO copy
	SELECT i, i % 20, CASE WHEN i % 50 <> 0 THEN
		(SELECT array_agg(round((random() - 0.5)::numeric, 1)) FROM generate_series(1, 8) WHERE i > 0)::real[]::vector END
	FROM generate_series(1, 2000) i;
	CREATE TABLE items (LIKE copy);
	SELECT vecmesh.create_distributed_table('items', 'id', 8, colocate_with => 'none');
	INSERT INTO items SELECT * FROM copy;
	CREATE INDEX ON items USING ivfflat (embedding vector_l2_ops) WITH (lists = 8);
	CREATE INDEX ON items USING ivfflat (embedding vector_ip_ops) WITH (lists = 8);
	CREATE INDEX ON items USING ivfflat (embedding vector_cosine_ops) WITH (lists = 8);
	CREATE TABLE queries AS SELECT i, (SELECT array_agg(round((random() - 0.5)::numeric, 1))
		FROM generate_series(1, 8) WHERE i > 0)::real[]::vector AS q FROM generate_series(1, 1000) i;
});

for my $operator ('<->', '<#>', '<=>')
{
	my $answer = $mesh->sql(qq{
		SET enable_indexscan = off;
		CREATE FUNCTION pg_temp.compare(OUT same bigint, OUT honest bigint, OUT rows bigint) LANGUAGE plpgsql AS \$\$
		DECLARE
			query vector; ids int[]; got float8[]; want float8[];
		BEGIN
			same := 0; honest := 0; rows := 0;
			FOR query IN SELECT q FROM queries ORDER BY i LOOP
				SELECT array_agg(id), array_agg(d) INTO ids, got FROM
					(SELECT id, embedding $operator query AS d FROM items WHERE bucket < 15
					 ORDER BY embedding $operator query LIMIT 10) s;
				SELECT array_agg(d) INTO want FROM
					(SELECT embedding $operator query AS d FROM copy WHERE bucket < 15
					 ORDER BY embedding $operator query LIMIT 10) s;
				same := same + (got = want)::int;
				honest := honest + (SELECT bool_and(embedding $operator query = d AND bucket < 15)::int
					FROM unnest(ids, got) AS u (id, d) JOIN copy USING (id));
				rows := rows + cardinality(ids);
			END LOOP;
		END \$\$;
		SELECT same, honest, rows FROM pg_temp.compare();
	});
	is((split /\n/, $answer)[-1], '1000|1000|10000', "$operator: 1,000 queries answered exactly");
}

done_testing();
