"""Columns whose values have left their grid: the baseline's cells hardly tell them apart any more.

The rule: in three windows in a row more than 5 % of a column's values lie outside the core of its grid, over and above the
share that the baseline itself has there. Statistics stay certified (the tails of a grid hold any number), but bins say
ever less, so the third window and every one after it say ``grid_outgrown`` until the baseline is refreshed. Computed
from published cells alone: however often and in which order runs were made, the answer is the same.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from warehouse_drift.decisions.sentences import newer_baseline
from warehouse_drift.pipeline.baseline import Gridded
from warehouse_drift.pipeline.context import Context
from warehouse_drift.pipeline.metrics import ROWS
from warehouse_drift.pipeline.noise import WHOLE_PART
from warehouse_drift.pipeline.session import Session
from warehouse_drift.pipeline.windows import merged_ranges
from warehouse_drift.plan.build import week_start_of, window_unit, zone_of
from warehouse_drift.plan.calendar import Span, span_at
from warehouse_drift.plan.model import OUTGROWN_WINDOWS, ColumnState, ComparisonPlan, WindowPlan
from warehouse_drift.results import read

CODE = "grid_outgrown"
SHARE = 0.05
"""Share of the values outside the core, beyond the baseline's own share there."""
LEAST = 20
"""Values that a window needs to say anything about shares of 5 %."""
_BASELINE = -1


def outgrown(
    context: Context, gridded: Gridded, comparison: ComparisonPlan, wanted: Sequence[WindowPlan]
) -> dict[datetime, list[ColumnState]]:
    """Start of a window -> its columns whose grid is outgrown; windows without any are left out."""
    numeric = [m for m in gridded.measured if m.number in gridded.grids]
    if not numeric or not wanted:
        return {}
    runs = {w.span.start: _in_a_row(context, comparison, w.span) for w in wanted}
    spans = {s.start: s for run in runs.values() for s in run}
    if not spans:
        return {}
    outside = _shares(context, gridded, list(spans.values()))
    found: dict[datetime, list[ColumnState]] = {}
    for start, run in runs.items():
        for m in numeric:
            shares = [outside.get((s.start, m.number), 0.0) for s in run]
            if len(shares) == OUTGROWN_WINDOWS and min(shares) > SHARE:
                c = m.column
                detail = (
                    f"{100 * min(shares):.3g} % of its values or more in {OUTGROWN_WINDOWS} windows in a row;"
                    f" {newer_baseline(context.monitor.name, context.monitor.baseline.relation is not None)}"
                )
                found.setdefault(start, []).append(ColumnState(c.name, c.kind.value, c.role.value, CODE, detail))
    return found


def _in_a_row(context: Context, comparison: ComparisonPlan, span: Span) -> list[Span]:
    """The window and those before it, the newest first; snapshots, whenever they were taken."""
    monitor, spec = context.monitor, comparison.spec
    if monitor.timestamp is None:
        starts = read.starts_before(
            context.warehouse, context.schema, monitor.project, monitor.monitor_id, spec.name,
            context.plan.baseline_version, span.start, OUTGROWN_WINDOWS - 1,
        )  # fmt: skip
        return [span, *(span_at("day", "UTC", s) for s in starts)]
    unit, zone, week = window_unit(monitor, spec), zone_of(monitor), week_start_of(monitor)
    found = [span]
    while len(found) < OUTGROWN_WINDOWS:
        found.append(span_at(unit, zone, found[-1].start - timedelta(microseconds=1), week))
    return found


def _shares(context: Context, gridded: Gridded, spans: Sequence[Span]) -> Mapping[tuple[datetime, int], float]:
    """(start of a window, column) -> share outside the core beyond the baseline's; only where that is more than ``SHARE``."""
    columns = [
        {"number": n, "name": m.name, "grid_id": gridded.ids[m.name], "first": g.core_base, "last": g.above_base - 1}
        for m in gridded.measured
        if (g := gridded.grids.get(n := m.number)) is not None
    ]
    size = max(1, ROWS // len(columns) - 1)
    found: dict[tuple[datetime, int], float] = {}
    with Session(context.warehouse) as session:
        for first in range(0, len(spans), size):
            some = spans[first : first + size]
            windows: list[dict[str, Any]] = [
                {"no": _BASELINE, "start": WHOLE_PART.start, "end": WHOLE_PART.end},
                *({"no": i, "start": s.start, "end": s.end} for i, s in enumerate(some)),
            ]
            rows = session.rows(
                "metrics/outside_core", s=context.s, key=context.key, columns=columns, windows=windows, share=SHARE,
                spans=merged_ranges([(w["start"], w["end"]) for w in windows]), first_key=gridded.segments.first,
                always=_BASELINE,
            )  # fmt: skip
            own = {int(r["column_no"]): _share(r) for r in rows if int(r["window_no"]) == _BASELINE}
            for r in rows:
                no, column = int(r["window_no"]), int(r["column_no"])
                if no != _BASELINE and int(r["n"]) >= LEAST:
                    found[some[no].start, column] = _share(r) - own.get(column, 0.0)
    return found


def _share(row: Mapping[str, Any]) -> float:
    return float(row["outside"]) / float(row["n"]) if row["n"] else 0.0
