"""Every template: a header, the house subset, and text that PostgreSQL's grammar reads back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import sqlglot
from markupsafe import Markup

from warehouse_drift.decisions.performance import Piece as Piece_
from warehouse_drift.grid.fit import geometric_grid, pilot_grid, value_grid
from warehouse_drift.grid.spec import NumericGrid, Piece
from warehouse_drift.pipeline.grids import Slice
from warehouse_drift.pipeline.streams import DETECTORS
from warehouse_drift.resources import template_names
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.render import header, render
from warehouse_drift.statistics.registry import BUILT_IN

T, WHERE = identifier("t"), Markup("1 = 1")
RANKED = [s.name for s in BUILT_IN if s.source == "ranks"]
X = Markup("src.") + identifier("x")
TWO = NumericGrid(0.0, 2.0, (Piece(0.0, 1.0, 5, 7), Piece(1.0, 2.0, 5, 13)), (0.5,), (), 6, 2, 0.25, 100)
RISE = NumericGrid(0.0, 9.0, (Piece(-9.0, 0.0, 5, 7, False, "fall", 0.0, 1.0), Piece(0.0, 9.0, 5, 14, False, "rise", 0.0, 4.0, True)), (), (), 6, 2, 0.25, 100)
BOTH = NumericGrid(-9.0, 9.0, (Piece(-9.0, 9.0, 10, 7, False, "both", 0.0, 4.0, True),), (), (), 6, 2, 0.25, 100)
GRIDS = (
    RISE,
    BOTH,
    pilot_grid(0.0, 1.0, 100),
    pilot_grid(0.0, 9.0, 100, integer=True),
    TWO,
    value_grid([1.0, 2.0], 100),
    geometric_grid(-1e9, 1e9, 100, 1e-9, 80),
)
COLUMNS = [{"number": i, "x": X, "bare": X, "grid": g, "float": True, "squares": True} for i, g in enumerate(GRIDS)]
SLICE = {"source": T, "filter": WHERE, "bucket": None, "segment": None}
KEYS = [
    {"key": "g", "x": X, "values": ["a", "b'c"], "stride": 1, "size": 4, "rest": "unseen"},
    {"key": "h", "x": X, "values": [], "stride": 4, "size": 2, "rest": "other"},
]
RANGED = [c | {"ranges": [(0.0, 1.0), (2.0, 3.0)]} for c in COLUMNS[:2]]
SIDES = [{"side": s, "slice": Slice(T, WHERE)} for s in ("r", "c")]
ENCODED = {
    "source": T, "filter": WHERE, "frequencies": T,
    "columns": [
        {"number": 1, "x": X, "numeric": True, "mean": 0.5, "scale": 2.0, "mode": ""},
        {"number": 2, "x": X, "numeric": False, "mean": 0.25, "scale": 0.5, "mode": "a'"},
    ],
}  # fmt: skip
PARAMS: dict[str, dict[str, Any]] = {
    "profile/numeric_cells": SLICE | {"columns": COLUMNS},
    "profile/categorical_cells": SLICE | {"columns": [{"number": 1, "x": X, "values": True}], "salt": "s'"},
    "profile/row_count": {"source": T, "filter": WHERE},
    "profile/newest": {"source": T, "filter": WHERE, "x": X, "clock": "text"},
    "profile/strays": {"source": T, "filter": WHERE, "x": X, "clock": "timestamptz", "after": datetime(2025, 1, 2)},
    "profile/segment_values": {"source": T, "filter": WHERE, "x": X, "most": 50},
    "profile/bucket_rows": SLICE | {"columns": COLUMNS},
    "profile/row_facts": {"rows": T, "numbers": [1], "keys": KEYS, "whole": False},
    "profile/wide_columns": {"values": [T, T]},
    "profile/known_values": {"values": [T, T], "cap": 9},
    "profile/cells": {"numeric": [{"cells": T, "columns": [1]}], "values": [T], "known": T, "wide": [2], "named": 5},
    "profile/marginal_cells": {"cells": T, "keys": KEYS, "whole": True},
    "profile/facts": {"marginal": T, "rows": T, "keys": KEYS, "top": 3, "quantiles": [(Markup("p50"), 0.5)]},
    "profile/has_values": {"cells": T},
    "profile/rows_scanned": {"rows": T},
    "grid/range": {"source": T, "filter": None, "columns": COLUMNS, "finite": True},
    "grid/sample": {"source": T, "filter": WHERE, "columns": COLUMNS, "keys": [{"x": X, "low": 0.5, "scale": 7.25, "least": 1e-200}], "one_in": 7, "most": 9},
    "grid/sample_knots": {"sample": T, "columns": COLUMNS, "runs": 64, "alone": 250},
    "grid/check": {"cells": T},
    "grid/knots": {"cells": T, "columns": [1, 2], "runs": 64, "geometric": [1]},
    "grid/values": {"cells": T, "most": 20},
    "grid/atoms": {"source": T, "filter": WHERE, "columns": [{"number": 1, "x": X, "ranges": [(0.0, 1.0)], "least": 5}]},
    "grid/deciles": {"cells": T},
    "metrics/pooled_cells": {"sides": T},
    "metrics/pooled_columns": {"cells": T},
    "metrics/some_columns": {"columns": T, "only": [1, 2]},
    "metrics/pooled_bins": {"cells": T, "bins": T, "warn": 0.1, "warns": [(1, 0.2)]},
    "metrics/inline_bins": {"bins": [{"column_no": 1, "bin_index": 0, "cell_from": -1, "cell_to": 9}]},
    "metrics/pearson": {"bins": T},
    "metrics/cdf_cells": {"cells": T, "columns": T},
    "metrics/cdf_bounds": {"cdf": T, "refined": [T, T], "todo": T},
    "metrics/refine_cells": {"bounds": T, "ks": True, "area": True, "only": [1], "pair_no": 3, "segment": ("a", "value", "b'"), "whole": T},
    "metrics/refined_points": {"todo": T, "whole": T, "parts": 64, "sides": SIDES, "columns": RANGED},
    "metrics/split_cells": {"todo": T, "parts": 64, "sides": SIDES, "columns": RANGED},
    "metrics/split_result": {"bounds": T, "todo": T, "parts": 64},
    "metrics/todo_ranges": {"todo": T, "most": 12},
    "metrics/compare_sides": {"numeric": [{"side": "r", "cells": T, "columns": [1]}], "categorical": True, "ref": T, "cur": T, "cap": 9, "named": 5},
    "profile/value_counts": SLICE | {"columns": [{"number": 1, "x": X, "numeric": True, "float": True}, {"number": 2, "x": X, "numeric": False, "float": False}], "drop_infinite": True},
    "metrics/changed_values": {"cells": T, "most": 20},
    "metrics/pooled_values": {"ref": T, "cur": T, "leave_out": True},
    "profile/chunked": {"source": T, "order": X, "size": 500},
    "performance/scores": {"source": T, "filter": WHERE, "bucket": X, "score": X, "predicted": X, "actual": X, "positive": {"predicted": None, "actual": "yes'"}},
    "performance/calibration_points": {"scores": T},
    "performance/convex_points": {"points": T},
    "performance/point_count": {"points": T},
    "performance/points": {"points": T},
    "performance/calibrated": {"scores": T, "pieces": [Piece_(-1e300, 0.5, 0.1, 0.2, 0.0), Piece_(0.5, 1e300, 0.5, 0.2, 1.0)]},
    "performance/confusion": {"scored": T},
    "performance/windows": {"cells": T, "column_no": 1, "keys": {k: "0f'" for k in ("tp", "fp", "fn", "tn")}},
    "performance/ranking": {"scored": T, "expected": True, "steps": 1e5},
    "performance/placement": {"scores": T},
    "performance/regression": {"source": T, "filter": WHERE, "bucket": X, "predicted": X, "actual": X},
    "streams/positions": {"source": T, "order": X, "x": X},
    **{f"streams/{n}": {"positions": T, "start": 5} | DETECTORS[n]() for n in DETECTORS if n != "adwin"},
    "streams/running": {"positions": T, "start": 5},
    "streams/adwin": {"running": T, "parts": [{"width": 32, "place": 0, "low": 0, "high": 8}, {"width": 32, "place": 1, "low": 8, "high": 9}], "least": 5, "delta": 0.002},
    "multivariate/frequencies": {"counts": T},
    "multivariate/frequency_facts": {"frequencies": T},
    "multivariate/moments": {"source": T, "filter": WHERE, "columns": [{"number": 1, "x": X}, {"number": 2, "x": X}]},
    "multivariate/products": ENCODED | {"bucket": None, "pairs": [(0, 0), (0, 1), (1, 1)]},
    "multivariate/reconstruction": ENCODED | {"bucket": X, "residual": [[0.5, -0.5], [-0.5, 0.5]]},
    "metrics/value_columns": {"values": T, "columns": [{"number": 1}, {"number": 2}], "missing": False},
    "metrics/value_facts": {"columns": T},
    "metrics/value_cdf": {"values": T, "columns": T, "numeric": [1]},
    "metrics/value_bounds": {"sorted": T},
    "metrics/value_ranks": {"sorted": T, "wanted": RANKED},
    "metrics/rank_statistics": {"parts": [Markup("(SELECT 1 AS a)")] * 2},
    "metrics/pooled_moments": {"cells": T, "columns": T, "numeric": [1, 2]},
    "metrics/rank_bounds": {"cdf": T, "wanted": RANKED},
    "metrics/order_statistics": {"sorted": T, "ranks": [{"column_no": 1, "rank": 5}]},
    "metrics/value_bins": {"values": T, "edges": [{"pair_no": 0, "column_no": 1, "bin_index": 0, "lower": None, "upper": 1.0, "closed": 1}], "by_value": [2], "outside": [1], "unseen_together": True, "missing": True},
}  # fmt: skip
PROFILED = {f"statistics/{s.name}": s.name for s in BUILT_IN if s.source in ("bins", "bounds", "columns")}
STATISTICS = {"columns": T, "bins": T, "pearson": T, "bounds": T, "numeric": [1, 2], "sorted": T, "ranks": T, "zero": "evidently"}
PARAMS["metrics/statistics"] = STATISTICS | {"names": list(PROFILED.values())}
# fragments, statements that only the embedded engine runs (the demo, asking for columns), and what has its own test in
# tests/results and tests/dbt
ELSEWHERE = ("dbt/", "profile/bucket_index", "profile/segment_code", "profile/time_filter", "profile/held", "performance/outcome", "profile/epoch_us", "demo/", "store/", "reports/", "metrics/stored_", "metrics/outside_core", "warehouse/", "macros/", "results/", "views/", "alerts/")  # fmt: skip


@pytest.mark.parametrize("name", [n for n in template_names() if not n.startswith(ELSEWHERE)])
def test_renders_to_both_dialects(name: str) -> None:
    params = STATISTICS if name.startswith("statistics/") else PARAMS[name]
    if name in PROFILED:  # terms of one statement
        name, params = "metrics/statistics", STATISTICS | {"names": [PROFILED[name]]}
    canonical = render(name, params, load_dialect("duckdb")).sql
    assert violations(sqlglot.parse_one(canonical, read="duckdb")) == []
    translated = render(name, params, load_dialect("postgres")).sql
    assert sqlglot.parse_one(translated, read="postgres").find(sqlglot.exp.Select) is not None
    assert "ISNAN" not in translated.upper() and "LOG2" not in translated.upper()
    assert "EPOCH_US" not in translated.upper()


@pytest.mark.parametrize("name", [n for n in template_names() if not n.startswith("macros/")])
def test_every_template_says_what_it_is(name: str) -> None:
    assert set(header(name)) >= {"purpose", "inputs", "output", "grain", "exact"}
