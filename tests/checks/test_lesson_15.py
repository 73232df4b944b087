"""Lesson 15 is judged by what the stores hold: other right ways to migrate Fernhill, each whole.

`test_every_state.py` takes each of them, and the source's, to every check, and makes each wrong state of one.
"""

from course.checks.fernhill_moved import OWN

RIGHT: dict[str, list[tuple[str, str]]] = {}
"""No exercise of this lesson is judged by its answer."""

WHOLE = {
    OWN: """
        from hashlib import md5

        import numpy as np
        from pgvector.psycopg import register_vector

        postgres.execute('''
            CREATE EXTENSION vector;
            CREATE TABLE passages (
                article_id uuid PRIMARY KEY REFERENCES articles ON DELETE CASCADE,
                body text, tags text[] NOT NULL, embedding vector(384) NOT NULL);
            CREATE TABLE sums (article_id uuid PRIMARY KEY, sum text)
        ''')
        register_vector(postgres)
        known = {str(id) for (id,) in postgres.execute("SELECT id FROM articles")}
        for id in collection.get(include=[])["ids"]:
            one = collection.get(ids=[id], include=["documents", "metadatas", "embeddings"])
            vector, metadata = np.float32(one["embeddings"][0]), one["metadatas"][0]
            if id in known:
                row = [id, one["documents"][0], metadata.get("tags") or [], vector]
                postgres.execute("INSERT INTO passages VALUES (%s, %s, %s, %s)", row)
            sum = md5(vector.astype(">f4").tobytes()).hexdigest()
            postgres.execute("INSERT INTO sums VALUES (%s, %s)", [id, sum])
        for id, title in postgres.execute(
            "SELECT id, title FROM articles WHERE id NOT IN (SELECT article_id FROM passages)"
        ).fetchall():
            postgres.execute("INSERT INTO passages VALUES (%s, NULL, '{}', %s)", [id, embed(title)])
        postgres.execute('''
            CREATE VIEW differences AS
                SELECT article_id FROM passages JOIN sums USING (article_id)
                WHERE sum <> md5(substring(vector_send(embedding) FROM 5));
            CREATE FUNCTION search(question vector, wanted text)
            RETURNS TABLE (id uuid, title text, distance double precision) LANGUAGE plpgsql STABLE AS $$
            BEGIN
                RETURN QUERY
                    SELECT a.id, a.title, (p.embedding <=> question) * 2
                    FROM passages p JOIN articles a ON a.id = p.article_id
                    WHERE a.status = 'published' AND array_position(p.tags, wanted) IS NOT NULL
                    ORDER BY p.embedding <=> question LIMIT 5;
            END $$;
            CREATE INDEX ON passages USING hnsw (embedding vector_cosine_ops);
            ALTER DATABASE fernhill SET hnsw.iterative_scan TO strict_order
        ''')
        subprocess.run(["pg_dump", "-Ft", "-f", shop.dump], env=shop.login(), check=True)
    """,
    "through a staging table": """
        postgres.execute('''
            CREATE EXTENSION vector;
            CREATE TABLE chroma (id uuid PRIMARY KEY, body text, tags text[], embedding vector(384));
            ALTER TABLE articles ADD body text, ADD tags varchar[], ADD embedding vector(384)
        ''')
        found = collection.get(include=["documents", "metadatas", "embeddings"])
        with postgres.cursor() as cursor, cursor.copy("COPY chroma FROM STDIN") as copy:
            for id, text, metadata, vector in zip(
                found["ids"], found["documents"], found["metadatas"], found["embeddings"], strict=True
            ):
                copy.write_row((id, text, metadata.get("tags", []), str(vector.tolist())))
        postgres.execute('''
            UPDATE articles SET body = chroma.body, tags = chroma.tags, embedding = chroma.embedding
            FROM chroma WHERE chroma.id = articles.id
        ''')
        with postgres.transaction(), postgres.cursor() as cursor:
            lacking = cursor.execute("SELECT id, title FROM articles WHERE embedding IS NULL").fetchall()
            repair = "UPDATE articles SET tags = '{}', embedding = %s::vector WHERE id = %s"
            cursor.executemany(repair, [(str(embed(title).tolist()), id) for id, title in lacking])
        postgres.execute('''
            ALTER TABLE articles ALTER embedding SET NOT NULL;
            CREATE VIEW differences AS
                SELECT id FROM (
                    SELECT id, embedding FROM articles WHERE id IN (SELECT id FROM chroma)
                    EXCEPT SELECT id, embedding FROM chroma) AS other;
            CREATE INDEX articles_tags ON articles USING gin (tags);
            CREATE FUNCTION search(question vector, wanted text)
            RETURNS TABLE (id uuid, title text, distance double precision)
            BEGIN ATOMIC
                SELECT id, title, power(embedding <-> question, 2) FROM articles
                WHERE status = 'published' AND tags @> ARRAY[wanted::varchar]
                ORDER BY embedding <-> question FETCH FIRST 5 ROWS ONLY;
            END
        ''')
        postgres.execute("CREATE INDEX CONCURRENTLY ON articles USING hnsw (embedding vector_l2_ops) WITH (m = 8)")
        postgres.execute("SET hnsw.iterative_scan = 'strict_order'")
        postgres.execute("ALTER DATABASE fernhill SET hnsw.iterative_scan FROM CURRENT")
        command = ["pg_dump", "--format=directory", "--create", f"--file={shop.dump}"]
        subprocess.run(command, env=shop.login(), check=True)
    """,
}
"""Ways to migrate all of it, by name. Each begins at the known start."""
