"""First grids from a sample: fine enough after one profile, whatever the shape; a misleading sample costs a pass only."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pytest
from markupsafe import Markup

from warehouse_drift.grid.fit import ACCEPTED
from warehouse_drift.grid.sampled import Run, first_grid, sample_keys
from warehouse_drift.pipeline.grids import GridResult, NumericColumn, Slice, build_grids
from warehouse_drift.pipeline.session import Session
from warehouse_drift.warehouse.connect import open_warehouse

ROWS = 120_000


def columns(rng: np.random.Generator) -> dict[str, np.ndarray]:
    n = ROWS
    return {
        "normal": rng.normal(size=n),
        "lognormal": rng.lognormal(size=n),
        "exponential": rng.exponential(size=n),
        "left_skewed": 100 - rng.lognormal(size=n),
        "pareto": 1 / (1 - rng.random(n)),
        "student": rng.standard_t(2, n),
        "zeros_at_the_minimum": np.where(rng.random(n) < 0.6, 0.0, rng.random(n) * 100),
        "zeros_inside": np.where(rng.random(n) < 0.6, 0.0, rng.normal(size=n)),
        "capped": np.minimum(rng.exponential(size=n), 2.0),
        "few": rng.integers(0, 5, n) * 1.5,
        "heaped": np.floor(rng.exponential(20, n)) + 0.99,
        "integers": np.floor(rng.random(n) * 5000),
        "sentinel": np.where(rng.random(n) < 0.05, -999.0, rng.normal(50, 10, n)),
        "nulls": np.where(rng.random(n) < 0.3, np.nan, rng.lognormal(2, 2, n)),
        "uniform": rng.random(n),
    }


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[GridResult, dict[str, int], dict[int, tuple[int, int]]]:
    """Grids, column numbers, and (rows, rows of the fullest cell with more than one value) from the stored cells."""
    path = tmp_path_factory.mktemp("sampled") / "x.duckdb"
    data = columns(np.random.default_rng(0))
    with duckdb.connect(str(path)) as c:
        c.register("frame", {k: v for k, v in data.items()})
        c.execute(
            "CREATE TABLE t AS SELECT * REPLACE (CASE WHEN ISNAN(nulls) THEN NULL ELSE nulls END AS nulls) FROM frame"
        )
    listed = [NumericColumn(i, n, Markup(f"src.{n}"), True, False) for i, n in enumerate(data)]
    with open_warehouse(f"duckdb:///{path}", read_only=True) as warehouse, Session(warehouse) as session:
        result = build_grids(session, listed, Slice(Markup("t")))
        heavy = {}
        for table, numbers in result.cells:
            for row in session.rows("grid/check", cells=table):
                if int(row["column_no"]) in numbers:
                    heavy[int(row["column_no"])] = (int(row["total"]), int(row["fullest"]))
    return result, {n: i for i, n in enumerate(data)}, heavy


@pytest.mark.parametrize("name", list(columns(np.random.default_rng(0))))
def test_one_profile_is_enough(name: str, built: Any) -> None:
    result, numbers, heavy = built
    total, fullest = heavy[numbers[name]]
    assert result.passes[numbers[name]] == 2  # the sample, and one profile
    assert fullest <= ACCEPTED / 1000 * total


def test_zeros_at_the_minimum_cost_no_piece_and_no_atom(built: Any) -> None:
    result, numbers, _ = built
    grid = result.grids[numbers["zeros_at_the_minimum"]]
    assert len(grid.pieces) == 1 and grid.atoms == () and grid.pieces[0].up


def test_every_row_is_counted(built: Any) -> None:
    _, numbers, heavy = built
    assert heavy[numbers["normal"]][0] == ROWS
    assert 0.6 * ROWS < heavy[numbers["nulls"]][0] < 0.8 * ROWS


def test_a_heavy_value_that_the_sample_missed_is_found_by_the_check(database: Callable[..., str]) -> None:
    """All rows of that value look alike to the keys, so the sample holds all of them or (here) none."""
    rng = np.random.default_rng(1)
    n = 120_000
    alike = np.arange(n) < n // 2
    url = database(t={"a": np.where(alike, 0.3, rng.random(n)), "b": np.where(alike, 5.0, 10 * rng.random(n))})
    listed = [NumericColumn(i, name, Markup(f"src.{name}"), True, False) for i, name in enumerate("ab")]
    with open_warehouse(url, read_only=True) as warehouse, Session(warehouse) as session:
        result = build_grids(session, listed, Slice(Markup("t")))
        rows = [
            r for t, numbers in result.cells for r in session.rows("grid/check", cells=t) if r["column_no"] in numbers
        ]
    assert max(result.passes.values()) > 2
    assert {int(r["total"]) for r in rows} == {n}
    assert all(int(r["fullest"]) <= ACCEPTED / 1000 * n for r in rows)


def test_shapes_without_spread() -> None:
    assert first_grid([], 0.0, 1.0, 100).pieces
    assert first_grid([Run(1.0, 1.0, 5, single=True)], 1.0, 1.0, 100).pieces
    values = first_grid([Run(float(i), float(i), 50, single=True) for i in range(3)], 0.0, 2.0, 100)
    assert values.atoms == (0.0, 1.0, 2.0) and not values.pieces


def test_keys_avoid_what_has_no_digits() -> None:
    keys = sample_keys([(0, 1.0, 1.0, False), (1, 0.0, 1e300, False), (2, 0.0, 5000.0, True), (3, -1.0, 1.0, False)])
    assert [k.column for k in keys] == [3, 2]
    assert all(math.isfinite(k.scale) and k.scale > 0 for k in keys)
