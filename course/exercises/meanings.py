"""What an error usually means, in a sentence for the learner whose code ended in it. What is not listed is not guessed.

The tables hold one row for each PostgreSQL error code or class of codes, for each type of error, and for a message that says
more than its type. Whose code an error came from, and whether a server is down, stands in `explain.py`.
"""

from __future__ import annotations

from course.errors import CourseError

SQLSTATES = {
    "0A": "PostgreSQL cannot do this, or not here. Its message says what; an extension that it names is not installed.",
    "21": "One row was expected, and there are several: from a subquery used as a value, or an upsert that meets a key twice.",
    "22": "PostgreSQL could not take a value as the type it needs. Look at the values that you pass.",
    "22023": "A value is none of those that a setting or a function takes. The message says which one.",
    "22012": "Something is divided by 0: think of the empty case. `nullif(x, 0)` makes NULL of a 0.",
    "23": "A rule of the table refuses the row. The message names the rule.",
    "23502": "A column that must have a value got none.",
    "23503": "The row points at one that is not there, or is pointed at by another. The message names both tables.",
    "23505": "The row is there already: the code ran twice, or two rows have the same key.",
    "23514": "A `CHECK` of the table refuses the row. The message names it.",
    "25": "The statement does not fit the state of the transaction. The message says which state that is.",
    "25001": "This statement cannot run inside a transaction. Use a connection with `autocommit`, outside of `transaction()`.",
    "25P02": "An earlier statement failed, so the transaction is lost: roll it back.",
    "40": "Two transactions were in each other's way, and this one was given up. Nothing of it happened: begin it again.",
    "42501": "This user may not do that. The message names what a right is missing on.",
    "42602": "No setting, or other thing, may have this name: it is misspelled.",
    "42601": "PostgreSQL could not read the SQL: the mistake is at the mark, or just before it.",
    "42702": "Two tables have this column: say which one, as in `d.id`.",
    "42703": "Usually the name is misspelled, or a text stands in double quotes instead of single.",
    "42704": "No type, setting, index or extension has this name: it is misspelled, or the cell that makes it has not run.",
    "42803": "Beside an aggregate, a column is grouped by or aggregated too. A condition on an aggregate stands in `HAVING`.",
    "42804": "Two values do not fit each other's type, or the column's. Is a `::type` cast missing?",
    "42883": "No function has this name and takes these types: check both.",
    "42P01": "Usually the table's name is misspelled, or the cell that makes it has not run.",
    "42P02": "psycopg writes placeholders as `%s`. `$1` is for its raw cursors.",
    "42P07": "It is there already. `IF NOT EXISTS`, or `DROP … IF EXISTS` before it, lets the code run again.",
    "42P18": "A placeholder stands in no quotes: `%s`, not `'%s'`. If it has none, a cast tells its type, as in `%s::int`.",
    "53": "The server has run out of something. The message says of what: connections, memory, or room on the disk.",
    "55P03": "Another session holds the lock that this statement needs. Its transaction is still open: end it.",
    "57014": "The statement was ended before it was done: it took longer than it may, or somebody cancelled it.",
}
"""By SQLSTATE (https://www.postgresql.org/docs/current/errcodes-appendix.html): a code of five signs, or its class of two."""

