"""All physical plans of a profile count the same: the product's, and every candidate that it was measured against."""

from __future__ import annotations

import math
import random

import pytest

from integration.benchmarks.bench_engines import LOADERS, run_plan
from integration.benchmarks.engine_plans import Cells, Data, Plan, plans_of, rows_of
from integration.engines import Engine
from warehouse_drift.config.resolved import Kind
from warehouse_drift.pipeline.compare import column_sql
from warehouse_drift.pipeline.grids import NumericColumn, Slice, build_grids, cell_params
from warehouse_drift.pipeline.session import Session
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.transpile import transpile
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

ROWS = 800
SUM_TOLERANCE = 1e-12
"""Of the sum of |x - origin| of the column."""


def values() -> dict[str, list[float | None]]:
    r = random.Random(5)
    normal = [r.gauss(0, 1) for _ in range(ROWS)]
    return {
        "x0": list(normal),
        "x1": [math.exp(v) for v in normal],
        "x2": [0.0 if r.random() < 0.6 else r.random() * 100 for _ in range(ROWS)],
        "x3": [None if r.random() < 0.1 else float(int(r.random() * 5000)) for _ in range(ROWS)],
        "x4": [None if r.random() < 0.1 else 1 / (r.random() + 1e-7) for _ in range(ROWS)],
        "x5": [None] * 10 + [7.25] * (ROWS - 10),
    }


def odd_values() -> dict[str, list[float | None]]:
    """NaN, infinities and NULLs beside values far outside of the grid."""
    r = random.Random(6)
    column = [r.gauss(5, 1) for _ in range(200)]
    return {
        "x0": [*column, math.nan, math.inf, -math.inf, None, None, 1e300, -1e300, 5.0],
        "x1": [*column] + [None] * 8,
    }


def columns(names: list[str]) -> list[NumericColumn]:
    return [NumericColumn(i, x, column_sql(x, Kind.NUMERIC), True, False) for i, x in enumerate(names)]


