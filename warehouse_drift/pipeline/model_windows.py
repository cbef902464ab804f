"""How well a model performed in a window, from the counts of its outcomes or the sums of its errors. Pure.

Evidence: shares by the two-proportion z of their hits; F1 by the difference over the sampling errors of both sides
(``decisions.performance.sampling_error``); the mean absolute error by Welch's t (1947). The root mean squared error has
none, so limits on it are limits on the effect alone.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from typing import Any

from warehouse_drift.config.resolved import ResolvedColumn
from warehouse_drift.decisions.model import Summary
from warehouse_drift.decisions.performance import Confusion, metrics, sampling_error

_TABLE = ":table"
_Count = Callable[[Confusion], float]
_HITS: dict[str, tuple[_Count, _Count]] = {
    "accuracy": (lambda c: c.tp + c.tn, lambda c: c.rows),
    "precision": (lambda c: c.tp, lambda c: c.tp + c.fp),
    "recall": (lambda c: c.tp, lambda c: c.tp + c.fn),
    "specificity": (lambda c: c.tn, lambda c: c.tn + c.fp),
    "f1": (lambda c: c.tp, lambda c: c.tp + c.fp + c.fn),
}
"""metric -> (hits, rows that matter)"""


def outcome_keys(salt: str) -> dict[str, str]:
    """The keys of the outcomes' cells, as ``profile/categorical_cells`` makes them."""
    return {name: hashlib.md5(f"{salt}{name}".encode()).hexdigest() for name in ("tp", "fp", "fn", "tn")}


def performance(row: Mapping[str, Any], column: ResolvedColumn, segment: tuple[str, str | None, str | None]) -> list[Summary]:
    """The metrics of one window and segment, from a row of ``performance/windows``. Without labels on one side they have
    no value: ``immature`` where the window has rows, else ``no_data``."""
    assert column.model is not None
    return _outcomes(row, segment) if column.model.what == "outcome" else _errors(row, segment)


def _outcomes(row: Mapping[str, Any], segment: tuple[str, str | None, str | None]) -> list[Summary]:
    sides = [Confusion(*(float(row[f"{name}_{side}"] or 0) for name in ("tp", "fp", "fn", "tn"))) for side in "rc"]
    (reference, now), (before, after) = sides, (metrics(c) for c in sides)
    found = []
    for metric, (hits, relevant) in _HITS.items():
        n_r, n_c = (int(relevant(c)) for c in sides)
        test: tuple[float | None, float | None] = (hits(now), hits(reference))
        if metric == "f1":
            test = (_f1_z(reference, now, before[metric], after[metric]), None)
        found.append(_summary(metric, segment, after[metric], before[metric], n_r, n_c, test, row))
    return found


def _f1_z(reference: Confusion, now: Confusion, before: float | None, after: float | None) -> float | None:
    if before is None or after is None:
        return None
    errors = [sampling_error("f1", reference, c.rows) for c in (reference, now)]
    spread = math.hypot(*(e or 0.0 for e in errors))
    return (after - before) / spread if spread > 0 else None


def _errors(row: Mapping[str, Any], segment: tuple[str, str | None, str | None]) -> list[Summary]:
    n = {side: int(row[f"n_{side}"] or 0) for side in "rc"}
    mean: dict[str, float | None] = {}
    root: dict[str, float | None] = {}
    spread: dict[str, float] = {}
    for side in "rc":
        if n[side] < 1 or int(row[f"infinite_{side}"] or 0):
            mean[side] = root[side] = None
            continue
        first, square = float(row[f"total_{side}"]) / n[side], float(row[f"squares_{side}"]) / n[side]
        mean[side], root[side] = first, math.sqrt(max(square, 0.0))
        spread[side] = max(square - first * first, 0.0) / (n[side] - 1) if n[side] > 1 else 0.0
    test: tuple[float | None, float | None] = (None, None)
    total = spread.get("r", 0.0) + spread.get("c", 0.0)
    if total > 0 and min(n.values()) > 1 and mean["c"] is not None and mean["r"] is not None:
        parts = sum(spread[side] ** 2 / (n[side] - 1) for side in "rc")
        test = ((mean["c"] - mean["r"]) / math.sqrt(total), total * total / parts)
    return [
        _summary("mae", segment, mean["c"], mean["r"], n["r"], n["c"], test, row),
        _summary("rmse", segment, root["c"], root["r"], n["r"], n["c"], (None, None), row),
    ]


def _summary(
    metric: str,
    segment: tuple[str, str | None, str | None],
    value: float | None,
    expected: float | None,
    n_reference: int,
    n_current: int,
    test: tuple[float | None, float | None],
    row: Mapping[str, Any],
) -> Summary:
    code = None
    if value is None or expected is None or not (math.isfinite(value) and math.isfinite(expected)):
        value, test = None, (None, None)
        late = int(row["labelled_c"] or 0) == 0 and int(row["rows_c"] or 0) > 0
        infinite = int(row["infinite_r"] or 0) + int(row["infinite_c"] or 0)
        code = "immature" if late else "infinite_values" if infinite else "no_data"
    return Summary(
        *segment, _TABLE, "table", "label", metric, value, value, value, n_reference, n_current,
        test[0], test[1], expected, reason_code=code,
    )  # fmt: skip
