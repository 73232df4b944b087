"""The exercises of lesson 19: distances as ChromaDB tells them, and the keys whose values are of more than one JSON type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import psycopg

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, NotYet, Trial
from course.exercises.stage import ODD, Stage

ITEMS = """
    CREATE TABLE items (id text, embedding vector(2));
    INSERT INTO items VALUES ('near', '[1, 2]'), ('far along', '[4, 7]'), ('short', '[0.5, 0.25]'), ('aside', '[2, -3]'),
        ('behind', '[-3, -1]'), ('over', '[0, 5]')
"""
QUESTION = np.array([1.5, 2.5], dtype=np.float32)
"""Each space puts the items into another order around it."""

_L2 = "SELECT id, (embedding <-> %(q)s) ^ 2 FROM items ORDER BY embedding <-> %(q)s LIMIT 3"
_COSINE = "SELECT id, embedding <=> %(q)s FROM items ORDER BY embedding <=> %(q)s LIMIT 3"
_IP = "SELECT id, 1 + (embedding <#> %(q)s) FROM items ORDER BY embedding <#> %(q)s LIMIT 3"


def _nearest_mistake(name: str, says: str, l2: str = _L2, ip: str = _IP, cosine: str = _COSINE) -> Mistake:
    """A mistake in one of the queries, or in several."""
    return Mistake(name, says, code=f'nearest = {{\n    "l2": "{l2}",\n    "cosine": "{cosine}",\n    "ip": "{ip}",\n}}')


@exercise(
    "19.nearest",
    hints=[
        "Under `l2`, ChromaDB leaves the root out: where `<->` says 5, it says 25. In PostgreSQL, `x ^ 2` squares.",
        "`<#>` is the inner product with its sign turned, so that less is nearer. 1 minus the product is 1 plus that.",
        "`ORDER BY` needs the operator alone, ascending: that is what an index goes by. Only what is selected is calculated.",
    ],
    mistakes=[
        _nearest_mistake(
            "not squared",
            "Those are pgvector's distances. Under `l2` ChromaDB leaves the root out, so square what `<->` gives.",
            l2=_L2.replace("(embedding <-> %(q)s) ^ 2", "embedding <-> %(q)s"),
        ),
        _nearest_mistake(
            "the root once more",
            "You have taken the root of what has its root taken already. ChromaDB's is the square.",
            l2=_L2.replace("(embedding <-> %(q)s) ^ 2", "sqrt(embedding <-> %(q)s)"),
        ),
        _nearest_mistake(
            "doubled",
            "That is the distance times 2. Squared is `^ 2`, or `power(…, 2)`.",
            l2=_L2.replace("^ 2", "* 2"),
        ),
        _nearest_mistake(
            "cosine for l2",
            "`<=>` looks at the angle alone. `l2` is the straight line from end to end: `<->`.",
            l2=_COSINE,
        ),
        _nearest_mistake(
            "the streets for l2",
            "`<+>` adds up the differences along each axis. The straight line is `<->`.",
            l2=_L2.replace("<->", "<+>"),
        ),
        _nearest_mistake(
            "the inner product for l2",
            "`<#>` multiplies. `l2` is the straight line from end to end: `<->`.",
            l2=_L2.replace("<->", "<#>"),
        ),
        _nearest_mistake(
            "the operator's value for ip",
            "Those are the negative inner products. ChromaDB tells 1 minus the inner product, which is 1 more than `<#>`.",
            ip=_IP.replace("1 + (embedding <#> %(q)s)", "embedding <#> %(q)s"),
        ),
        _nearest_mistake(
            "minus a negative",
            "`<#>` has its sign turned already: 1 minus it is 1 plus the inner product. Add it to 1.",
            ip=_IP.replace("1 + (embedding", "1 - (embedding"),
        ),
        _nearest_mistake(
            "the product itself",
            "That is the inner product. ChromaDB tells 1 minus it, so that less is nearer.",
            ip=_IP.replace("1 + (embedding <#> %(q)s)", "-(embedding <#> %(q)s)"),
        ),
        _nearest_mistake(
            "descending for ip",
            "Your `ip` begins with the farthest. `<#>` turns the sign, so the nearest comes first in ascending order.",
            ip=_IP.replace("%(q)s LIMIT", "%(q)s DESC LIMIT"),
        ),
        _nearest_mistake(
            "descending for l2",
            "Your `l2` begins with the farthest. Order by the distance, ascending.",
            l2=_L2.replace("%(q)s LIMIT", "%(q)s DESC LIMIT"),
        ),
        _nearest_mistake(
            "cosine for ip",
            "`<=>` divides by both lengths. The inner product keeps them: a longer vector is nearer. It is `<#>`.",
            ip=_COSINE,
        ),
        _nearest_mistake(
            "1 plus cosine for ip",
            "`<=>` divides by both lengths. The inner product keeps them: its operator is `<#>`.",
            ip=_IP.replace("<#>", "<=>"),
        ),
        _nearest_mistake(
            "l2 for ip",
            "`<->` is the straight line. The inner product's operator is `<#>`.",
            ip=_L2,
        ),
        _nearest_mistake(
            "all of them, l2",
            "Your `l2` gives every item. Asked for are the 3 nearest: `LIMIT 3`.",
            l2=_L2.replace(" LIMIT 3", ""),
        ),
        _nearest_mistake(
            "all of them, ip",
            "Your `ip` gives every item. Asked for are the 3 nearest: `LIMIT 3`.",
            ip=_IP.replace(" LIMIT 3", ""),
        ),
        _nearest_mistake(
            "no order, l2",
            "Your `l2` takes any three. `LIMIT` needs an `ORDER BY` before it.",
            l2=_L2.replace("ORDER BY embedding <-> %(q)s ", ""),
        ),
        _nearest_mistake(
            "no order, ip",
            "Your `ip` takes any three. `LIMIT` needs an `ORDER BY` before it.",
            ip=_IP.replace("ORDER BY embedding <#> %(q)s ", ""),
        ),
        _nearest_mistake(
            "ids alone, l2",
            "Your `l2` gives the ids alone. Select the distance beside each.",
            l2="SELECT id FROM items ORDER BY embedding <-> %(q)s LIMIT 3",
        ),
        _nearest_mistake(
            "ids alone, ip",
            "Your `ip` gives the ids alone. Select the distance beside each.",
            ip="SELECT id FROM items ORDER BY embedding <#> %(q)s LIMIT 3",
        ),
        _nearest_mistake(
            "the order of l2 for ip",
            "Your `ip` is ordered by `<->`, the straight line. Each space has an order of its own: here it is `<#>`.",
            ip=_IP.replace("ORDER BY embedding <#>", "ORDER BY embedding <->"),
        ),
        _nearest_mistake(
            "likeness for cosine",
            "1 minus `<=>` is how alike they are. ChromaDB's `cosine` is the distance, as pgvector gives it.",
            cosine=_COSINE.replace("id, embedding <=> %(q)s", "id, 1 - (embedding <=> %(q)s)"),
        ),
        _nearest_mistake(
            "distance first",
            "The id comes first, and the distance after it.",
            l2=_L2.replace("id, (embedding <-> %(q)s) ^ 2", "(embedding <-> %(q)s) ^ 2, id"),
        ),
    ],
)
def nearest(nearest: dict, trial: Trial) -> str:
    """Judge each query on six items, whose order is another in each space."""
    for space in ("l2", "ip", "cosine"):

        def observe(nearest: dict, stage: Stage, space: str = space) -> Any:
            stage.database(ITEMS)
            query = _query(nearest, space)
            try:
                rows = stage.rows(query, {"q": QUESTION})
            except psycopg.Error as error:
                said = error.diag.message_primary or str(error)
                raise NotYet(f"Your query for `{space}` is refused: {said}. Run it on `moved.notes` to look at it.") from error
            return [tuple(round(part, 4) if isinstance(part, float) else part for part in row) for row in rows]

        trial.compare(nearest, observe, f"Under `{space}`, your query gives {{found}}, and ChromaDB tells {{wanted}}.")
    return "A threshold that your program has for ChromaDB's distances now holds here too."


def _query(nearest: dict, space: str) -> str:
    if not isinstance(nearest, dict) or not isinstance(nearest.get(space), str):
        raise NotYet(f"The query for `{space}` is missing. Keep the three spaces as they are, each with a SELECT, as text.")
    return nearest[space]


NOTES = """
    CREATE TABLE notes (id text PRIMARY KEY, metadata jsonb);
    INSERT INTO notes VALUES ('1001', '{"year": 2020, "page": 1, "code": "7", "in": "en", "flag": true, "tags": ["a"]}'),
        ('1002', '{"year": "2020", "page": 2.5, "code": "7b", "in": "en", "flag": false, "tags": ["b", "c"]}'),
        ('1003', NULL), ('1004', '{}'),
        ('1005', '{"year": 2021, "page": 10, "alone": "7"}');
