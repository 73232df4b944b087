"""The exercises of lesson 08b: comparing two answers that may hold ties, and a shadow read, both on answers that are made up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from course.checks.ties import CASES, MISTAKES, Hits, shown
from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Parts, Trial
from course.exercises.stage import ODD, Stage


@exercise(
    "08b.same_ten",
    hints=[
        "First the easy ends: different lengths are `False`, and two empty lists are `True`.",
        "`all(abs(a - b) < 1e-5 for (_, a), (_, b) in zip(old, new))` compares the distances rank by rank.",
        "The last place is at `old[-1][1]`. The ids that must be in both: those with a distance below it, by more than 1e-5.",
    ],
    mistakes=MISTAKES,
)
def same_ten(same_ten: Callable, trial: Trial) -> str:
    """Judge pairs of answers: the same, the same but for ties, and different in several ways."""

    def observe(old: Hits, new: Hits) -> Callable[[Callable, Stage], Any]:
        return lambda same_ten, stage: _plain(same_ten(list(old), list(new)))

    for old, new, why in CASES:
        trial.compare(same_ten, observe(old, new), f"For {shown(old)} and {shown(new)}, yours says {{found}}. {why}")
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
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                new = read_new(question)
                if not same(old, new):
                    note(question, 'differs')
                return old
            """,
        ),
        Mistake(
            "the new one first, and so it fails",
            "You ask the new store first, and where it fails, the old one is never asked. The user's answer comes first.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                new = read_new(question)
                old = read_old(question)
                if not same(old, new):
                    note(question, 'differs')
                return old
            """,
        ),
        Mistake(
            "compares in a finally",
            "A `finally` runs in any case, also when the new store gave no answer. Compare in an `else:`.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                finally:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "tries again",
            "The new store was asked again after it had failed. Note it: that it fails is what you want to know.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                for _ in range(3):
                    try:
                        new = read_new(question)
                        break
                    except Exception:
                        pass
                else:
                    note(question, 'failed')
                    return old
                if not same(old, new):
                    note(question, 'differs')
                return old
            """,
        ),
        Mistake(
            "both words for a failure",
            "A store that fails gives no answer that could differ. One note is enough.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                    note(question, "differs")
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "the error's own words",
            'The word is `"failed"`, whatever the error says: so that somebody can count them.',
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception as error:
                    note(question, str(error))
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "the word first",
            "`note` takes the question first, and the word after it.",
            old='note(question, "differs")',
            new='note("differs", question)',
        ),
        Mistake(
            "sorts before it compares",
            "`same` was given other answers than the stores gave: you sorted them. Hand them on as they came, the closest first.",
            old="if not same(old, new):",
            new="if not same(sorted(old), sorted(new)):",
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
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                    raise
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "no answer when the new one fails",
            "The new store failed, and the user gets no answer, although the old one gave it.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                    return None
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
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
            "the old one's error swallowed, and on it goes",
            "The old store failed, and your function goes on without its answer. That error is the user's: the old store is "
            "asked outside of any `try`.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                try:
                    old = read_old(question)
                except Exception:
                    old = None
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "the new one instead of the old",
            "The old store failed, and your function gives the new one's answer. Nobody has decided yet that it may be read.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                try:
                    old = read_old(question)
                except Exception:
                    return read_new(question)
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "the old one's failure noted",
            "The old store failed, and you noted that the new one did. There was nothing to compare: only raise.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                try:
                    old = read_old(question)
                except Exception:
                    note(question, "failed")
                    raise
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                else:
                    if not same(old, new):
                        note(question, "differs")
                return old
            """,
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
            "the old one asked three times",
            "The old store was asked again and again for one question. Keep its answer in a variable.",
            old="    return old",
            new="    read_old(question)\n    return read_old(question)",
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
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                try:
                    new = read_new(question)
                except Exception:
                    new = []
                    note(question, 'failed')
                if not same(old, new):
                    note(question, 'differs')
                return old
            """,
        ),
        Mistake(
            "nothing for a failed one",
            "The new store failed and gave no answer, and `same` was asked about `None`. Compare in an `else:`.",
            code="""
            def ask_both(question, read_old, read_new, same, note):
                old = read_old(question)
                new = None
                try:
                    new = read_new(question)
                except Exception:
                    note(question, "failed")
                if not same(old, new):
                    note(question, "differs")
                return old
            """,
        ),
        Mistake(
            "a note when they are the same",
            "You note that the answers are the same, too. Among sixty thousand such notes nobody finds those that differ.",
            old='            note(question, "differs")',
            new='            note(question, "differs")\n        else:\n            note(question, "same")',
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
            "an empty answer ends it",
            "The old store found nothing, and the new one was not asked. That is an answer too: ask both, and compare.",
            old="    try:\n        new",
            new="    if not old:\n        return old\n    try:\n        new",
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
