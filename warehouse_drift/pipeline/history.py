"""Many windows of one monitor at once: grid, one profile of each side, summaries of every window, decisions.

Nothing is kept between calls yet: this is the flow of ``run`` without its stored units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import Kind, Threshold, TimestampSpec
from warehouse_drift.decisions.decide import Key, Rules, decide, effect
from warehouse_drift.decisions.model import Decision, Summary
from warehouse_drift.grid.fit import resolution
from warehouse_drift.pipeline.compare import NAMED_UNSEEN, column_sql
from warehouse_drift.pipeline.grids import GridResult, NumericColumn, Slice, build_grids, cell_params
from warehouse_drift.pipeline.metrics import pool, summaries
from warehouse_drift.pipeline.session import Session
from warehouse_drift.plan.calendar import Span
from warehouse_drift.plan.clock import bucket_sql, range_sql
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import canonical_text
from warehouse_drift.statistics.registry import BY_NAME, CATEGORICAL, NUMERIC
from warehouse_drift.warehouse.execute import Warehouse


@dataclass(frozen=True, slots=True)
class WatchedColumn:
    name: str
    kind: Kind
    role: str = "feature"
    float: bool = True
    integer: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What is watched. Instants are those of the timestamp column's own clock; windows have equal length, and the
    baseline [start, split) and the judged range [split, end) are made of whole windows."""

    relation: Markup
    timestamp: str
    start: datetime
    split: datetime
    end: datetime
    length: timedelta
    columns: tuple[WatchedColumn, ...]
    segment: str | None
    segment_values: tuple[str, ...]
    limits: Mapping[str, Mapping[str, tuple[float, float]]]
    alert_on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class WindowDecisions:
    start: datetime
    end: datetime
    decisions: tuple[Decision, ...]
    reference_start: datetime
    reference_end: datetime


