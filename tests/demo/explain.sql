EXPLAIN (ANALYZE, COSTS off, SUMMARY off)
SELECT definition, embedding <=> (SELECT embedding FROM questions WHERE id = :question) AS distance
  FROM glosses
 ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = :question)
 LIMIT 5;
