"""A dialect's own plan of a profile gives the numbers of the shared one."""

from __future__ import annotations

import math

import duckdb
import pytest
from markupsafe import Markup

from warehouse_drift.grid.fit import geometric_grid, grid_of, pilot_grid, value_grid
from warehouse_drift.grid.spec import NumericGrid, Piece
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.render import canonical_text

GRIDS = (
    pilot_grid(-20, 30, 100),
    value_grid([0.0, 1.37], 100),
    geometric_grid(-1e3, 1e3, 100, 1e-9, 80),
    grid_of([Piece(-30, 30, 50, 7, False, "both", 0.0, 4.0, True)], [], 100),
    grid_of([Piece(-30, 0, 20, 7, False, "fall", 0.0, 4.0), Piece(0.0, 30, 20, 28, False, "rise", 0.0, 4.0)], [], 100),
    NumericGrid(-1e-3, 1e9, (Piece(-1e-3, 2.0, 5, 7), Piece(2.0, 1e9, 5, 13)), (0.5,), (), 6, 2, 0.25, 100),
)
VALUES = """CREATE TABLE t AS SELECT CASE WHEN i % 7 = 0 THEN NULL WHEN i % 11 = 0 THEN CAST('nan' AS DOUBLE)
    WHEN i % 13 = 0 THEN CAST('infinity' AS DOUBLE) WHEN i % 17 = 0 THEN CAST('-infinity' AS DOUBLE)
    ELSE (i % 100 - 50) * 1.37 END AS x, i % 3 AS b, i % 2 AS g FROM RANGE(5000) AS r(i)"""


@pytest.mark.parametrize(("bucket", "segment"), [(None, None), ("src.b", None), ("src.b", "src.g")])
def test_profiles_of_both_plans_are_the_same(bucket: str | None, segment: str | None) -> None:
    """NULL, NaN and infinities have cells; counts, minima and maxima are equal, sums to rounding."""
    columns = [
        {"number": i, "x": Markup("src.x"), "grid": g, "float": True, "squares": i != 1} for i, g in enumerate(GRIDS)
    ]
    params = {
        "source": Markup("t"),
        "filter": Markup("src.b < 2"),
        "bucket": Markup(bucket) if bucket else None,
        "segment": Markup(segment) if segment else None,
        "columns": columns,
    }
    with duckdb.connect() as c:
        c.execute(VALUES)
        shared, own = (
            c.execute(f"SELECT * FROM ({canonical_text('profile/numeric_cells', params, d)}) ORDER BY 1, 2, 3, 4").fetchall()
            for d in (None, load_dialect("duckdb"))
        )
    assert len(shared) == len(own) > 100
    for a, b in zip(shared, own, strict=True):
        special = a[3] < 0 or a[3] == 2_000_000_000
        assert a[:4] == b[:4] and a[5] == b[5]
        assert special or a[4] == b[4], "the origin of sums"
        assert a[6:8] == pytest.approx(b[6:8], rel=1e-9, abs=1e-9)
        for x, y in zip(a[8:], b[8:], strict=True):
            assert x == y or (math.isnan(x) and math.isnan(y))
