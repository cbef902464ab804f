"""A monitor on a DuckDB file, made from plain Python rows, run in process; the rows stay here for the oracles."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from warehouse_drift import verbs_run
from warehouse_drift.plan.model import Plan
from warehouse_drift.results import migrate
from warehouse_drift.verbs_run import RunResult
from warehouse_drift.warehouse.connect import open_warehouse

Row = dict[str, Any]
START = datetime(2025, 3, 3)
"""A Monday: the first day of the baseline."""
BASE_DAYS = 14

PUBLIC = (
    "drift_history", "drift_latest", "drift_alerts", "drift_bins", "drift_series", "profile_history", "monitor_status",
)  # fmt: skip
"""The views that must not depend on how often, when, or in which order runs were made."""
OWN_TO_A_RUN = {
    "run_id", "decided_at", "last_run_id", "last_run_state", "last_run_started_at", "last_run_finished_at",
}  # fmt: skip
"""Who computed a row and when: the only columns of the public views that may differ between two histories."""


def day(n: int) -> datetime:
    """Start of day ``n`` of the data; the baseline is days 0 to 13."""
    return START + timedelta(days=n)


def rows_of(days: Iterable[int], per_day: int = 80, *, seed: int = 1, shift: float = 0.0, **fixed: Any) -> list[Row]:
    """``per_day`` rows a day: ts, x (numeric with NULLs), k (few integers), c (categorical with NULLs), seg (a, b, NULL).
    A day's rows depend on the seed and the day only."""
    found: list[Row] = []
    for d in days:
        rng = np.random.default_rng([seed, d + 1000])
        for i in range(per_day):
            at = day(d) + timedelta(seconds=int(rng.integers(0, 86_400)))
            x = None if rng.random() < 0.05 else round(float(rng.normal(10 + shift, 2)), 3)
            c = None if rng.random() < 0.04 else "uvwxyz"[min(5, int(rng.exponential(1.2)))]
            seg = [None, "a", "b"][int(rng.choice(3, p=[0.1, 0.6, 0.3]))]
            row = {"id": d * 10_000 + i, "ts": at, "x": x, "k": int(rng.poisson(3)), "c": c, "seg": seg}
            found.append(row | fixed)
    return found


TYPES = {"id": "BIGINT", "ts": "TIMESTAMP", "x": "DOUBLE", "k": "BIGINT", "c": "VARCHAR", "seg": "VARCHAR"}


class World:
    """One database file with a source table ``t`` and a drift.yml with one monitor ``m`` on it."""

    known: Sequence[Row] = ()
    """drift_history, of a world that does not change any more"""
    bins: Sequence[Row] = ()

    def __init__(self, folder: Path, types: Mapping[str, str] = TYPES, result_schema: str = "drift") -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.types, self.result_schema = folder, dict(types), result_schema
        self.file = folder / "x.duckdb"
        self.yml = str(folder / "drift.yml")
        self.columns: list[Any] = ["x", "k", "c"]
        self.sql(f"CREATE TABLE t ({', '.join(f'{n} {t}' for n, t in self.types.items())})")
        self.configure()

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._rows(text, values)[1]

    def _rows(self, text: str, values: Sequence[Any] = ()) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Through the driver that runs use: DuckDB refuses two connections of one process that differ in settings."""
        engine = create_engine(f"duckdb:///{self.file}", poolclass=NullPool)
        connection = engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(text, list(values))
            names = [d[0] for d in cursor.description or []]
            rows = [tuple(r) for r in cursor.fetchall()]
            connection.commit()
            return names, rows
        finally:
            connection.close()
            engine.dispose()

    def q(self, text: str) -> list[Row]:
        """Rows as dictionaries; ``{s}`` is the result schema."""
        names, rows = self._rows(text.replace("{s}", self.result_schema))
        return [dict(zip(names, r, strict=True)) for r in rows]

    def insert(self, rows: Sequence[Row], table: str = "t") -> None:
        names = list(rows[0])
        listed = ", ".join(f"CAST(UNNEST(${i + 1}) AS {self.types.get(n, 'VARCHAR')})" for i, n in enumerate(names))
        self.sql(f"INSERT INTO {table} ({', '.join(names)}) SELECT {listed}", *([r[n] for r in rows] for n in names))

    def monitor(self, **changes: Any) -> Row:
        """The monitor's mapping; ``None`` takes a key out."""
        given: Row = {
            "name": "m",
            "relation": "t",
            "timestamp": {"column": "ts", "late": 0},
            "columns": self.columns,
            "baseline": {"from": f"{day(0):%Y-%m-%d}", "to": f"{day(BASE_DAYS):%Y-%m-%d}"},
            "comparisons": [{"name": "daily", "window": "day"}],
            "statistics": ["ks", "wasserstein", "chi_squared"],
        }
        return {k: v for k, v in (given | changes).items() if v is not None}

    def configure(self, *monitors: Row, **changes: Any) -> None:
        """Writes drift.yml. JSON is YAML."""
        listed = list(monitors) or [self.monitor(**changes)]
        root = {
            "version": 1,
            "project": "p",
            "warehouse": {"url": f"duckdb:///{self.file}", "result_schema": self.result_schema},
            "monitors": listed,
        }
        Path(self.yml).write_text(json.dumps(root, indent=1), encoding="utf-8")

    def run(self, **options: Any) -> RunResult:
        """A run in which no monitor fails."""
        done = verbs_run.run(self.yml, **options)
        assert not done.failed, [m.failed for m in done.failed]
        return done

    def backfill(self, first: int, last: int) -> RunResult:
        """Days [first, last) again."""
        done = verbs_run.backfill(self.yml, f"{day(first):%Y-%m-%d}", f"{day(last):%Y-%m-%d}")
        assert not done.failed, [m.failed for m in done.failed]
        return done

    def plan(self) -> Plan:
        planned = verbs_run.plan(self.yml)
        assert not planned.failed, planned.failed
        return planned

    def history(self, where: str = "1 = 1") -> list[Row]:
        return self.q(f"SELECT * FROM {{s}}.drift_history WHERE {where}")

    def value(self, column: str, statistic: str, d: int, *, segment: str = "all", comparison: str = "daily") -> Row:
        """The one row of a statistic in the window that starts on day ``d``."""
        wanted = {"column_name": column, "statistic": statistic, "segment": segment, "comparison": comparison}
        found = [
            r
            for r in self.known or self.history(f"window_start = TIMESTAMP '{day(d)}'")
            if r["window_start"] == day(d) and all(r[k] == v for k, v in wanted.items())
        ]
        assert len(found) == 1, found
        return found[0]

    def views(self, names: Sequence[str] = PUBLIC, *, without: Iterable[str] = OWN_TO_A_RUN) -> dict[str, list[Row]]:
        """Every public view, row by row, in one order."""
        left_out = set(without)
        found = {}
        for name in names:
            rows = [{k: v for k, v in r.items() if k not in left_out} for r in self.q(f"SELECT * FROM {{s}}.{name}")]
            found[name] = sorted(rows, key=lambda r: [str(r[k]) for k in sorted(r) if not isinstance(r[k], float)])
        return found


