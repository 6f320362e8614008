-- Mean recall@10 of the distributed index over all queries, with :probes lists probed per shard.
SET ivfflat.probes = :probes;
SELECT round(avg((SELECT count(*) FROM unnest(t.ids) AS x WHERE x = ANY (found.ids)) / 10.0), 4)
  FROM queries AS q
  JOIN truth AS t USING (id),
       LATERAL (SELECT array(SELECT id FROM docs ORDER BY embedding <=> q.embedding LIMIT 10) AS ids) AS found;
