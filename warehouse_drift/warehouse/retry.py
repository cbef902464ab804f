"""Which failures pass by themselves, and how long to wait before a statement is sent again.

Which they are is data: ``[transient]`` of a dialect's ``dialect.toml``. Only statements that change nothing are sent
again: reads, and scratch tables, which are dropped first. A write is never repeated: whether it arrived may not be known.
"""

from __future__ import annotations

import logging
import random
import re
import time
from collections.abc import Iterator, Sequence

from warehouse_drift.sql.dialect import Dialect

ATTEMPTS = 4
"""How often a statement is sent at most."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
"""Seconds. The wait doubles; a random half of it keeps jobs that failed together from coming back together."""
_log = logging.getLogger("warehouse_drift")


def kind_of(error: BaseException, dialect: Dialect) -> str:
    """``repeat``: the same connection may be asked again; ``lost``: a new connection is needed; '' for every error that
    would come again, and for all that no list names."""
    known = dialect.transient
    if not known:
        return ""
    chain = list(_chain(error))
    states = {str(s) for e in chain for s in (getattr(e, "pgcode", None), getattr(e, "sqlstate", None)) if s}
    names = {type(e).__name__ for e in chain}
    text = "\n".join(str(e) for e in chain)
    for kind in ("lost", "repeat"):
        if (
            any(_is_state(s, p) for s in states for p in known.get(f"{kind}_states", ()))
            or names & set(known.get(f"{kind}_exceptions", ()))
            or any(re.search(p, text, re.I) for p in known.get(f"{kind}_messages", ()))
        ):
            return kind
    return ""


def _is_state(state: str, pattern: str) -> bool:
    """08* is the whole class 08."""
    return state.startswith(pattern[:-1]) if pattern.endswith("*") else state == pattern


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, the driver's own below SQLAlchemy's, and what each was raised from."""
    seen: list[BaseException] = []
    left: list[BaseException | None] = [error]
    while left:
        one = left.pop()
        if one is None or any(one is s for s in seen):
            continue
        seen.append(one)
        yield one
        left += [getattr(one, "orig", None), one.__cause__]


def wait(name: str, why: str, attempt: int) -> str:
    """Waits before the next attempt and says so in one sentence, which is given back. ``attempt``: the one that failed."""
    seconds = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (attempt - 1)) * random.uniform(0.5, 1.0)
    sentence = f"{name} is sent again in {seconds:.1f} s (attempt {attempt + 1} of {ATTEMPTS}): {why}"
    _log.warning(sentence)
    time.sleep(seconds)
    return sentence


def told(sentences: Sequence[str]) -> str:
    """What a run's record says of them; '' for none."""
    return f"{len(sentences)} statement(s) sent again; the last: {sentences[-1]}"[:500] if sentences else ""
