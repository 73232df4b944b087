"""The data of Lumen, the course's application: the files in data/ as records, and the known start of every lesson.

`users()`, `documents()` and their like read what was written for the course. `scaled()` makes many more documents
around them, for lessons that need size. `load()` puts the known start into the three stores of a stack, and `load_one()`
the one of the application on one database.
`python -m course.dataset` embeds the documents anew after one of them was changed.
"""

from course.dataset.loading import (
    COLLECTION,
    INDEXES,
    SEARCH_SETTINGS,
    add_vectors,
    hnsw_memory,
    load,
    load_chroma,
    load_one,
    load_pgvector,
    load_postgres,
    set_search,
)
from course.dataset.records import (
    Chat,
    Document,
    Message,
    Question,
    Settings,
    User,
    chats,
    created_at,
    documents,
    embeddings,
    messages,
    questions,
    settings,
    users,
)
from course.dataset.scaling import Scaled, scaled

__all__ = [
    "COLLECTION",
    "INDEXES",
    "SEARCH_SETTINGS",
    "Chat",
    "Document",
    "Message",
    "Question",
    "Scaled",
    "Settings",
    "User",
    "add_vectors",
    "chats",
    "created_at",
    "documents",
    "embeddings",
    "hnsw_memory",
    "load",
    "load_chroma",
    "load_one",
    "load_pgvector",
    "load_postgres",
    "messages",
    "questions",
    "scaled",
    "set_search",
    "settings",
    "users",
]
