-- Lumen's tables, spread over the nodes by user. docker-compose.yml runs this on the coordinator, once all nodes are healthy.
-- Everything of one user's lies on one node, so their joins, foreign keys and transactions need no other.

SELECT to_regclass('public.users') IS NOT NULL AS made \gset
\if :made
    \quit
\endif

SELECT citus_set_coordinator_host('citus', 5432);
SELECT citus_add_node('citus-worker-1', 5432);
SELECT citus_add_node('citus-worker-2', 5432);

CREATE TABLE users (
    id           bigint PRIMARY KEY,      -- what the rows are spread by is part of each key
    name         text NOT NULL,
    email        text NOT NULL,           -- UNIQUE is lost: no node sees the addresses of the others
    subscription text NOT NULL DEFAULT 'free' CHECK (subscription IN ('free', 'premium')),
    created_at   timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE settings (
    user_id      bigint PRIMARY KEY REFERENCES users ON DELETE CASCADE,
    theme        text NOT NULL DEFAULT 'system' CHECK (theme IN ('light', 'dark', 'system')),
    language     text NOT NULL DEFAULT 'en',
    daily_digest boolean NOT NULL DEFAULT false
);

CREATE TABLE documents (
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id         bigserial,
    title      text NOT NULL,
    content    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    embedding  vector(384) NOT NULL,
    PRIMARY KEY (user_id, id)             -- an id alone would have to be unique on all nodes
);

CREATE TABLE chats (
    user_id    bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    id         bigserial,
    title      text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id)
);

CREATE TABLE messages (
    user_id    bigint NOT NULL,           -- one database does without it: there a message finds its user through its chat
    id         bigserial,
    chat_id    bigint NOT NULL,
    role       text NOT NULL CHECK (role IN ('user', 'assistant')),
    content    text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (user_id, id),
    FOREIGN KEY (user_id, chat_id) REFERENCES chats (user_id, id) ON DELETE CASCADE
);

ALTER TABLE documents ALTER COLUMN embedding SET STORAGE PLAIN;    -- as data/one_database.sql has it

-- A table that stays small and belongs to nobody would become a copy on each node: SELECT create_reference_table('…');
SELECT create_distributed_table('users', 'id');
SELECT create_distributed_table('settings', 'user_id', colocate_with => 'users');
SELECT create_distributed_table('documents', 'user_id', colocate_with => 'users');
SELECT create_distributed_table('chats', 'user_id', colocate_with => 'users');
SELECT create_distributed_table('messages', 'user_id', colocate_with => 'users');

-- One statement, and an index on each shard. Load first, then build: see lesson 07.
CREATE INDEX documents_embedding ON documents USING hnsw (embedding vector_cosine_ops);

-- A SET of a session does not reach the sessions on the nodes. A setting of the database does, on each of them.
SELECT run_command_on_all_nodes('ALTER DATABASE lumen SET hnsw.ef_search = 100');
SELECT run_command_on_all_nodes('ALTER DATABASE lumen SET hnsw.iterative_scan = ''relaxed_order''');
