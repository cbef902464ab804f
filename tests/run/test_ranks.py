"""Rank statistics in a monitor: intervals from stored cells, a look at the rows only where a limit lies inside of one."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from tests.run.conftest import BASE_DAYS, Row, World, day, rows_of
from tests.statistics.test_rank_bounds import MEANS, RANKED, same_means, truth
from warehouse_drift.warehouse.execute import Warehouse

DAYS = BASE_DAYS + 3
"""The last of them is not over: two windows are decided."""
SCAN = "profile/value_counts"


@pytest.fixture(scope="module")
def data() -> Sequence[Row]:
    return [*rows_of(range(BASE_DAYS + 1)), *rows_of(range(BASE_DAYS + 1, DAYS), shift=0.8)]


@contextmanager
def statements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    sent: list[str] = []
    running = Warehouse._running

    def noted(self: Warehouse, sql: str, name: str) -> object:
        sent.append(name)
        return running(self, sql, name)

    with monkeypatch.context() as patched:
        patched.setattr(Warehouse, "_running", noted)
        yield sent


def sides(data: Sequence[Row], row: Row) -> tuple[np.ndarray, np.ndarray]:
    def of(first: float, last: float) -> np.ndarray:
        found = [
            r[row["column_name"]] for r in data
            if first <= (r["ts"] - day(0)).days < last and row["segment"] in ("all", f"seg={r['seg']}", "seg=<null>" if r["seg"] is None else "")
        ]  # fmt: skip
        return np.array([float(v) for v in found if v is not None])

    at = (row["window_start"].replace(tzinfo=None) - day(0)).days
    return of(0, BASE_DAYS), of(at, at + 1)


@pytest.mark.slow
def test_intervals_from_cells_and_the_truth_where_it_decides(
    tmp_path: Path, data: Sequence[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(tmp_path)
    world.insert(list(data))
    asked = {"columns": ["x", "k"], "statistics": [*RANKED, *MEANS], "segments": ["seg"]}
    world.configure(**asked)
    with statements(monkeypatch) as sent:
        world.run()
    assert SCAN not in sent and "metrics/rank_bounds" in sent
    rows = world.q("SELECT * FROM {s}.drift_history WHERE column_name IN ('x', 'k') AND statistic NOT IN ('psi')")
    ranked = [r for r in rows if r["statistic"] in RANKED]
    assert len(ranked) == 2 * 4 * 2 * len(RANKED)
    for row in ranked:
        value = truth(*sides(data, row))[row["statistic"]][0]
        assert row["value_lower"] - 1e-9 <= value <= row["value_upper"] + 1e-9, row
        assert row["decision"] == "not_judged"
    means = {r["statistic"]: r for r in rows if r["statistic"] in MEANS and r["segment"] == "all" and r["column_name"] == "x"}
    for row in means.values():
        same_means(means, *sides(data, row))
    assert {r["precision"] for r in ranked if r["column_name"] == "k"} == {"exact"}  # a cell a value

    # limits inside of the intervals of one window, or clear of all of them
    u = next(r for r in ranked if (r["column_name"], r["statistic"], r["segment"]) == ("x", "mann_whitney", "all") and r["window_start"].replace(tzinfo=None) == day(DAYS - 2))
    assert u["precision"] == "certified"
    limit = abs((u["value_lower"] + u["value_upper"]) / 2 - 0.5)
    judged = {"mann_whitney": {"warn": limit, "alert": 0.45}, "kuiper": {"warn": 0.9, "alert": 0.95}}
    world.result_schema = "again"
    world.configure(**asked, thresholds=judged)
    with statements(monkeypatch) as sent:
        done = world.run()
    assert sent.count(SCAN) == 2 * sum(name == "metrics/value_ranks" for name in sent) > 0
    closed = [r for r in world.q("SELECT * FROM {s}.drift_history WHERE statistic IN ('mann_whitney', 'kuiper')") if r["column_name"] == "x"]
    assert {r["decision"] for r in closed} >= {"ok", "warn"} and not any(r["decision"] == "none" for r in closed)
    for row in closed:
        value = truth(*sides(data, row))[row["statistic"]][0]
        assert value is not None
        if row["statistic"] == "mann_whitney" and row["precision"] == "exact":
            assert row["value"] == pytest.approx(value, rel=1e-12)
        effect = abs(value - 0.5) if row["statistic"] == "mann_whitney" else value
        unusual = row["p_value_adjusted"] < 0.01
        assert row["decision"] == ("warn" if effect >= row["warn_threshold"] and unusual else "ok"), row
    mine = next(r for r in closed if r["statistic"] == "mann_whitney" and r["segment"] == "all" and r["window_start"] == u["window_start"])
    assert mine["precision"] == "exact" and done.monitors[0].refined_rows > 0
    assert all(r["precision"] == "certified" for r in closed if r["statistic"] == "kuiper" and r["segment"] == "all")


@pytest.mark.slow
def test_a_budget_leaves_the_interval(tmp_path: Path, data: Sequence[Row], monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(tmp_path)
    world.insert(list(data))
    asked = {"columns": ["x"], "statistics": RANKED, "precision": "exact"}
    world.configure(**asked, refine_budget=2000)
    with statements(monkeypatch) as sent:
        world.run()
    assert sent.count(SCAN) == 2  # one window of two, of both sides
    rows = world.q("SELECT * FROM {s}.drift_history WHERE statistic IN ('kuiper', 'cramer_von_mises', 'anderson_darling')")
    assert sorted(r["precision"] for r in rows) == ["certified"] * 3 + ["exact"] * 3
    for row in rows:
        value = truth(*sides(data, row))[row["statistic"]][0]
        assert value is not None and (row["precision"] == "certified" or math.isclose(row["value"], value, rel_tol=1e-9))
