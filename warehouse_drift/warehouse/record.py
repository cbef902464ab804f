"""A warehouse that only writes down: every statement that a run would send, for any dialect, without a connection."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse_drift.sql.dialect import Dialect
from warehouse_drift.warehouse.execute import ROW_CAP, Stats, Warehouse

_SCRATCH = re.compile(r"wd_[0-9a-f]{8}_")
Answer = Callable[[str], Sequence[Mapping[str, Any]]]


@dataclass(frozen=True, slots=True)
class Recorded:
    """``step``: what the run was doing; ``name``: the template, or what else the statement is."""

    step: str
    name: str
    sql: str


class Recorder(Warehouse):
    """Takes the place of a ``Warehouse``. Results are placeholders: ``answers`` gives rows by statement name, from the
    statement's text; a statement without one gets no rows."""

    def __init__(self, dialect: Dialect, answers: Mapping[str, Answer], now: datetime) -> None:
        self.dialect = dialect
        self.url = "nowhere"
        self.result_schema = None
        self.stats = Stats()
        self.statements: list[Recorded] = []
        self.step = ""
        self.held = 0
        self.roles = (None, None)
        self._answers = answers
        self._now = now

    def close(self) -> None:
        """Nothing is open."""

    def fetch(self, sql: str, *, name: str, max_rows: int = ROW_CAP) -> list[dict[str, Any]]:
        if name in ("now", "clock"):
            return [{"epoch_us": int((self._now - datetime(1970, 1, 1)).total_seconds() * 1e6)}]
        self._write(name, sql)
        answer = self._answers.get(name)
        return [dict(r) for r in answer(sql)] if answer else []

    def execute(self, sql: str, *, name: str) -> int | None:
        self._write(name, sql)
        return None

    def local(self, sql: str, *, name: str) -> None:
        self._write(name, sql)

    def describe(self, sql: str, *, name: str) -> list[tuple[str, Any, int | None]]:
        self._write(name, sql)
        return []

    def _write(self, name: str, sql: str) -> None:
        self.statements.append(Recorded(self.step, name, _SCRATCH.sub("wd_scratch_", sql)))
