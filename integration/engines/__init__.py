"""Real engines for the tests: each is started by this project's own tooling, on this machine, for one test session.

``start(name)`` gives a running engine or raises ``Unavailable`` with the reason that a skipped test prints.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

Tables = Mapping[str, Mapping[str, Sequence[Any]]]
"""name -> column -> plain Python values; None is NULL."""
ENGINES: dict[str, dict[str, Any]] = tomllib.loads(
    (Path(__file__).parents[1] / "engines.toml").read_text(encoding="utf-8")
)


class Unavailable(Exception):
    """The engine cannot be had on this machine; the text says why."""


@dataclass(slots=True)
class Engine:
    """``load`` creates tables of a test's data; ``close`` ends what was started for the engine; ``place`` stands before
    the name of a table that was loaded."""

    name: str
    dialect: str
    version: str
    url: str
    load: Callable[[Tables], None]
    close: Callable[[], None] = lambda: None
    connect_args: dict[str, Any] = field(default_factory=dict)
    place: str = ""


def start(name: str) -> Engine:
    module = importlib.import_module(f"integration.engines.{ENGINES[name]['module']}")
    engine = module.start()
    assert isinstance(engine, Engine)
    return engine


def allowed(name: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, Sequence[Any]]:
    """Without the columns whose names the engine itself does not allow, or cuts (``longest``, in bytes)."""
    row = ENGINES[name]
    return {
        c: v for c, v in columns.items() if c not in row.get("no_names", ()) and len(c.encode()) <= row.get("longest", 300)
    }


def kind_of(values: Sequence[Any]) -> str:
    """The type of a column of plain values: boolean, bigint, text, timestamp (wall clock, no zone) or double."""
    known = next((v for v in values if v is not None), 0.0)
    return {bool: "boolean", int: "bigint", str: "text", datetime: "timestamp"}.get(type(known), "double")


def quoted(name: str, mark: str = '"') -> str:
    return mark + name.replace(mark, mark * 2) + mark