def watch(warehouse: Warehouse, monitor: Watch) -> tuple[list[WindowDecisions], dict[Key, tuple[float, int]]]:
    """Every judged window with its decisions, and the baseline's own noise by (segment, column, statistic)."""
    ts = Markup("src.") + identifier(monitor.timestamp)
    clock = TimestampSpec(monitor.timestamp, "timestamp", naive="utc")  # instants are those of the column's own clock
    starts = [monitor.start + i * monitor.length for i in range((monitor.end - monitor.start) // monitor.length)]
    bucket = bucket_sql(clock, ts, [Span(s, s + monitor.length, s.date()) for s in starts])
    segment = None
    if monitor.segment is not None:
        column = Markup("src.") + identifier(monitor.segment)
        segment = _fragment("profile/segment_code", x=column, values=list(monitor.segment_values))
    base = Slice(
        monitor.relation,
        range_sql(clock, ts, monitor.start, monitor.split),
        bucket,
        segment,
    )
    now = replace(base, filter=range_sql(clock, ts, monitor.split, monitor.end))
    numbered = dict(enumerate(monitor.columns))
    numeric = [
        NumericColumn(i, c.name, column_sql(c.name, c.kind), c.float, c.integer)
        for i, c in numbered.items()
        if c.kind.value in NUMERIC
    ]
    categorical = [
        {"number": i, "x": column_sql(c.name, c.kind), "values": True}
        for i, c in numbered.items()
        if c.kind.value in CATEGORICAL
    ]
    segments: list[dict[str, Any]] = [{"key": "", "kind": "all", "value": "", "code": -1}]
    segments += [
        {"key": monitor.segment, "kind": "value", "value": v, "code": i}
        for i, v in enumerate(monitor.segment_values, 1)
        if monitor.segment
    ]
    windows = round((monitor.split - monitor.start) / monitor.length)
    with Session(warehouse) as session:
        counted = session.rows("profile/row_count", source=monitor.relation, filter=base.filter)[0]["row_count"]
        built = build_grids(session, numeric, base, resolution(int(counted) / max(windows, 1)))
        sides = _profiles(session, numeric, categorical, built, base, now)
        found = {}
        for name, current, noise in (("noise", sides[0], True), ("judged", sides[1], False)):
            merged = session.scratch(
                f"sides_{name}", "metrics/window_sides", base=sides[0], current=current, segments=segments, noise=noise
            )
            pooled = pool(session, merged, built.bins, [c.number for c in numeric], monitor.limits["numeric"]["psi"][0])
            found[name] = _summaries(session, pooled, numbered, monitor.segment)
    noise_by_key = _noise(found["noise"])
    return _decide(monitor, found["judged"], noise_by_key, windows), noise_by_key


def _fragment(template: str, **params: Any) -> Markup:
    return Markup(canonical_text(template, params))


def _profiles(
    session: Session,
    numeric: Sequence[NumericColumn],
    categorical: list[dict[str, Any]],
    built: GridResult,
    base: Slice,
    now: Slice,
) -> tuple[Markup, Markup]:
    current = session.scratch(
        "current", "profile/numeric_cells", columns=cell_params(numeric, built.grids), **now.params()
    )
    values: list[Markup | None] = [None, None]
    if categorical:
        values = [
            session.scratch(f"values{i}", "profile/categorical_cells", columns=categorical, salt="", **where.params())
            for i, where in enumerate((base, now))
        ]
    then = [{"cells": table, "columns": list(numbers)} for table, numbers in built.cells]
    today = [{"cells": current, "columns": [c.number for c in numeric]}]
    return (
        session.scratch(
            "base", "metrics/profile_rows", numeric=then, values=values[0], known=values[0], named=NAMED_UNSEEN
        ),
        session.scratch(
            "now", "metrics/profile_rows", numeric=today, values=values[1], known=values[0], named=NAMED_UNSEEN
        ),
    )


def _summaries(
    session: Session, pooled: Any, columns: Mapping[int, WatchedColumn], segment: str | None
) -> dict[int, list[Summary]]:
    by_window: dict[int, list[Summary]] = {}
    for row in summaries(session, pooled, list(BY_NAME)):
        column = columns[int(row["column_no"])]
        if column.kind.value not in BY_NAME[row["statistic"]].kinds:
            continue
        whole = row["segment_kind"] == "all"
        by_window.setdefault(int(row["pair_no"]), []).append(
            Summary(
                segment="all" if whole else f"{segment}={row['segment_value']}",
                segment_column=None if whole else segment,
                segment_value=None if whole else row["segment_value"],
                column_name=column.name,
                column_kind=column.kind.value,
                role=column.role,
                statistic=row["statistic"],
                value=row["value"],
                lower=row["value_lower"],
                upper=row["value_upper"],
                n_reference=row["n_reference"],
                n_current=row["n_current"],
                test_value=row["test_value"],
                test_df=row["test_df"],
                expected=row["expected"],
                bins=row["bins"],
                reason_code=row["reason_code"],
            )
        )
    return by_window


def _noise(windows: Mapping[int, Sequence[Summary]]) -> dict[Key, tuple[float, int]]:
    """The largest effect of each statistic among the baseline's own windows, each against the rest of the baseline."""
    found: dict[Key, tuple[float, int]] = {}
    for some in windows.values():
        for s in some:
            if s.upper is not None:
                key = (s.segment, s.column_name, s.statistic)
                most, seen = found.get(key, (0.0, 0))
                found[key] = (max(most, effect(s, s.upper)), seen + 1)
    return found


def _decide(
    monitor: Watch, windows: Mapping[int, list[Summary]], noise: dict[Key, tuple[float, int]], baseline_windows: int
) -> list[WindowDecisions]:
    limits = {
        (c.name, statistic): Threshold(pair[0], pair[1], auto=True, source="preset psi_classic")
        for c in monitor.columns
        for statistic, pair in monitor.limits.get(c.kind.value, {}).items()
    }
    table = monitor.limits["table"]["row_count"]
    limits[":table", "row_count"] = Threshold(table[0], table[1], auto=False, source="preset psi_classic")
    rules = Rules(limits, noise=noise, alert_on=monitor.alert_on)
    result = []
    for number, some in sorted(windows.items()):
        start = monitor.start + number * monitor.length
        first = next(s for s in some if s.segment == "all" and s.statistic == "missing_rate")
        expected = first.n_reference / baseline_windows
        ratio = first.n_current / expected
        some.append(
            Summary(
                "all",
                None,
                None,
                ":table",
                "table",
                "table",
                "row_count",
                ratio,
                ratio,
                ratio,
                first.n_reference,
                first.n_current,
            )
        )
        result.append(
            WindowDecisions(start, start + monitor.length, tuple(decide(some, rules)), monitor.start, monitor.split)
        )
    return result
