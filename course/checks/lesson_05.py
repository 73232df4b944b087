"""The exercise of lesson 05: the availability of a request that needs several stores."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from course.exercises.check import exercise
from course.exercises.mistakes import Mistake, Trial
from course.exercises.stage import Stage

__all__ = ["availability", "math"]

UP = {"PostgreSQL": 0.9, "ChromaDB": 0.8, "Redis": 0.5}
OTHERS = {"Kafka": 0.75, "MinIO": 0.75, "Redis": 0.4, "PostgreSQL": 0.6}
"""Stores of another application, two of which are up equally often."""

PRODUCT = "math.prod(up[store] for store in needed)"


@exercise(
    "05.availability",
    hints=[
        "Two stores that are up 9 of 10 days each: both are up on 9 of 10 of those 9 of 10 days.",
        "Shares of time that must hold together are multiplied. `math.prod` multiplies whatever it is given.",
    ],
    mistakes=[
        Mistake(
            "the weakest",
            "That is the share of one store alone, the weakest. While it is up, the others may be down: multiply, and `return` "
            "after the loop, not in it.",
            old=PRODUCT,
            new="min(up[store] for store in needed)",
        ),
        Mistake(
            "the best",
            "That is the share of one store alone, the best one's. This request needs all of them: multiply, and `return` after "
            "the loop, not in it.",
            old=PRODUCT,
            new="max(up[store] for store in needed)",
        ),
        Mistake(
            "the mean",
            "A mean is higher than the weakest store. All of them must be up at the same time: multiply.",
            old=PRODUCT,
            new="sum(up[store] for store in needed) / len(needed)",
        ),
        Mistake(
            "the geometric mean",
            "You multiply, and then take a root: that is the share of one store if all were alike. Leave the root out.",
            old=PRODUCT,
            new=f"{PRODUCT} ** (1 / len(needed))",
        ),
        Mistake(
            "the outages added",
            "You add up the outages. Two that happen at once then count twice: multiply the shares.",
            old=PRODUCT,
            new="1 - sum(1 - up[store] for store in needed)",
        ),
        Mistake(
            "the shares added",
            "You add up the shares of time, and a sum of them may pass 1. What must hold together is multiplied.",
            old="math.prod",
            new="sum",
        ),
        Mistake(
            "every store",
            "You count every store. Only those in `needed` can stop this request.",
            old=PRODUCT,
            new="math.prod(up.values())",
        ),
        Mistake(
            "those that it does not need",
            "Those are the stores that the request does not need. Take the ones in `needed`.",
            old=PRODUCT,
            new="math.prod(share for store, share in up.items() if store not in needed)",
        ),
        Mistake(
            "0.999 for each",
            "You use 0.999 for every store. `up` says how much of the time each of them is up.",
            old=PRODUCT,
            new="0.999 ** len(needed)",
        ),
        Mistake(
            "one for all",
            "You take one store's share for each of them. They differ: look each one up, `up[store]`.",
            old=PRODUCT,
            new="up[sorted(needed)[0]] ** len(needed) if needed else 1",
        ),
        Mistake(
            "per cent",
            "That is per cent. Return the share itself, from 0 to 1.",
            old=PRODUCT,
            new=f"100 * {PRODUCT}",
        ),
        Mistake(
            "when it fails",
            "That is the share in which it fails. Asked for is the share in which it answers.",
            old=PRODUCT,
            new=f"1 - {PRODUCT}",
        ),
        Mistake(
            "the outages multiplied",
            "That is how often all of them are down at once. One that is down is enough to stop the request.",
            old=PRODUCT,
            new="math.prod(1 - up[store] for store in needed)",
        ),
        Mistake(
            "as if they could stand in for each other",
            "That is for stores that can stand in for each other. This request needs all of them at once.",
            old=PRODUCT,
            new="1 - math.prod(1 - up[store] for store in needed)",
        ),
        Mistake(
            "minutes",
            "That is minutes a year. Return the share of time, from 0 to 1.",
            old=PRODUCT,
            new=f"{PRODUCT} * 365 * 24 * 60",
        ),
        Mistake(
            "rounded",
            "That is rounded, and the difference between 99.99 % and 99.9 % is lost in it. Return the product as it is.",
            old=PRODUCT,
            new=f"round({PRODUCT}, 3)",
        ),
        Mistake(
            "rounded to four places",
            "That is rounded: stores that are up nearly always then seem to be up always. Return the product as it is.",
            old=PRODUCT,
            new=f"round({PRODUCT}, 4)",
        ),
        Mistake(
            "rounded to six places",
            "That is rounded: of a small share little is left. Return the product as it is.",
            old=PRODUCT,
            new=f"round({PRODUCT}, 6)",
        ),
        Mistake(
            "equal shares counted once",
            "Two stores with the same share were counted once: a set keeps equal numbers once. Multiply without a set.",
            old=PRODUCT,
            new="math.prod({up[store] for store in needed})",
        ),
        Mistake(
            "three names by heart",
            "These are other stores than Lumen's three. Take the names from `needed`, and the shares from `up`.",
            old=PRODUCT,
            new='math.prod(up[store] for store in ("PostgreSQL", "ChromaDB", "Redis") if store in needed)',
        ),
        Mistake(
            "the dictionary emptied",
            "The share is right. But your function changes `up`, and the caller needs it as it was: read, and do not `pop`.",
            old="up[store]",
            new="up.pop(store)",
        ),
        Mistake(
            "the set emptied",
            "The share is right. But your function takes the stores out of `needed`, and the caller's set is empty afterwards: "
            "go through it with `for`.",
            code="""
            def availability(needed, up):
                share = 1.0
                while needed:
                    share *= up[needed.pop()]
                return share
            """,
        ),
        Mistake(
            "only two",
            "You multiply two of them. `needed` may hold any number.",
            code="""
            def availability(needed, up):
                shares = [up[store] for store in sorted(needed)]
                return shares[0] * shares[1] if len(shares) > 1 else math.prod(shares)
            """,
        ),
        Mistake(
            "returns in the loop",
            "Only one store was counted: a `return` inside the loop ends it at once. Return after the loop.",
            code="""
            def availability(needed, up):
                share = 1.0
                for store in sorted(needed):
                    share *= up[store]
                    return share
                return share
            """,
        ),
        Mistake(
            "a product that begins with 0",
            "You return 0. A product begins with 1, for 0 times anything is 0; and `int` cuts a share down to 0.",
            old=PRODUCT,
            new="math.prod((up[store] for store in needed), start=0)",
        ),
        Mistake(
            "0.999 times the number of stores",
            "You add up 0.999 for each store, and a share of time is at most 1. Look each one up in `up`, and multiply.",
            old=PRODUCT,
            new="0.999 * len(needed)",
        ),
        Mistake(
            "a number as text",
            "That is the number as a text. Nobody can go on computing with it: return the number.",
            old=PRODUCT,
            new=f"str({PRODUCT})",
        ),
        Mistake(
            "printed",
            "Your function returns nothing. What it prints, nobody can go on computing with: `return` it.",
            old="return math",
            new="share = math",
        ),
        Mistake(
            "a text",
            "That is a text. Return the number; how it is shown is another matter.",
            old=PRODUCT,
            new=f'f"{{{PRODUCT}:.1%}}"',
        ),
        Mistake(
            "the shares themselves",
            "Those are the shares of the needed stores. What is the share in which all of them are up? Multiply.",
            old=PRODUCT,
            new="[up[store] for store in sorted(needed)]",
        ),
        Mistake(
            "no store, no answer",
            "A request that needs no store is always answered: for an empty set the share is 1, and you return 0.",
            old="return",
            new="return 0.0 if not needed else",
        ),
        Mistake(
            "None for no store",
            "A request that needs no store is always answered: for an empty set the share is 1, and you return None.",
            old="return",
            new="return None if not needed else",
        ),
    ],
)
def availability(availability: Callable, trial: Trial) -> str:
    """Judge the share of time by stores that differ, for one, two, three and none of them, and by another application's."""

    def compare(needed: set[str], up: dict[str, float]) -> None:
        def observe(availability: Callable, stage: Stage) -> Any:
            return availability(set(needed), dict(up))

        stores = " and ".join(sorted(needed)) or "no store"
        trial.compare(availability, observe, f"For {stores} of {_listed(up)} you return {{found}}, and it should be {{wanted}}.")

    compare({"PostgreSQL", "ChromaDB", "Redis"}, UP)
    compare({"PostgreSQL", "ChromaDB"}, UP)
    compare({"Redis"}, UP)
    compare({"Kafka", "MinIO", "PostgreSQL"}, OTHERS)
    compare({"ChromaDB", "Redis"}, dict.fromkeys(UP, 0.999_99))
    compare({"ChromaDB", "Redis"}, dict.fromkeys(UP, 0.001_3))
    compare(set(), UP)
    return "Each store that a request needs takes its share. What it does not need takes nothing."


def _listed(up: dict[str, float]) -> str:
    return ", ".join(f"{store} {share}" for store, share in up.items())
