"""Grids: cells are numbered by value, lose nothing, and keep their promised size."""

from __future__ import annotations

import math
import sys
from collections import Counter
from itertools import pairwise
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from markupsafe import Markup

from warehouse_drift.grid.cells import cell_of, edge, shown
from warehouse_drift.grid.fit import (
    Decile,
    Knot,
    build,
    fit,
    geometric_grid,
    grid_of,
    pilot_grid,
    quantile_bins,
    resolution,
    value_grid,
)
from warehouse_drift.grid.sampled import Run, first_grid
from warehouse_drift.grid.spec import NumericGrid, Piece, from_json, to_json
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.render import render

finite = st.floats(allow_nan=False, allow_infinity=False, width=64)


def cells_of(grid: NumericGrid, values: list[float]) -> list[dict[str, Any]]:
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT CAST(UNNEST($1) AS DOUBLE) AS x", [values])
    columns = [{"number": 0, "x": Markup("src.x"), "grid": grid, "float": True, "squares": True}]
    params = {"source": Markup("t"), "filter": None, "bucket": None, "segment": None, "columns": columns}
    found = connection.execute(render("profile/numeric_cells", params, load_dialect("duckdb")).sql)
    names = [d[0] for d in found.description or []]
    return sorted((dict(zip(names, r, strict=True)) for r in found.fetchall()), key=lambda r: r["cell_index"])


def bent_grid(form: str, lo: float, hi: float, *, root: bool = True) -> NumericGrid:
    """A bent core anchored at the data's own ends or middle, with a reach within what the formulas allow."""
    lo, hi = min(max(lo, -1e90), 1e90), min(max(hi, -1e90), 1e90)
    hi = max(hi, lo + max(1.0, abs(lo)))
    reach = 4.0 ** round(math.log2(hi - lo) / 2 - 2)
    if form == "both":
        return grid_of([Piece(lo, hi, 50, 7, False, form, lo / 2 + hi / 2, reach, root)], [], 100)
    if form != "pair":
        return grid_of([Piece(lo, hi, 50, 7, False, form, lo if form == "rise" else hi, reach, root)], [], 100)
    middle = lo / 2 + hi / 2
    first = Piece(lo, middle, 20, 7, False, "fall", middle, reach, root)
    return grid_of([first, Piece(middle, hi, 29, 7 + first.numbers, False, "rise", middle, reach)], [], 100)


def unseen(grid: NumericGrid, x: float) -> bool:
    """Whether the distance from an edge, in cells, is a number so small that DuckDB's product is zero: it then counts the
    value with the edge itself, and other engines, for which the distance is lifted, count it with the cell above."""
    return any(p.up and not p.bend and p.lo < x < p.hi and (x - p.lo) * p.scale == 0.0 for p in grid.pieces)


def test_what_no_product_tells_from_an_edge_is_counted_with_it_and_bounds_stay_true() -> None:
    grid = pilot_grid(0.0, 1e20, 100)
    near, far = 2.9e-308, 2.9e-304
    assert unseen(grid, near) and not unseen(grid, far)
    first, second, *_ = cells_of(grid, [0.0, near, far, 5e19])
    assert (first["n"], first["min_value"], first["max_value"]) == (2, 0.0, near), "the cell's own limits say that it is mixed"
    assert (second["n"], second["cell_index"]) == (1, cell_of(grid, far)) and cell_of(grid, near) == second["cell_index"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(finite, min_size=1, max_size=60),
    st.lists(finite, min_size=1, max_size=60),
    st.sampled_from(["pilot", "values", "octaves", "rise", "fall", "pair", "both"]),
)
def test_cells_are_ordered_by_value_and_lose_nothing(baseline: list[float], later: list[float], form: str) -> None:
    lo, hi = min(baseline), max(baseline)
    if form == "pilot":
        grid = pilot_grid(lo, hi, 100)
    elif form == "values":
        grid = value_grid(sorted(set(baseline))[:20], 100)
    elif form == "octaves":
        grid = geometric_grid(lo, hi, 100, 1e-308, 88)
    else:
        grid = bent_grid(form, lo, hi)
    assume(not any(unseen(grid, x) for x in baseline + later))
    rows = cells_of(grid, baseline + later)
    assert sum(r["n"] for r in rows) == len(baseline) + len(later)
    for left, right in pairwise(rows):
        assert left["max_value"] < right["min_value"]
    here = Counter(cell_of(grid, x) for x in baseline + later)
    assert here == {r["cell_index"]: r["n"] for r in rows}, "Python and SQL must agree on every cell"
    for cell in list(here)[:4]:
        lower = edge(grid, cell)
        assert cell_of(grid, lower) >= cell
        assert lower == -sys.float_info.max or cell_of(grid, math.nextafter(lower, -math.inf)) < cell


