"""The exercises of lesson 08b: comparing two answers that may hold ties, and a shadow read, both on answers that are made up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage

Hits = list[tuple[int, float]]

_NOISE = 1e-7
"""By about so much the distances of two stores differ that hold the same vectors."""


def _hits(ids: Sequence[int], distances: Sequence[float], noise: float = 0.0) -> Hits:
    return [(id, distance + noise * (rank - 1.5)) for rank, (id, distance) in enumerate(zip(ids, distances, strict=True))]


_USUAL = (0.1, 0.2, 0.3, 0.4)
_TIED = (0.1, 0.2, 0.2, 0.4)
_EDGE = (0.1, 0.2, 0.3, 0.3)
_EQUAL = (0.2, 0.2, 0.2, 0.2)
_OTHERS = (0.4, 0.5, 0.6, 0.7)

_CASES: tuple[tuple[Hits, Hits, str], ...] = (
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3, 4], _USUAL), "The answers are exactly the same."),
    (_hits([1, 2], _USUAL[:2]), [], "The second store found nothing at all."),
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3, 4], _USUAL, _NOISE), "The distances differ by about 0.0000001."),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 3, 2, 4], _TIED, _NOISE),
        "Second and third are equally far, and stand the other way round: a tie.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 3, 5], _EDGE),
        "Third and last are equally far, and the stores chose others among equals for the last place.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 5], _EDGE),
        "Third and last are equally far, and the stores chose others among equals for both places.",
    ),
    (
        _hits([1, 2, 3, 4], _EDGE),
        _hits([1, 2, 4, 5], _EDGE, _NOISE),
        "Third and last are equally far, but for 0.0000001, and the stores chose others among equals.",
    ),
    (
        _hits([1, 2, 3, 4], _EQUAL),
        _hits([5, 6, 7, 8], _EQUAL, _NOISE),
        "All are equally far, as the twelve reminders: each store chose others, and both are right.",
    ),
    ([], [], "Both found nothing, and so they agree."),
    (
        _hits([1, 2, 3, 4], (0.0, 0.2, 0.3, 0.4)),
        _hits([1, 2, 3, 4], (4e-7, 0.2, 0.3, 0.4)),
        "The first is the question itself: its distance is 0 in one store, and 0.0000004 in the other.",
    ),
    (
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.3000049, 0.4)),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.3000051, 0.4)),
        "The third differs by 0.0000002, and a boundary of rounding lies between.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([11, 12, 13, 14], _USUAL),
        "The distances are the same and the ids are not: the vectors stand under wrong ids.",
    ),
    (
        _hits([1, 2, 3, 4], _TIED),
        _hits([1, 2, 9, 4], _TIED),
        "Another id stands in the middle. It is closer than the last place, where alone a tie may bring in others.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.25, 0.4)),
        "The same ids, and the third is closer in the second store: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.35, 0.4)),
        "The same ids, and the third is farther in the second store: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 4], (0.1, 0.2, 0.30008, 0.4)),
        "The same ids, and the third stands at another distance, by 0.00008: its vector is not the same.",
    ),
    (
        _hits([1, 2, 3, 4], _USUAL),
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        "The last ones differ, and are not equally far: the second store passed over a closer one.",
    ),
    (
        _hits([1, 2, 3, 5], (0.1, 0.2, 0.3, 0.5)),
        _hits([1, 2, 3, 4], _USUAL),
        "The last ones differ, and are not equally far: the first store passed over a closer one.",
    ),
    (_hits([1, 2, 3, 4], _USUAL), _hits([1, 2, 3], _USUAL[:3]), "The second store found one less."),
    (_hits([1, 2, 3], _EQUAL[:3]), _hits([1, 2, 3, 4], _EQUAL), "The second store found one more."),
    (_hits([1, 2, 3, 4], _OTHERS), _hits([1, 2, 3, 9], _OTHERS), "The last place, and that alone, is taken by another one."),
)


def _shown(hits: Hits) -> str:
    return "[" + ", ".join(f"({id}, {round(distance, 7):g})" for id, distance in hits) + "]"


_LENGTHS = "if len(old) != len(new):\n        return False"
_RETURN = "return alike and closer_old == closer_new"


@exercise(
    "08b.same_ten",
    hints=[
        "First the easy ends: different lengths are `False`, and two empty lists are `True`.",
        "`all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))` compares the distances rank by rank.",
        "The last place is at `old[-1][1]`. The ids that must be in both: those with a distance below it, by more than 1e-5.",
    ],
    mistakes=[
        Mistake(
            "ids as lists",
            "Compare ids as sets: a list has an order, and ties have none.",
            code="""
            def same_ten(old, new):
                return [id for id, _ in old] == [id for id, _ in new]
            """,
        ),
        Mistake(
            "ids as sets",
            "At the distance of the last place ids may differ: leave those out before you compare.",
            code="""
            def same_ten(old, new):
                return {id for id, _ in old} == {id for id, _ in new}
            """,
        ),
        Mistake(
            "all of it with ==",
            "Two stores compute with different precision, and `==` allows for none. Let distances differ by less than 0.00001.",
            code="""
            def same_ten(old, new):
                return old == new
            """,
        ),
        Mistake(
            "distances alone",
            "Equal distances alone prove nothing. Compare the ids that are closer than the last place as well.",
            old="alike and closer_old == closer_new",
            new="alike",
        ),
        Mistake(
            "half of them is enough",
            "Some ids in common are not enough to say yes, and at a tie none may be in common. Which places decide?",
            code="""
            def same_ten(old, new):
                return len({id for id, _ in old} & {id for id, _ in new}) >= len(old) / 2
            """,
        ),
        Mistake(
            "zip forgets the rest",
            "`zip` ends with the shorter list, so what follows is never compared. Compare the lengths first.",
            old=f"{_LENGTHS}\n    alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new, strict=True))",
            new="alike = all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))",
        ),
        Mistake(
            "zip is strict",
            "`zip(…, strict=True)` raises where the lengths differ. Compare the lengths first, and return `False`.",
            old=_LENGTHS,
            new="pass",
        ),
        Mistake(
            "ids alone, but for the last place",
            "Compare the distances as well, rank by rank.",
            old="alike and closer",
            new="closer",
        ),
        Mistake(
            "the last place skipped",
            "You leave the last place out. Its ids may differ, its distance may not.",
            code="""
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                if not old:
                    return True
                edge = old[-1][1] - 1e-5
                pairs = [(a, b) for (_, a), (_, b) in zip(old, new) if a < edge]
                near = [{id for id, distance in hits if distance < edge} for hits in (old, new)]
                return near[0] == near[1] and all(abs(a - b) < 1e-5 for a, b in pairs)
            """,
        ),
        Mistake(
            "any tie excuses",
            "A tie excuses other ids only at the last place: elsewhere the one that is missing was passed over.",
            code="""
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                tied = [any(abs(a - b) < 1e-5 for j, (_, b) in enumerate(old) if i != j) for i, (_, a) in enumerate(old)]
                last = old[-1][1] if old else 0
                pairs = zip(old, new, tied)
                return all(abs(a - b) < 1e-5 and (x == y or tie or abs(a - last) < 1e-5) for (x, a), (y, b), tie in pairs)
            """,
        ),
        Mistake(
            "no tolerance at the last place",
            "Of two equals, one is closer by a hair of computing. Only what is closer by more than 0.00001 counts as closer.",
            old=" - 1e-5",
            new="",
        ),
        Mistake(
            "only the very last one",
            "Several may stand at the distance of the last place. Leave out all of them, and not one.",
            old="{id for id, distance in old if distance < old[-1][1] - 1e-5}\n"
            "    closer_new = {id for id, distance in new if distance < new[-1][1] - 1e-5}",
            new="{id for id, _ in old[:-1]}\n    closer_new = {id for id, _ in new[:-1]}",
        ),
        Mistake(
            "the last place must agree too",
            "The last place alone may be taken by another one that is equally far: compare only ids that are closer.",
            old=_RETURN,
            new="tied = len(old) > 1 and abs(old[-1][1] - old[-2][1]) < 1e-5\n"
            "    return alike and closer_old == closer_new and (tied or {id for id, _ in old} == {id for id, _ in new})",
        ),
        Mistake(
            "rounded",
            "Two numbers that are almost equal may round to different ones. Compare their difference with 0.00001.",
            code="""
            def same_ten(old, new):
                old, new = ([(id, round(d, 5)) for id, d in hits] for hits in (old, new))
                if [d for _, d in old] != [d for _, d in new]:
                    return False
                inside = [{hit for hit in hits if hit[1] < hits[-1][1]} for hits in (old, new)]
                return inside[0] == inside[1]
            """,
        ),
        Mistake(
            "a relative tolerance",
            "A tolerance relative to the distance is nothing at 0. `math.isclose` and `np.isclose` can be given an absolute one.",
            old="abs(a - b) < 1e-5",
            new="np.isclose(a, b)",
        ),
        Mistake(
            "too much tolerance",
            "Your tolerance lets through what is more than 0.00001 apart.",
            old="abs(a - b) < 1e-5",
            new="abs(a - b) < 1e-3",
        ),
        Mistake(
            "no abs",
            "Without `abs`, a difference counts in one direction only.",
            old="abs(a - b) < 1e-5",
            new="a - b < 1e-5",
        ),
        Mistake(
            "no last place in an empty list",
            "An empty list has no last place: `old[-1]` stops there.",
            code="""
            def same_ten(old, new):
                if len(old) != len(new):
                    return False
                edge = old[-1][1] - 1e-5
                near = [{id for id, distance in hits if distance < edge} for hits in (old, new)]
                return near[0] == near[1] and all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))
            """,
        ),
        Mistake(
            "nothing found is no answer",
            "Two stores that both find nothing give the same answer.",
            old=_LENGTHS,
            new="if len(old) != len(new) or not old:\n        return False",
        ),
        Mistake(
            "a set as the answer",
            "Asked for is `True` or `False`.",
            code="""
            def same_ten(old, new):
                return {id for id, _ in old} & {id for id, _ in new}
            """,
        ),
        Mistake(
            "no return",
            "Your function returns nothing: `return` is missing.",
            old=_RETURN,
            new="alike and closer_old == closer_new",
        ),
        Mistake(
            "always yes",
            "It cannot be always `True`: then it compares nothing.",
            code="""
            def same_ten(old, new):
                return True
            """,
        ),
        Mistake(
            "always no",
            "Your function says no to two answers that are the same in every figure.",
            code="""
            def same_ten(old, new):
                return False
            """,
        ),
        Mistake(
            "sorts what it is given",
            "Your function sorts the caller's lists in place. `sorted` makes a new one.",
            old=_LENGTHS,
            new="old.sort(key=lambda hit: -hit[1]); old.reverse(); new.append(None); new.pop(); new.reverse()\n"
            "    new.sort(key=lambda hit: hit[1])\n    if len(old) != len(new):\n        return False",
        ),
    ],
)
def same_ten(same_ten: Callable, trial: Trial) -> str:
    """Judge pairs of answers: the same, the same but for ties, and different in several ways."""

    def observe(old: Hits, new: Hits) -> Callable[[Callable, Stage], Any]:
        return lambda same_ten, stage: _plain(same_ten(list(old), list(new)))

    for old, new, why in _CASES:
        trial.compare(same_ten, observe(old, new), f"For {_shown(old)} and {_shown(new)}, yours says {{found}}. {why}")
    return "Now a difference means something. Without ties, a comparison like this is switched off after its third false alarm."


def _plain(value: Any) -> Any:
    return bool(value) if isinstance(value, np.bool_) else value


class _NewDownError(Exception):
    """Raised by the check's new store."""