"""
FLAGS = """
    INSERT INTO notes VALUES ('1006', '{"flag": "yes", "tags": "a", "gone": null, "page": "ii", "Lang": "en"}'),
        ('1007', '{"gone": 7, "page": true, "lang": 7}')
"""
_KEY = "SELECT key FROM notes, jsonb_each(metadata)"


def _mixed(sql: str) -> str:
    """An answer whose query is this one."""
    return f"""
def mixed(postgres):
    return {{key for (key,) in postgres.execute('''{sql}''')}}
"""


@exercise(
    "19.mixed",
    hints=[
        "`SELECT id, key, value FROM notes, jsonb_each(metadata)` gives a row for each key of each note. Look at it first.",
        "`jsonb_typeof(value)` is `number`, `string`, `boolean`, `array`, `object` or `null`.",
        "Group by the key, and keep the groups in which `count(DISTINCT jsonb_typeof(value))` is more than 1: `HAVING`.",
    ],
    mistakes=[
        Mistake(
            "every value counts",
            "`count(…)` counts values. `in` has two, and both are text: count the DISTINCT types.",
            old="count(DISTINCT jsonb_typeof(value))",
            new="count(jsonb_typeof(value))",
        ),
        Mistake(
            "different values",
            "Those are the keys with different values. Different types are asked for: `jsonb_typeof(value)`.",
            old="jsonb_typeof(value)",
            new="value",
        ),
        Mistake(
            "every key",
            "Those are all keys. Which have values of more than one type? `HAVING … > 1` keeps some of the groups.",
            old="\n        GROUP BY key HAVING count(DISTINCT jsonb_typeof(value)) > 1",
            new="",
        ),
        Mistake("one type", "Those are the keys of one type. Asked for are the others.", old="> 1", new="= 1"),
        Mistake(
            "exactly two types",
            "`page` has three types, and three are more than one. `> 1`, not `= 2`.",
            old="> 1",
            new="= 2",
        ),
        Mistake(
            "upper and lower case",
            "`Lang` and `lang` are two keys, each of one type. Compare the keys as they are.",
            code=_mixed("""
                SELECT lower(key) FROM notes, jsonb_each(metadata)
                GROUP BY lower(key) HAVING count(DISTINCT jsonb_typeof(value)) > 1
            """),
        ),
        Mistake(
            "types of Python",
            "`page` is 1 in a note and 2.5 in another. To Python these are an `int` and a `float`, to JSON each is a `number`: "
            "ask `jsonb_typeof`.",
            code="""
            def mixed(postgres):
                types = {}
                for (metadata,) in postgres.execute("SELECT metadata FROM notes WHERE metadata IS NOT NULL"):
                    for key, value in metadata.items():
                        types.setdefault(key, set()).add(type(value))
                return {key for key in types if len(types[key]) > 1}
            """,
        ),
        Mistake(
            "exactly two, of two kinds",
            "A number and a string are one way to be mixed. `flag` is a boolean and a string, `tags` an array and a string.",
            old="HAVING count(DISTINCT jsonb_typeof(value)) > 1",
            new="HAVING bool_or(jsonb_typeof(value) = 'number') AND bool_or(jsonb_typeof(value) = 'string')",
        ),
        Mistake(
            "the null of JSON left out",
            "`gone` is the `null` of JSON in one note and a number in another. `null` is a type of JSON too.",
            old="jsonb_each(metadata)\n",
            new="jsonb_each(metadata) WHERE jsonb_typeof(value) <> 'null'\n",
        ),
        Mistake(
            "texts that look like numbers",
            "You look at what the values look like as text. `7` and `7b` look different there, and both are text. Ask the type.",
            code=_mixed("""
                SELECT key FROM notes, jsonb_each_text(metadata)
                GROUP BY key HAVING count(DISTINCT value ~ '^[0-9.]+$') > 1
            """),
        ),
        Mistake(
            "none found",
            "Either each note is a group of its own, in which a key has one value: group by the key alone. Or the types "
            "are gone before you ask for them: `jsonb_each_text` makes a text of each value, `jsonb_each` keeps it. Or you ask "
            "for more than two.",
            code=_mixed("""
                SELECT key FROM notes, jsonb_each_text(metadata)
                GROUP BY key HAVING count(DISTINCT pg_typeof(value)) > 1
            """),
        ),
        Mistake(
            "only year",
            "You say `year` and no other. Other keys are mixed too: let PostgreSQL say which, over all keys.",
            code="""
            def mixed(postgres):
                query = "SELECT count(DISTINCT jsonb_typeof(metadata -> 'year')) FROM notes"
                return {"year"} if postgres.execute(query).fetchone()[0] > 1 else set()
            """,
        ),
        Mistake(
            "the moved table",
            "The table is `notes`, without a schema: the check has made one of its own.",
            old="FROM notes",
            new="FROM moved.notes",
        ),
        Mistake(
            "with the types",
            "Your query gives several columns, and the line below it takes one: the key.",
            old="SELECT key",
            new="SELECT key, count(*)",
        ),
        Mistake(
            "how many",
            "That is how many types there are. Of which keys? Select the key.",
            old="SELECT key",
            new="SELECT count(DISTINCT jsonb_typeof(value))",
        ),
        Mistake(
            "the ids",
            "Those are ids of notes. Which keys are mixed?",
            code=_mixed("""
                SELECT id FROM notes, jsonb_each(metadata) WHERE key IN (
                    SELECT key FROM notes, jsonb_each(metadata) GROUP BY key HAVING count(DISTINCT jsonb_typeof(value)) > 1)
            """),
        ),
        Mistake(
            "a list",
            "Those are the ones. Return them as a set, as the line that was given does.",
            old="{key for (key,) in postgres.execute(query)}",
            new="[key for (key,) in postgres.execute(query)]",
        ),
        Mistake(
            "rows",
            "Yours holds rows. Take the key out of each: `for (key,) in …`.",
            old="{key for (key,) in postgres.execute(query)}",
            new="set(postgres.execute(query).fetchall())",
        ),
        Mistake("no return", "Your function finds them and keeps them for itself: `return` is missing.", old="return {", new="{"),
    ],
)
def mixed(mixed: Callable, trial: Trial) -> str:
    """Judge three tables: one mixed key, several of other kinds, and none."""

    def observe(more: str) -> Callable[[Callable, Stage], Any]:
        def called(mixed: Callable, stage: Stage) -> Any:
            connection = stage.database(NOTES + more)
            stage.own.execute("UPDATE notes SET metadata = metadata || jsonb_build_object(%s::text, 1) WHERE id = '1001'", [ODD])
            return mixed(connection)

        return called

    trial.compare(mixed, observe(""), "`year` is a number and a text, and no other key is mixed. You return {found}.")
    trial.compare(mixed, observe(FLAGS), "`year`, `page`, `flag`, `tags` and `gone` are mixed. You return {found}.")
    trial.compare(mixed, observe("DELETE FROM notes WHERE id = '1002'"), "No key is mixed here. You return {found}.")
    return "Run before a cast, it says which one would fail. The dry run counts the same, and tells 2020 from 2020.0 as well."