MESSAGES = (
    ("psycopg.ProgrammingError", "placeholders but", "Placeholders (`%s`) and values differ in number: each needs the other."),
    (
        "psycopg.ProgrammingError",
        "are allowed as placeholders",
        "A literal `%` is doubled, as in `%%`, when values are passed too.",
    ),
    ("psycopg.ProgrammingError", "incomplete placeholder", "A literal `%` is doubled, as in `%%`, when values are passed too."),
    (
        "psycopg.ProgrammingError",
        "cannot adapt type",
        "PostgreSQL has no type for this value. A dict goes through `Jsonb(…)`, a vector through `str(list(…))` or NumPy.",
    ),
    (
        "psycopg.ProgrammingError",
        "didn't produce records",
        "The statement returns no rows, so nothing can be fetched. `RETURNING` makes an INSERT, UPDATE or DELETE return some.",
    ),
    (
        "psycopg.ProgrammingError",
        "connection in transaction status",
        "A transaction is open. Commit it or roll it back, before a property of the connection changes.",
    ),
    (
        "psycopg.errors.SyntaxError",
        'at or near "$',
        "A placeholder stands for a value, and here PostgreSQL wants a name or a keyword. `psycopg.sql.Identifier` "
        "writes a name.",
    ),
    (
        "psycopg.errors.SyntaxError",
        "in tsquery",
        "`to_tsquery` takes words with `&` and `|` between them. What people type goes through `websearch_to_tsquery`.",
    ),
    (
        "psycopg.errors.UndefinedFunction",
        "operator does not exist",
        "No such operator for these types: is a `::type` cast missing, or do the values stand in another order than the `%s`?",
    ),
    (
        "redis.exceptions.ResponseError",
        "WRONGTYPE",
        "The key holds another type than this command takes: `type(key)` says which.",
    ),
    ("redis.exceptions.ResponseError", "not an integer", "The command counts, and what the key or the call holds is no number."),
    (
        "chromadb.errors.InvalidArgumentError",
        "dimension",
        "All vectors of a collection have one length. The message says which it has, and which came.",
    ),
    (
        "builtins.ValueError",
        "Expected where",
        "ChromaDB could not read the filter. Several conditions stand in one list: `{'$and': [{…}, {…}]}`.",
    ),
    ("builtins.ValueError", "Expected ID to be a str", "ChromaDB's ids are texts: `str(id)`."),
    (
        "builtins.ValueError",
        "Expected Embeddings to be non-empty",
        "ChromaDB takes no empty list: think of the case in which there is nothing to write or to ask.",
    ),
    (
        "builtins.ValueError",
        "Expected IDs to be a non-empty",
        "ChromaDB takes no empty list: think of the case in which there is nothing to write or to ask.",
    ),
    ("builtins.TypeError", "is not a mapping", "What stands after `**` is a dict, with a name and a value for each."),
    ("builtins.TypeError", "coroutine", "Usually an `await` is missing."),
    ("builtins.TypeError", "NoneType", "Something is `None`: a function lacks its `return`, or a query found no row."),
    (
        "builtins.AttributeError",
        "NoneType",
        "Something is `None`: a function lacks its `return`, or a query found no row.",
    ),
    (
        "builtins.TypeError",
        "query parameters should be",
        "The values of a statement stand in a list or a dict, also if there is one: `execute(sql, [value])`.",
    ),
    (
        "builtins.RuntimeError",
        "running event loop",
        "A notebook has an event loop already: write `await …`, and leave out `asyncio.run`.",
    ),
)
"""By the exact type's full name and words of the message. The first row that fits counts."""

TYPES = {
    "psycopg_pool.PoolTimeout": "No connection came free in time: one was not given back, or the server is down.",
    "redis.exceptions.ResponseError": "Redis refused the command. The message says whether it is its name, or its arguments.",
    "redis.exceptions.DataError": "Redis stores text, bytes and numbers. Turn anything else into text first: `json.dumps`.",
    "chromadb.errors.NotFoundError": "Usually the collection's name is misspelled, or it was deleted or made anew meanwhile.",
    "chromadb.errors.DuplicateIDError": "An id stands twice in one call. ChromaDB takes each once.",
    "chromadb.errors.ChromaError": "ChromaDB refused the request: look at the collection, the ids and the `where` filter.",
    "builtins.UnboundLocalError": "The name gets its value later in the function, or in a branch that was not taken.",
    "builtins.NameError": "Usually a name is misspelled, or the cell that makes it has not run.",
    "builtins.KeyError": 'The key is not in there. Often it is of another type: `17` and `"17"` are different keys.',
    "builtins.IndexError": "The list or row is shorter than the code expects; it may be empty.",
    "builtins.TypeError": "Usually a value is of another type than expected, or a call has too many or too few arguments.",
    "builtins.AttributeError": "Usually the value is of another type than expected, or the name is misspelled.",
    "json.decoder.JSONDecodeError": "The text is no JSON. It may be empty, or written as Python does: `json.dumps` makes JSON.",
    "builtins.ValueError": "The type is right, the value is not. The last line below says which one.",
    "builtins.ZeroDivisionError": "Something that you divide by is 0: think of the empty case.",
    "builtins.RecursionError": "The function calls itself without an end.",
    "builtins.AssertionError": "An `assert` in your code does not hold here.",
}
"""By the full name of the error's type, or of the nearest type above it."""


def meaning(error: BaseException) -> str:
    """What an error like this usually means, or `""`. Of an error that SQLAlchemy wraps, the one inside counts."""
    error = getattr(error, "orig", None) or error
    if isinstance(error, CourseError):
        return ""  # it says so itself
    exact = _name(type(error))
    for name, words, sentence in MESSAGES:
        if name == exact and words in str(error):
            return sentence
    state = getattr(error, "sqlstate", None)
    if state:
        return SQLSTATES.get(state) or SQLSTATES.get(state[:2], "")
    return next((TYPES[name] for name in map(_name, type(error).__mro__) if name in TYPES), "")


def _name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__qualname__}"
