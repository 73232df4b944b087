-- What Lumen on one database adds to schema.sql: each document's vector, in the row of the document.

CREATE EXTENSION IF NOT EXISTS vector;

ALTER TABLE documents ADD COLUMN embedding vector(384) NOT NULL;

-- Else PostgreSQL moves a long row's vector out of the table, and an exact search fetches each one from there.
ALTER TABLE documents ALTER COLUMN embedding SET STORAGE PLAIN;