class _NewRefusesError(ConnectionError):
    """Raised by the check's new store as well."""


class _OldDownError(Exception):
    """Raised by the check's old store."""


_OLD, _NEW = [(1001, 0.1), (1002, 0.2)], [(1002, 0.2), (1001, 0.2)]

_TRY = """try:
        new = read_new(question)
    except Exception:
        note(question, "failed")
    else:
        if not same(old, new):
            note(question, "differs")"""


@exercise(
    "08b.ask_both",
    hints=[
        "The old store is asked outside of any `try`: its errors are the user's, as before.",
        '`try: new = read_new(question)`, `except Exception: note(question, "failed")`, and the comparison in an `else:`.',
        "The last line is `return old`, whatever happened in between.",
    ],
    mistakes=[
        Mistake(
            "returns the new",
            "That is the new store's answer. In this phase it is only compared: users read the old one.",
            old="    return old",
            new="    return locals().get('new', old)",
        ),
        Mistake(
            "the new one fails, and so does it",
            "The new store failed, and so did your function. The user reads the old one, and must not notice.",
            old=_TRY,
            new="new = read_new(question)\n    if not same(old, new):\n        note(question, 'differs')",
        ),
        Mistake(
            "one kind of failure",
            "You catch some errors, and the new store raised another one. Whatever it raises, the user must not notice.",
            old="except Exception",
            new="except (OSError, ValueError, LookupError)",
        ),
        Mistake(
            "never asks the new",
            "The new store was never asked, so nothing is compared.",
            old=_TRY,
            new="pass",
        ),
        Mistake(
            "compares with ==",
            "`same` was never called. `==` raises an alarm at each tie: let `same` decide.",
            old="not same(old, new)",
            new="old != new",
        ),
        Mistake(
            "nothing noted, or the wrong way round",
            "The answers differ, and nothing was noted. `same` is true when there is nothing to tell.",
            old="if not same",
            new="if same",
        ),
        Mistake(
            "always notes",
            "You note every question. Only those that differ are worth a look.",
            old="if not same(old, new):",
            new="if not same(old, new) or True:",
        ),
        Mistake(
            "silent about failures",
            'The new store failed, and nobody will know: `note(question, "failed")`.',
            old='note(question, "failed")',
            new="pass",
        ),
        Mistake(
            "raises after it has noted",
            "The failure is noted, and then raised: the user notices. Go on, and return the old answer.",
            old='note(question, "failed")',
            new='note(question, "failed")\n        raise',
        ),
        Mistake(
            "no answer when the new one fails",
            "The new store failed, and the user gets no answer, although the old one gave it.",
            old='note(question, "failed")',
            new='note(question, "failed")\n        return None',
        ),
        Mistake(
            "the old one's error swallowed",
            "The old store failed, and your function swallowed its error: the user would take that for an answer.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = None
                try:
                    old = read_old(question)
                    new = read_new(question)
                    if not same(old, new):
                        note(question, "differs")
                except Exception:
                    note(question, "failed")
                return old
            """,
        ),
        Mistake(
            "the new one instead of the old",
            "The old store failed, and your function gives the new one's answer. Nobody has decided yet that it may be read.",
            old="old = read_old(question)",
            new="try:\n        old = read_old(question)\n    except Exception:\n        return read_new(question)",
        ),
        Mistake(
            "the old one's failure noted",
            "The old store failed, and you noted that the new one did. There was nothing to compare: only raise.",
            old="old = read_old(question)",
            new='try:\n        old = read_old(question)\n    except Exception:\n        note(question, "failed")\n        raise',
        ),
        Mistake(
            "no return",
            "The old store answered, and your function returns nothing.",
            old="    return old",
            new="",
        ),
        Mistake(
            "both answers",
            "You return both answers. The user gets the old one, as it is.",
            old="return old",
            new="return old, new",
        ),
        Mistake(
            "what same said",
            "You return what the comparison said. The user waits for the answer.",
            old="return old",
            new="return same(old, new)",
        ),
        Mistake(
            "the old one asked twice",
            "The old store was asked twice for one question. Keep its answer in a variable.",
            old="return old",
            new="return read_old(question)",
        ),
        Mistake(
            "the new one asked twice",
            "The new store was asked twice for one question. Keep its answer in a variable.",
            old="same(old, new)",
            new="same(old, read_new(question))",
        ),
        Mistake(
            "the other way round",
            "`same` was given the answers the wrong way round: the old one first.",
            old="same(old, new)",
            new="same(new, old)",
        ),
        Mistake(
            "an empty answer for a failed one",
            "The new store failed and gave no answer, and you compared one all the same. Compare in an `else:`.",
            old=_TRY,
            new="try:\n        new = read_new(question)\n    except Exception:\n        new = []\n"
            "        note(question, 'failed')\n    if not same(old, new):\n        note(question, 'differs')",
        ),
        Mistake(
            "another word",
            'The word is another one than the task says: `note(question, "differs")`.',
            old='"differs"',
            new='"different"',
        ),
        Mistake(
            "another word for a failure",
            'The word is another one than the task says: `note(question, "failed")`.',
            old='"failed"',
            new='"error"',
        ),
        Mistake(
            "notes the answers",
            "`note` takes the question and a word. You gave it something else first.",
            old="note(question,",
            new="note(old,",
        ),
        Mistake(
            "the word alone",
            "`note` takes two things: the question, so that somebody can ask it again, and the word.",
            old="note(question, ",
            new="note(",
        ),
        Mistake(
            "an empty answer is none",
            "The old store found nothing, and that is an answer too: compare it.",
            old="if not same(old, new):",
            new="if old and not same(old, new):",
        ),
        Mistake(
            "an empty answer of the new store is none",
            "The new store found nothing where the old one found something: exactly that must be noted.",
            old="if not same(old, new):",
            new="if new and not same(old, new):",
        ),
        Mistake(
            "the question cleaned",
            "A store was asked another question than the user asked. Hand it on as it is.",
            old="read_new(question)",
            new="read_new(question.strip().lower())",
        ),
    ],
)
def ask_both(ask_both: Callable, trial: Trial) -> str:
    """Judge answers that differ and that do not, empty ones, a new store that fails, and an old one that does."""
    refuses, failed, down = (error("said by the check") for error in (_NewRefusesError, _NewDownError, _OldDownError))
    trial.compare(ask_both, _asked(_OLD, _NEW, same=False))
    trial.compare(ask_both, _asked(_OLD, _NEW, same=True))
    trial.compare(ask_both, _asked([], _NEW, same=False))
    trial.compare(ask_both, _asked(_OLD, [], same=False))
    trial.compare(ask_both, _asked(_OLD, refuses, same=True))
    trial.compare(ask_both, _asked(_OLD, failed, same=True))
    trial.compare(ask_both, _asked(down, _NEW, same=False))
    return "Run this for a week. Then the flag changes for a reason, and not out of hope."


def _asked(old: Any, new: Any, *, same: bool) -> Callable[[Callable, Stage], Parts]:
    """How to observe one question to two stores that give these answers, or raise them, where the comparison says `same`."""

    def observe(ask_both: Callable, stage: Stage) -> Parts:
        read_old, read_new = (stage.asked(_store(gives), at_most=20) for gives in (old, new))
        compared, note = stage.asked(lambda old, new: same), stage.asked(_note)
        returned, raised = None, None
        try:
            returned = ask_both(ODD, read_old, read_new, compared, note)
        except (_OldDownError, _NewDownError, _NewRefusesError) as error:
            raised = type(error).__name__.strip("_")
        news = {} if isinstance(old, Exception) else {"the_new_store_was_asked": read_new.calls}
        return Parts(
            your_function_raises=raised,
            your_function_returns=returned,
            the_old_store_was_asked=read_old.calls,
            **news,
            compared_were=compared.calls,
            noted_was=note.calls,
        )

    return observe


def _store(gives: Any) -> Callable[[object], Any]:
    def read(question: object) -> Any:
        if isinstance(gives, Exception):
            raise gives
        return list(gives)

    return read


def _note(*values: object) -> None:
    """Kept by `stage.asked`."""
