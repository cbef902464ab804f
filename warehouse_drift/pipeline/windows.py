"""From published cells to summaries: many windows of one comparison in one set of statements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup

from warehouse_drift.decisions.model import Summary
from warehouse_drift.decisions.rows import summary_from
from warehouse_drift.pipeline.baseline import Gridded, salt
from warehouse_drift.pipeline.columns import Measured
from warehouse_drift.pipeline.context import Context, column_params
from warehouse_drift.pipeline.metrics import ROWS, Pooled, pool, summaries
from warehouse_drift.pipeline.model_windows import outcome_keys, performance
from warehouse_drift.pipeline.ranks import moment_summaries, rank_summaries, rank_sums
from warehouse_drift.pipeline.session import Session
from warehouse_drift.statistics.registry import BY_NAME


@dataclass(frozen=True, slots=True)
class Part:
    """Buckets that start in [start, end), added (sign 1) or taken out (sign -1)."""

    start: datetime
    end: datetime
    sign: int = 1


@dataclass(frozen=True, slots=True)
class Pair:
    """A window and its reference. ``scale``: expected rows of the window per row of the reference (its share of the
    reference's buckets), None when the two cannot be compared."""

    number: int
    current: Part
    reference: tuple[Part, ...]
    scale: float | None


@dataclass(frozen=True, slots=True)
class Measurement:
    """Summaries by pair number, and the scratch tables they come from."""

    summaries: Mapping[int, list[Summary]]
    pooled: Pooled | None
    pairs: tuple[Pair, ...]


def in_turns(pairs: Sequence[Pair], gridded: Gridded) -> Iterator[Sequence[Pair]]:
    size = max(1, ROWS // max(1, len(gridded.measured) * gridded.segments.count))
    for first in range(0, len(pairs), size):
        yield pairs[first : first + size]


def measure_pairs(
    session: Session,
    context: Context,
    gridded: Gridded,
    pairs: Sequence[Pair],
    statistics: Sequence[str],
    warns: Mapping[int, float],
) -> Measurement:
    """All summaries of these windows. Reads published cells only, never the source."""
    sides = [_side("c", p.number, p.current) for p in pairs]
    sides += [_side("r", p.number, part) for p in pairs for part in p.reference]
    spans = merged_ranges([(s["start"], s["end"]) for s in sides])
    found: dict[int, list[Summary]] = {p.number: [] for p in pairs}
    pooled: Pooled | None = None
    shared = {"s": context.s, "key": context.key, "sides": sides, "spans": spans}
    if gridded.measured:
        merged = session.scratch(
            "sides",
            "metrics/stored_sides",
            columns=column_params(gridded.measured, gridded.ids),
            first_key=gridded.segments.first,
            **shared,
        )
        bounded = any(s in BY_NAME and BY_NAME[s].source in ("bounds", "ranks", "moments") for s in statistics)
        numeric = [m.number for m in gridded.measured if m.is_numeric and bounded]
        pooled = pool(session, merged, gridded.bins, numeric, 0.1, warns=warns)
        by_number = {m.number: m for m in gridded.measured}
        wanted = [s for s in statistics if s in BY_NAME]
        sums = rank_sums(session, pooled, wanted)
        for columns, expected in _columns_in_turns(session, pooled, gridded, len(pairs)):
            for row in (
                *summaries(session, pooled, wanted, columns=columns, expected=expected),
                *rank_summaries(session, pooled, sums, wanted, columns=columns, expected=expected),
                *moment_summaries(session, pooled, wanted, columns=columns),
            ):
                summary = summary_of(row, by_number)
                if summary is not None:
                    found[int(row["pair_no"])].append(summary)
        for column in (m for m in gridded.measured if m.column.model is not None):
            keys = outcome_keys(salt(context))
            for row in session.rows("performance/windows", cells=pooled.cells, column_no=column.number, keys=keys):
                segment = shown(row["segment_key"], row["segment_kind"], row["segment_value"])
                found[int(row["pair_no"])] += performance(row, column.column, segment)
    by_pair = {p.number: p for p in pairs}
    for row in session.rows("metrics/stored_rows", **shared):
        counted = _row_count(row, by_pair[int(row["pair_no"])])
        if counted is not None:
            found[int(row["pair_no"])].append(counted)
    return Measurement(found, pooled, tuple(pairs))


def _columns_in_turns(session: Session, pooled: Pooled, gridded: Gridded, pairs: int) -> Iterator[tuple[Markup | None, int]]:
    """Parts of ``pooled.columns`` whose rows come to Python at once (None for all of it), and how many rows of one statistic."""
    numbers = [m.number for m in gridded.measured]
    groups = max(1, pairs * gridded.segments.count)
    size = max(1, ROWS // groups)
    if len(numbers) <= size:
        yield None, groups * len(numbers)
        return
    for first in range(0, len(numbers), size):
        some = numbers[first : first + size]
        yield session.scratch("some", "metrics/some_columns", columns=pooled.columns, only=some), groups * len(some)


def summary_of(row: Mapping[str, Any], columns: Mapping[int, Measured]) -> Summary | None:
    """A statistic's row as the input of a decision; None where it is not for this kind of column, or says nothing."""
    column = columns[int(row["column_no"])].column
    if column.kind.value not in BY_NAME[row["statistic"]].kinds:
        return None
    if column.model is not None and row["statistic"] != "missing_rate":
        return None  # how often each outcome occurs is the model's metrics' matter
    segment, key, value = shown(row["segment_key"], row["segment_kind"], row["segment_value"])
    if key == column.name:
        return None  # inside a segment its own column is one value: nothing to measure
    return summary_from(
        row,
        column_name=column.name,
        column_kind=column.kind.value,
        role=column.role.value,
        segment=(segment, key, value),
    )


def shown(key: str, kind: str, value: str) -> tuple[str, str | None, str | None]:
    """(segment as it is shown, its column, its value)."""
    if kind == "all":
        return "all", None, None
    return (f"{key}={value}", key, value) if kind == "value" else (f"{key}=<{kind}>", key, None)


def _row_count(row: Mapping[str, Any], pair: Pair) -> Summary | None:
    """Rows of the window over the rows that the reference has in such a window."""
    if pair.scale is None:
        return None
    segment, key, value = shown(row["segment_key"], row["segment_kind"], row["segment_value"])
    reference, current = int(row["rows_r"] or 0), int(row["rows_c"] or 0)
    ratio = current / (reference * pair.scale) if reference else None
    code = None if reference else "no_data"
    return Summary(
        segment,
        key,
        value,
        ":table",
        "table",
        "",
        "row_count",
        ratio,
        ratio,
        ratio,
        reference,
        current,
        reason_code=code,
    )


def noise_of(windows: Mapping[int, Sequence[Summary]]) -> list[dict[str, Any]]:
    """Rows of wd_noise: the largest effect of each statistic among the baseline's own windows."""
    from warehouse_drift.decisions.thresholds import effect

    found: dict[tuple[str, str, str], tuple[float, int]] = {}
    for some in windows.values():
        for s in some:
            if s.upper is not None:
                key = (s.segment, s.column_name, s.statistic)
                most, seen = found.get(key, (0.0, 0))
                found[key] = (max(most, effect(s, s.upper)), seen + 1)
    return [
        {"segment": g, "column_name": c, "statistic": t, "windows": seen, "max_value": most}
        for (g, c, t), (most, seen) in sorted(found.items())
    ]


def _side(side: str, number: int, part: Part) -> dict[str, Any]:
    return {"side": side, "pair_no": number, "start": part.start, "end": part.end, "sign": part.sign}


def merged_ranges(ranges: Sequence[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """The ranges as few disjoint ones: the only buckets that are read."""
    found: list[tuple[datetime, datetime]] = []
    for start, end in sorted(set(ranges)):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found


__all__ = ["Measurement", "Pair", "Part", "in_turns", "measure_pairs", "merged_ranges", "noise_of", "shown", "summary_of"]
