"""Columns by the names that people write: the exact spelling first, else the only one that differs in case alone.

So ``amount`` finds Snowflake's AMOUNT. What is found keeps the warehouse's own spelling, in SQL and in the results.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, Protocol, TypeVar

from warehouse_drift.config.values import nearest


class Named(Protocol):
    @property
    def name(self) -> str: ...


C = TypeVar("C", bound=Named)
SHORTENED = 60
"""A name that begins with a column's whole name of so many bytes was probably cut by the warehouse."""


class Names(Generic[C]):
    """The columns of one relation."""

    def __init__(self, columns: Iterable[C]) -> None:
        self.listed = tuple(columns)
        self._exact = {c.name: c for c in self.listed}
        self._folded: dict[str, list[C]] = {}
        for c in self.listed:
            self._folded.setdefault(c.name.lower(), []).append(c)

    def find(self, name: str) -> C | None:
        """The column that is meant; None where there is none, and where several are (``several``)."""
        alike = self._folded.get(name.lower(), [])
        return self._exact.get(name) or (alike[0] if len(alike) == 1 else None)

    def several(self, name: str) -> tuple[str, ...]:
        """The spellings between which a name cannot choose; empty when there is nothing to choose."""
        alike = self._folded.get(name.lower(), [])
        return tuple(c.name for c in alike) if name not in self._exact and len(alike) > 1 else ()

    def lack(self, what: str, name: str, place: str) -> str:
        """Why ``find`` gives nothing: a sentence, and what to write instead. ``what``: 'the column'."""
        if several := self.several(name):
            return f"{what} {name!r} may be {' or '.join(map(repr, several))} of {place}: write the spelling that is meant."
        listed = [c.name for c in self.listed]
        cut = [n for n in listed if len(n.encode()) >= SHORTENED and name.startswith(n)]
        if cut:
            hint = f"Names of {len(cut[0])} characters are the longest there: write {cut[0]!r}."
        else:
            hint = nearest(name, listed) or f"Columns: {', '.join(listed[:12])}{', ...' if len(listed) > 12 else ''}."
        return f"{what} {name!r} is not in {place}. {hint}"
