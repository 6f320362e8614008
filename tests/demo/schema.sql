-- The demo's tables: the glosses spread over the workers, the questions and their exact answers here.
SET client_min_messages = warning;
DROP TABLE IF EXISTS glosses, questions, answers;
CREATE TABLE glosses (
    id int PRIMARY KEY,
    lexname text,
    bucket int,
    lemmas text,
    definition text,
    embedding vector(384)
);
SELECT vecmesh.create_distributed_table('glosses', 'id', shard_count => 4) \g /dev/null
CREATE TABLE questions (id int PRIMARY KEY, text text, embedding vector(384));
CREATE TABLE answers (id int PRIMARY KEY, ids int[]);
