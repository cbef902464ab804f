"""Local hours, days, weeks and months of a time zone as UTC instants. Pure: zones come from ``zoneinfo``.

All instants are naive datetimes in UTC. A day (week, month) begins at the first instant at which the local clock shows
its midnight or later: the earlier of two midnights in autumn, the moment of the change where midnight was skipped. A day
that never happened (Apia, 30 December 2011) has no length and is dropped. An hour begins when the local clock shows a
full hour, or jumps into another hour; the hour that autumn repeats is two hours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache, partial
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from warehouse_drift.errors import UsageError

UNITS = ("hour", "day", "week", "month")
_TICK = timedelta(microseconds=1)
_SECOND = timedelta(seconds=1)
_HOUR = timedelta(hours=1)
_EDGE = timedelta(days=40)
"""The calendar's first and last days are left alone: a month around them would not fit into a datetime."""


@dataclass(frozen=True, slots=True)
class Span:
    """A bucket or a window: half-open [start, end) in UTC; ``date`` is the local date on which it starts."""

    start: datetime
    end: datetime
    date: date


def spans(unit: str, zone: str, first: datetime, last: datetime, week_start: int = 0) -> tuple[Span, ...]:
    """All whole local spans that intersect [first, last), in order, each beginning where the one before ends.

    Args:
        unit: hour, day, week or month.
        zone: IANA name.
        first, last: naive UTC, half-open; nothing is returned when ``last`` is not after ``first``.
        week_start: 0 = Monday.

    Raises:
        UsageError: for an unknown unit or zone, and within 40 days of the calendar's ends.
    """
    if last <= first:
        return ()
    if unit not in UNITS:
        raise UsageError(f"There is no unit of time {unit!r}.", hint=f"Known: {', '.join(UNITS)}.")
    if first < datetime.min + _EDGE or last > datetime.max - _EDGE:
        raise UsageError(f"{first.isoformat()} to {last.isoformat()} is outside the calendar.")
    info = _zone(zone)
    starts = _hours(info, first) if unit == "hour" else _midnights(unit, info, first, week_start)
    found: list[Span] = []
    start = next(starts)
    for end in starts:
        if end > start and end > first:
            found.append(Span(start, end, _local(info, start).date()))
        start = end
        if start >= last:
            break
    return tuple(found)


def span_at(unit: str, zone: str, instant: datetime, week_start: int = 0) -> Span:
    """The span that holds ``instant`` (naive UTC)."""
    return spans(unit, zone, instant, instant + _TICK, week_start)[0]


def label(unit: str, span: Span, zone: str) -> str:
    """``day 2025-05-14``, ``week of 2025-05-12``, ``month 2025-05``, ``hour 2025-05-14 13:00+02:00``."""
    if unit == "hour":
        return f"hour {_local(_zone(zone), span.start).isoformat(sep=' ', timespec='minutes')}"
    if unit == "week":
        return f"week of {span.date.isoformat()}"
    if unit == "month":
        return f"month {span.date.isoformat()[:7]}"
    return f"day {span.date.isoformat()}"


def first_instant(zone: str, wall: datetime) -> datetime:
    """The first instant (naive UTC) at which the clock of ``zone`` shows ``wall`` or later: the first of two in autumn;
    for a time that was skipped, the moment of the change."""
    return _first(_zone(zone), wall)


def wall_boundary(zone: str, instant: datetime) -> datetime:
    """The clock reading that splits rows written as wall clock at ``instant``: ``first_instant(zone, w) >= instant``
    exactly when ``w`` is at or after it.

    That is what the clock shows at ``instant``, but what it would have shown without the change at the very moment of a
    change forward (skipped times count after it), and the end of the repeated time in its second pass (a row there
    cannot be told from one in the first).
    """
    info = _zone(zone)
    here = _local(info, instant)
    if here.fold:
        late = instant + (_offset(here.replace(fold=0)) - _offset(here))
        return _plain(_local(info, _bisect(instant, late, lambda t: not _local(info, t).fold)))
    before = _plain(_local(info, instant - _TICK)) + _TICK
    return min(_plain(here), before)


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise UsageError(
            f"There is no time zone {name!r}.", hint="Use an IANA name, as Europe/Berlin or UTC."
        ) from None


def _local(info: ZoneInfo, instant: datetime) -> datetime:
    return instant.replace(tzinfo=timezone.utc).astimezone(info)


def _plain(local: datetime) -> datetime:
    return local.replace(tzinfo=None, fold=0)


def _offset(local: datetime) -> timedelta:
    offset = local.utcoffset()
    assert offset is not None  # zoneinfo always knows
    return offset


def _first(info: ZoneInfo, wall: datetime) -> datetime:
    late = wall - _offset(wall.replace(tzinfo=info, fold=0))
    if _plain(_local(info, late)) == wall:
        return late
    # skipped: the offset after the change leads to an instant before it
    early = wall - _offset(wall.replace(tzinfo=info, fold=1))
    return _bisect(early, late, lambda t: _plain(_local(info, t)) >= wall)


def _bisect(no: datetime, yes: datetime, holds: Callable[[datetime], bool]) -> datetime:
    """The first whole second after ``no`` at which ``holds`` is true; it is at ``yes``. Changes fall on whole seconds."""
    no = no.replace(microsecond=0)
    steps = -((no - yes) // _SECOND)
    low, high = 0, steps
    while high - low > 1:
        middle = (low + high) // 2
        if holds(no + middle * _SECOND):
            high = middle
        else:
            low = middle
    return no + high * _SECOND


def _midnights(unit: str, info: ZoneInfo, first: datetime, week_start: int) -> Iterator[datetime]:
    """Starts of local days, weeks or months, from one well before ``first``; endless."""
    day = _unit_start(unit, _local(info, first).date() - timedelta(days=2), week_start)
    while True:
        yield _first(info, datetime.combine(day, time()))
        if unit == "month":
            day = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        else:
            day += timedelta(days=7 if unit == "week" else 1)


def _unit_start(unit: str, day: date, week_start: int) -> date:
    if unit == "month":
        return day.replace(day=1)
    if unit == "week":
        return day - timedelta(days=(day.weekday() - week_start) % 7)
    return day


def _hours(info: ZoneInfo, first: datetime) -> Iterator[datetime]:
    """Starts of local hours, from one at or before ``first``; endless."""
    here = (first - 4 * _HOUR).replace(microsecond=0)  # no local hour is that long
    start = None
    while True:
        here = _next_hour(info, here)
        if start is not None and here > first:
            if start <= first:
                yield start
            yield here
        start = here


def _next_hour(info: ZoneInfo, here: datetime) -> datetime:
    while True:
        local = _local(info, here)
        offset = _offset(local)
        full = here + _HOUR - timedelta(minutes=local.minute, seconds=local.second)
        if _offset(_local(info, full)) == offset:
            return full
        change = _bisect(here, full, partial(_has_left, info, offset))
        after, before = _local(info, change), _local(info, change - _SECOND)
        if _full_hour(after) != _full_hour(before) or (after.minute, after.second) == (0, 0):
            return change
        here = change


def _has_left(info: ZoneInfo, offset: timedelta, instant: datetime) -> bool:
    return _offset(_local(info, instant)) != offset


def _full_hour(local: datetime) -> datetime:
    return _plain(local).replace(minute=0, second=0, microsecond=0)