@pytest.mark.parametrize("form", ["rise", "fall", "pair", "both"])
def test_bent_cells_set_their_anchor_apart_and_keep_the_order(form: str) -> None:
    """Doubles next to each other around the anchor and around every cell edge, where rounding would show."""
    for root in (False, True):
        grid = bent_grid(form, 0.1, 3.7, root=root)
        piece = grid.pieces[-1]
        sides = {"fall": (-1,), "both": (-1, 1)}.get(form, (1,))
        edges = [piece.anchor + piece.reach * i / 16 * side for i in range(64) for side in sides]
        values = sorted({math.nextafter(e, side) for e in edges for side in (-math.inf, math.inf)} | set(edges))
        values = [v for v in values if grid.lo <= v < grid.hi] + [piece.anchor] * 5
        rows = cells_of(grid, values)
        assert sum(r["n"] for r in rows) == len(values)
        assert all(left["max_value"] < right["min_value"] for left, right in pairwise(rows))
        if form != "fall":  # the grid ends at a fall's anchor
            anchor = next(r for r in rows if r["min_value"] <= piece.anchor <= r["max_value"])
            assert anchor["max_value"] - anchor["min_value"] <= 1e-15 * piece.reach


def test_bent_cells_are_light_on_heavy_tails() -> None:
    rng = np.random.default_rng(3)
    for x in (
        rng.lognormal(size=40_000),
        1 / (1 - rng.random(40_000)),
        rng.standard_cauchy(40_000),
        -rng.exponential(size=40_000),
    ):
        x = np.sort(x)
        parts = np.array_split(x, 64)
        runs = [Run(float(p[0]), float(p[-1]), len(p), len(p)) for p in parts]
        grid = first_grid(runs, float(x[0]), float(x[-1]), 1000)
        assert any(p.bend for p in grid.pieces)
        rows = cells_of(grid, x.tolist())
        assert max(r["n"] for r in rows) <= 4.5 / 1000 * len(x)
        assert grid.above_cell + 1 <= 1008
        assert from_json(to_json(grid)) == grid


def test_special_values_have_cells_of_their_own() -> None:
    rows = cells_of(pilot_grid(0.0, 1.0, 100), [0.5, math.nan, math.inf, -math.inf, 7.0, -7.0])
    special = (-3, -1, 2_000_000_000)
    assert {r["cell_index"] for r in rows} >= set(special)
    assert all(r["s"] == 0.0 for r in rows if r["cell_index"] in special)


def test_a_profile_keeps_its_promised_size() -> None:
    for k in (100, 250, 1000):
        assert pilot_grid(0.0, 1.0, k).above_cell + 1 <= k + 8


def test_pieces_follow_the_mass() -> None:
    rng = np.random.default_rng(0)
    x = np.sort(np.r_[rng.normal(size=50_000), 1e9 + rng.normal(size=50_000)])
    parts = np.array_split(x, 128)
    grid = fit([Knot(float(p[0]), float(p[-1]), len(p), 10, len(p) // 10) for p in parts], 1000)
    assert grid is not None and len(grid.pieces) in (2, 4, 8)
    assert max(r["n"] for r in cells_of(grid, x.tolist())) <= 12 / 1000 * len(x)


def test_deciles_snap_to_the_nearer_edge() -> None:
    bins = quantile_bins([(0.5, Decile(10, 40, 55))], 100, build((0.0, 50.0), (50,), (), 100))
    assert [(b.cell_from, b.cell_to) for b in bins] == [(-1, 10), (11, 2_000_000_000)]
    assert (bins[0].upper, bins[1].lower) == (4.0, 4.0)  # six cells of the lower tail and `below` come before the core


def test_resolution_and_round_trip() -> None:
    assert [resolution(n) for n in (10, 5000, 1e9)] == [100, 500, 1000]
    grid = geometric_grid(-1.0, 5.0, 100, 1e-3, 80)
    assert from_json(to_json(grid)) == grid
    with pytest.raises(KeyError):
        from_json("{}")


def test_an_edge_that_is_nothing_beside_its_bins_is_shown_as_zero() -> None:
    """Rounding leaves an edge at 1.8e-15 on a grid that is anchored elsewhere; the stored edge stays what it is."""
    assert shown(1.77636e-15, 1.0) == ("0", False) and shown(-1.77636e-15, 0.5) == ("0", False)
    assert shown(1e-12, 9e-12) == ("1e-12", False), "small beside small is not zero"
    assert shown(0.25, 1.0)[0] == "0.25" and shown(5e-324, 5e-324)[1]
    for shift in (0.0, 1.77636e-15):
        moved = grid_of([Piece(-1.0 + shift, 3.0 + shift, 4, 7)], [], 100)
        cells = sorted({cell_of(moved, x) for x in (-0.5, 0.5, 1.5, 2.5)})
        bins = quantile_bins([((i + 1) / 4, Decile(c, 25 * i, 25 * (i + 1))) for i, c in enumerate(cells)][:3], 100, moved)
        labels = [b.label for b in bins]
        assert labels == ["[-inf, 0)", "[0, 1)", "[1, 2)", "[2, inf)"], labels
        assert bins[0].upper == edge(moved, bins[1].cell_from) != 0