def deciles(column: list[float | None]) -> list[float]:
    known = sorted(v for v in column if v is not None)
    return sorted({known[len(known) * k // 10] for k in range(1, 10)})


def product(warehouse: Warehouse, data: Data) -> Cells:
    """n, s from the column's first edge, min, max of the product's own statement."""
    with Session(warehouse) as session:
        table = session.scratch(
            "p", "profile/numeric_cells", columns=cell_params(columns(list(data.columns)), data.grids), **Slice(identifier(data.relation)).params()
        )  # fmt: skip
        rows = _all(warehouse, str(table))
    found: Cells = {}
    for row in rows:
        c, cell, n = int(row["column_no"]), int(row["cell_index"]), int(row["n"])
        special = cell in (-2, -3, -1, 2_000_000_000)
        s = math.nan if special else float(row["s"]) + n * (float(row["origin"]) - data.origin(c))
        low, high = (math.nan if row[k] is None else float(row[k]) for k in ("min_value", "max_value"))
        found[c, cell] = (n, s, low, high)
    return found


def _all(warehouse: Warehouse, table: str) -> list[dict[str, object]]:
    mark = "`" if warehouse.dialect.sqlglot_name in ("spark", "databricks", "bigquery") else '"'
    return warehouse.fetch(f"SELECT * FROM {table.replace(chr(34), mark)}", name="cells")


def same(one: Cells, other: Cells, gives: str, data: Data, sizes: list[float]) -> None:
    assert one.keys() == other.keys()
    for key, row in one.items():
        expected = dict(zip(("n", "s", "min", "max"), row, strict=True))
        found = dict(zip(gives.split(), other[key], strict=True))
        for name, value in found.items():
            if name == "s":
                if math.isfinite(expected["s"]) and key[1] != -2:
                    assert abs(value - expected["s"]) <= SUM_TOLERANCE * sizes[key[0]], (key, name)
            elif not (math.isnan(value) and math.isnan(expected[name])):
                assert value == expected[name] or key[1] == -2, (key, name)


def data_of(warehouse: Warehouse, relation: str, given: dict[str, list[float | None]]) -> tuple[Data, list[float]]:
    with Session(warehouse) as session:
        grids = build_grids(session, columns(list(given)), Slice(identifier(relation)), cells_per_column=100).grids
    finite = {x: [v for v in c if v is not None and math.isfinite(v)] for x, c in given.items()}
    data = Data(relation, list(given), [deciles(list(c)) for c in finite.values()], grids, [True] * len(given))
    sizes = [sum(abs(v - data.origin(i)) for v in c) for i, c in enumerate(finite.values())]
    return data, sizes


def test_all_plans_count_the_same(engine: Engine) -> None:
    if engine.name not in LOADERS:
        pytest.skip("no benchmark runs on this engine: it is an emulator")
    given = values()
    engine.load({"plans_data": given})
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        data, sizes = data_of(warehouse, "plans_data", given)
        reference = {"cells": product(warehouse, data)}
        assert sum(v[0] for k, v in reference["cells"].items() if k[0] == 4) == ROWS
        for plan in sorted(plans_of(engine.name), key=lambda p: p.gives != "n s min max"):
            found = made(warehouse, plan, data)
            if plan.cells not in reference:
                reference[plan.cells] = found  # the first candidate with all aggregates
                expected = [sum(1 for v in c if v is None) for c in given.values()]
                assert [found.get((i, -2), (0,))[0] for i in range(len(given))] == expected
            same(reference[plan.cells], found, plan.gives, data, sizes)


def test_aggregates_of_no_rows_are_null(engine: Engine) -> None:
    """Without groups, in groups without a value, and in a window's frame that is empty."""
    if engine.name not in LOADERS:
        pytest.skip("an emulator: its engine is DuckDB")
    engine.load({"plans_none": {"x": [None, 2.0], "k": [1.0, 2.0]}})
    listed = ", ".join(f"{f}({{0}}) AS {f.lower()}_{{1}}" for f in ("SUM", "MIN", "MAX", "AVG", "STDDEV_SAMP"))
    frame = "SUM(k) OVER (ORDER BY k NULLS FIRST ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before"
    queries = (
        f"SELECT {listed.format('k', 'k')} FROM plans_none AS t WHERE k > 5",
        f"SELECT {listed.format('x', 'x')} FROM plans_none AS t WHERE k < 2 GROUP BY k",
        f"SELECT before FROM (SELECT k, {frame} FROM (SELECT COALESCE(k, CAST('0.0' AS DOUBLE)) AS k FROM plans_none) AS t) AS f WHERE k < 2",
    )
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        for sql in queries:
            (row,) = warehouse.fetch(transpile(sql, warehouse.dialect, "none"), name="none")
            assert set(row.values()) == {None}, (sql, row)


def made(warehouse: Warehouse, plan: Plan, data: Data) -> Cells:
    for setting in plan.setting[:1]:
        warehouse.execute(setting, name="setting")
    found = rows_of(plan, run_plan(warehouse, plan, plan.make(data, warehouse.dialect)))
    for setting in plan.setting[1:]:
        warehouse.execute(setting, name="setting")
    return found


def test_the_product_counts_what_python_counts(engine: Engine) -> None:
    """Special values have cells of their own, whatever plan the dialect has; nothing is lost outside the grid."""
    given = odd_values()
    engine.load({"plans_odd": given})
    with open_warehouse(engine.url, connect_args=engine.connect_args) as warehouse:
        data, _ = data_of(warehouse, "plans_odd", given)
        found = product(warehouse, data)
    counts = {cell: found.get((0, cell), (0,))[0] for cell in (-3, -2, -1, 2_000_000_000)}
    assert counts == {-3: 1, -2: 2, -1: 1, 2_000_000_000: 1}
    assert found[1, -2][0] == 8 and math.isnan(found[1, -2][2])
    assert sum(v[0] for k, v in found.items() if k[0] == 0) == len(given["x0"])
    inside = [v for (c, cell), v in found.items() if c == 0 and 0 <= cell < 2_000_000_000]
    assert min(v[2] for v in inside) == -1e300 and max(v[3] for v in inside) == 1e300
