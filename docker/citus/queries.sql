-- Lumen's two searches on Citus. Put a vector into `question` first:
--     docker compose --profile citus exec citus psql -U lumen -d lumen -v question="'[…]'" -f /citus/queries.sql

-- One user's notes: one shard on one node answers, and the plan says `Task Count: 1`.
EXPLAIN (VERBOSE, COSTS OFF)
SELECT d.id, d.title, u.name
FROM documents d JOIN users u ON u.id = d.user_id
WHERE d.user_id = 7
ORDER BY d.embedding <=> :question::vector
LIMIT 10;

-- Everybody's: each shard is asked for its own ten, and the coordinator merges them.
EXPLAIN (VERBOSE, COSTS OFF)
SELECT id, title
FROM documents
ORDER BY embedding <=> :question::vector
LIMIT 10;
