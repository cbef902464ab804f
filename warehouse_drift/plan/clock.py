"""A timestamp column in SQL: which bucket a row falls into, which rows a range holds. Boundaries come from Python
(``plan.calendar``); the warehouse compares the bare column with literals and does integer arithmetic.

How a column tells time is its *clock*: ``timestamptz`` and naive columns with ``naive: utc`` show UTC; naive columns
with ``naive: local`` show the wall clock of the monitor's zone; DATE columns and yyyymmdd numbers or texts show the
monitor's local date, whatever ``naive`` says.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from markupsafe import Markup

from warehouse_drift.config.resolved import TimestampSpec
from warehouse_drift.errors import UsageError
from warehouse_drift.plan.calendar import Span, first_instant, wall_boundary
from warehouse_drift.sql.render import canonical_text

_EPOCH = datetime(1970, 1, 1)
_TICK = timedelta(microseconds=1)
_DAY = timedelta(days=1)
_EXACT = 2**53
"""Differences below this are exact as doubles, and so is the floor of their quotient."""
_LADDER = 40
"""Longer ladders are cut into two levels, so that a row meets about twice the root of their length."""

Reading = datetime | date | int | str
"""What a clock shows, as the filters of the templates take it."""


@dataclass(frozen=True, slots=True)
class Run:
    """``count`` adjacent buckets of equal length, numbered from ``first``. ``upper``: their end, as the clock shows it;
    ``anchor``: their beginning and ``length``: of one bucket, in the clock's ticks (microseconds, days, or the written
    number)."""

    upper: Reading
    first: int
    count: int
    anchor: int
    length: int


@dataclass(frozen=True, slots=True)
class Group:
    upper: Reading
    runs: tuple[Run, ...]


def clock_of(spec: TimestampSpec) -> str:
    """timestamptz, timestamp, date, integer or text."""
    if spec.format == "yyyymmdd":
        return "text" if spec.type_family == "text" else "integer"
    return spec.type_family


def reading(spec: TimestampSpec, instant: datetime) -> Reading:
    """What the column shows from ``instant`` (naive UTC) on: rows at or after it are those whose value is >= this."""
    clock = clock_of(spec)
    if clock == "timestamptz" or (clock == "timestamp" and spec.naive == "utc"):
        return instant
    wall = wall_boundary(spec.time_zone, instant)
    if clock == "timestamp":
        return wall
    day = wall.date() if wall == datetime.combine(wall, datetime.min.time()) else wall.date() + _DAY
    if clock == "date":
        return day
    return day.strftime("%Y%m%d").zfill(8) if clock == "text" else day.year * 10000 + day.month * 100 + day.day


def bucket_sql(spec: TimestampSpec, x: Markup, buckets: Sequence[Span]) -> Markup:
    """An integer expression: 0 to n - 1 for rows inside [buckets[0].start, buckets[-1].end), nothing said of others.

    Args:
        x: the column as marked SQL, as ``src."scored_at"``.
        buckets: adjacent, in order; they may differ in length.

    Raises:
        UsageError: when there is no bucket, or one does not begin where the one before ends.
    """
    if not buckets or any(a.end != b.start for a, b in itertools.pairwise(buckets)):
        raise UsageError("Buckets must be adjacent and at least one.")
    return _fragment("profile/bucket_index", x=x, clock=clock_of(spec), groups=_groups(_runs(spec, buckets)))


def range_sql(spec: TimestampSpec, x: Markup, start: datetime | None, end: datetime | None) -> Markup:
    """The rows of [start, end) as a predicate on the bare column; either end may be left out, not both.

    Text dates also need eight characters: others sort between dates, and are counted as unreadable (``stray_params``).
    """
    if start is None and end is None:
        raise UsageError("A time range needs a start or an end.")
    at = [None if t is None else reading(spec, t) for t in (start, end)]
    return _fragment("profile/time_filter", x=x, clock=clock_of(spec), start=at[0], end=at[1])


def epoch_sql(spec: TimestampSpec, x: Markup) -> Markup:
    """Microseconds since 1970 of what the column shows: of the UTC instant, of the wall clock, of a date's midnight."""
    return _fragment("profile/epoch_us", x=x, clock=clock_of(spec))


def instant_of(spec: TimestampSpec, micros: int) -> datetime:
    """What ``epoch_sql`` gave as naive UTC. Wall clocks and dates are read in the monitor's zone: the first of two
    instants in autumn, the moment of the change for a time that was skipped. Beyond the calendar: its end."""
    try:
        shown = _EPOCH + micros * _TICK
        clock = clock_of(spec)
        if clock == "timestamptz" or (clock == "timestamp" and spec.naive == "utc"):
            return shown
        return first_instant(spec.time_zone, shown)
    except OverflowError:
        return datetime.max if micros > 0 else datetime.min


def newest_params(spec: TimestampSpec, x: Markup, source: Markup, filter: Markup | None) -> Mapping[str, Any]:
    """Parameters of ``profile/newest``: row_count, first_us, last_us of the rows that ``filter`` keeps."""
    return {"source": source, "filter": filter, "x": x, "clock": clock_of(spec)}


def stray_params(
    spec: TimestampSpec, x: Markup, source: Markup, filter: Markup | None, after: datetime
) -> Mapping[str, Any]:
    """Parameters of ``profile/strays``: null_rows, later_rows (at or after ``after``), unreadable_rows."""
    return {"source": source, "filter": filter, "x": x, "clock": clock_of(spec), "after": reading(spec, after)}


def _fragment(template: str, **params: Any) -> Markup:
    return Markup(canonical_text(template, params))


def _ticks(value: Reading) -> int:
    if isinstance(value, datetime):
        return (value - _EPOCH) // _TICK
    if isinstance(value, date):
        return (value - _EPOCH.date()).days
    return int(value)


def _runs(spec: TimestampSpec, buckets: Sequence[Span]) -> list[Run]:
    """Longest runs of equal buckets. A bucket that the clock never shows (the second pass of an autumn hour on a wall
    clock) gets no row; text has no arithmetic, so each bucket stands alone."""
    edges = [reading(spec, t) for t in (*(b.start for b in buckets), buckets[-1].end)]
    alone = clock_of(spec) == "text"
    runs: list[Run] = []
    for number, (low, high) in enumerate(itertools.pairwise(edges)):
        anchor, length = _ticks(low), _ticks(high) - _ticks(low)
        if length <= 0:
            continue
        last = runs[-1] if runs else None
        if (
            last is not None
            and not alone
            and last.length == length
            and last.first + last.count == number
            and (last.count + 1) * length < _EXACT
        ):
            runs[-1] = Run(high, last.first, last.count + 1, last.anchor, length)
        else:
            runs.append(Run(high, number, 1, anchor, length))
    return runs or [Run(edges[-1], 0, 1, _ticks(edges[0]), 1)]


def _groups(runs: Sequence[Run]) -> list[Group]:
    size = len(runs) if len(runs) <= _LADDER else math.isqrt(len(runs))
    parts = [tuple(runs[i : i + size]) for i in range(0, len(runs), size)]
    return [Group(part[-1].upper, part) for part in parts]
