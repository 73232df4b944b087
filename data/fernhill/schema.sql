-- The tables of Fernhill's knowledge base, as they are before the migration: texts, tags and vectors are in ChromaDB.

CREATE TABLE mechanics (
    id uuid PRIMARY KEY,
    name text NOT NULL
);

CREATE TABLE articles (
    id uuid PRIMARY KEY,
    mechanic_id uuid NOT NULL REFERENCES mechanics ON DELETE CASCADE,
    title text NOT NULL,
    status text NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'withdrawn'))
);