def scratch(world: World, folder: Path) -> World:
    """A first run on a copy of the source, in a file of its own in ``folder``, with an empty schema."""
    empty = folder / "empty.duckdb"
    if not empty.exists():
        with open_warehouse(f"duckdb:///{empty}") as warehouse:
            migrate.create_all(warehouse, "drift")
    fresh = World.__new__(World)
    fresh.result_schema, fresh.file, fresh.yml = "drift", folder / "fresh.duckdb", str(folder / "fresh.yml")
    fresh.file.write_bytes(empty.read_bytes())
    listed = [r[0] for r in world.sql("SELECT table_name FROM information_schema.tables WHERE table_schema = 'main'")]
    copies = "; ".join(f"CREATE TABLE {name} AS SELECT * FROM ours.{name}" for name in listed)
    fresh.sql(f"ATTACH '{world.file}' AS ours (READ_ONLY); {copies}; DETACH ours")
    Path(fresh.yml).write_text(Path(world.yml).read_text().replace(str(world.file), str(fresh.file)))
    fresh.run()
    return fresh


def differences(ours: dict[str, list[Row]], theirs: dict[str, list[Row]], *, loose: float = 1e-9) -> list[str]:
    """What a reader would see differ: numbers to ``loose`` of their size (sums of a parallel scan differ in the last
    digits), everything else exactly."""
    found = []
    for name in theirs:
        a, b = ours[name], theirs[name]
        if len(a) != len(b):
            keys = [k for k in (b or a)[0] if not isinstance((b or a)[0][k], float)]
            seen = [{tuple(str(r[k]) for k in keys) for r in rows} for rows in (a, b)]
            found.append(f"{name}: {len(a)} rows, not {len(b)}; only here {sorted(seen[0] - seen[1])[:2]}; only there {sorted(seen[1] - seen[0])[:2]}")
            continue
        for x, y in zip(a, b, strict=True):
            other = {k: (x[k], y[k]) for k in y if not same(x[k], y[k], loose)}
            if other:
                where = {k: str(x[k]) for k in ("comparison", "window_start", "bucket_start", "segment", "column_name", "statistic", "bin_index") if k in x}
                found.append(f"{name} {where}: {other}")
    return found


def same(a: Any, b: Any, loose: float) -> bool:
    if isinstance(a, float) and isinstance(b, float):
        return math.isclose(a, b, rel_tol=loose, abs_tol=loose)
    return bool(a == b)


def assert_same(ours: dict[str, list[Row]], theirs: dict[str, list[Row]], context: str = "") -> None:
    found = differences(ours, theirs)
    assert not found, "\n".join([context, f"{len(found)} differences", *found[:12]])


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A source with a baseline of two weeks and a week after it (the newest day closes the day before)."""
    made = World(tmp_path / "w")
    made.insert(rows_of(range(BASE_DAYS + 8)))
    return made


@pytest.fixture
def worlds(tmp_path: Path) -> Callable[..., World]:
    """worlds(name, **options) -> an empty world in a folder of its own."""
    return lambda name, **options: World(tmp_path / name, **options)
