-- The tables of the docker test: documents spread over the workers, queries and answers local.
CREATE TABLE docs (id int PRIMARY KEY, lexname text, bucket int, lemmas text, definition text, embedding vector(384));
SELECT vecmesh.create_distributed_table('docs', 'id', shard_count => 4);
CREATE TABLE queries (id int PRIMARY KEY, text text, embedding vector(384));
CREATE TABLE truth (id int PRIMARY KEY, ids int[]);
