-- Asked once unseen, so that the plan's times are not those of opening the connections.
SELECT id FROM glosses ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = 0) LIMIT 5 \g /dev/null
EXPLAIN (ANALYZE, COSTS off, SUMMARY off)
SELECT definition, embedding <=> (SELECT embedding FROM questions WHERE id = :question) AS distance
  FROM glosses
 ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = :question)
 LIMIT 5;
