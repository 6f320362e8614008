-- Recall@10 over all questions and milliseconds for each, asked one after another in one session.
-- :setting is the SET command to try, :label its name in the output.
:setting;
-- Untimed: the first question opens the connections to the workers and sends them the setting.
SELECT id FROM glosses ORDER BY embedding <=> (SELECT embedding FROM questions WHERE id = 0) LIMIT 10 \g /dev/null
SELECT clock_timestamp() AS started \gset
SELECT avg((SELECT count(*) FROM unnest(a.ids) AS x WHERE x = ANY (found.ids)) / 10.0) AS recall,
       count(*) AS questions
  FROM questions AS q
  JOIN answers AS a USING (id),
       LATERAL (SELECT array(SELECT id FROM glosses ORDER BY embedding <=> q.embedding LIMIT 10) AS ids) AS found
\gset
SELECT format('  %s %s %s', rpad(:'label', 28), lpad(round(:recall, 3)::text, 9),
              lpad(round(extract(epoch FROM clock_timestamp() - :'started') * 1000 / :questions, 2)::text, 13));
