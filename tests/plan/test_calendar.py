"""Local spans against a slow answer: the zone's own clock, asked second by second or day by day."""

from __future__ import annotations

import itertools
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse_drift.errors import UsageError
from warehouse_drift.plan.calendar import Span, first_instant, label, span_at, spans, wall_boundary

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "UTC",
    "Asia/Kathmandu",
)
CHANGES = {
    "Pacific/Apia": datetime(2011, 12, 30, 10),
    "Australia/Lord_Howe": datetime(2025, 4, 5, 15),
    "Africa/Casablanca": datetime(2025, 2, 23, 2),
    "Asia/Kathmandu": datetime(1985, 12, 31, 18, 30),
    "Europe/Berlin": datetime(2025, 10, 26, 1),
    "America/New_York": datetime(1918, 3, 31, 7),
    "America/Toronto": datetime(1919, 3, 31, 4, 30),
    "America/St_Johns": datetime(2006, 10, 29, 2, 31),
}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
zones = st.sampled_from(ZONES)
seconds = st.integers(0, 6_311_433_600)  # 1900 to 2100
instants = seconds.map(lambda s: datetime(1900, 1, 1) + timedelta(seconds=s))


@st.composite
def near_changes(draw: st.DrawFn) -> tuple[str, datetime]:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    return zone, CHANGES[zone] + timedelta(minutes=draw(st.integers(-3000, 3000)))


places = st.one_of(st.tuples(zones, instants), near_changes())


def wall(zone: str, t: datetime) -> datetime:
    return t.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def key(unit: str, day: date, week_start: int) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=(day.weekday() - week_start) % 7) if unit == "week" else day


@settings(max_examples=300, deadline=None)
@given(places, st.sampled_from(["day", "week", "month"]), st.integers(0, 6), st.integers(1, 100 * 86400))
def test_days_weeks_and_months(place: tuple[str, datetime], unit: str, week_start: int, length: int) -> None:
    zone, first = place
    last = first + timedelta(seconds=length)
    found = spans(unit, zone, first, last, week_start)
    assert found[0].start <= first < found[0].end and found[-1].start < last <= found[-1].end
    keys = []
    for before, after in itertools.pairwise(found):
        assert before.end == after.start
    for span in found:
        assert span.end > span.start
        here = wall(zone, span.start)
        this = key(unit, here.date(), week_start)
        keys.append(this)
        assert span.date == here.date()
        # it begins where the clock enters the unit, and is whole: just before its end the unit is still the same
        assert key(unit, wall(zone, span.start - timedelta(seconds=1)).date(), week_start) < this
        steps = range(0, int((span.end - span.start).total_seconds()), 7 * 3600 + 1234)
        inside = [wall(zone, span.start + timedelta(seconds=s)) for s in steps]
        # within an autumn repetition across midnight the clock may show the day before again
        assert all(this == key(unit, w.date(), week_start) or w.hour >= 22 for w in inside)
        assert key(unit, wall(zone, span.end).date(), week_start) > this
    assert keys == sorted(set(keys))


def is_hour_start(zone: str, t: datetime) -> bool:
    before, now = wall(zone, t - timedelta(seconds=1)), wall(zone, t)
    return (now.minute, now.second) == (0, 0) or before.replace(minute=0, second=0) != now.replace(minute=0, second=0)


@settings(max_examples=40, deadline=None)
@given(places)
def test_hours_second_by_second(place: tuple[str, datetime]) -> None:
    zone, first = place
    last = first + 3 * HOUR
    found = spans("hour", zone, first, last)
    starts = {s.start for s in found} | {found[-1].end}
    assert found[0].start <= first < found[0].end and found[-1].start < last <= found[-1].end
    # every place where an hour could begin: full minutes, and full seconds around odd offsets of the past
    offset = wall(zone, first) - first
    step = 60 if offset.total_seconds() % 60 == 0 else 1
    t = found[0].start
    while t <= found[-1].end:
        assert is_hour_start(zone, t) == (t in starts), t
        t += timedelta(seconds=step)
    for span in found:
        assert span.date == wall(zone, span.start).date()


@settings(max_examples=300, deadline=None)
@given(places, st.sampled_from(["hour", "day", "week", "month"]))
def test_span_at(place: tuple[str, datetime], unit: str) -> None:
    zone, t = place
    span = span_at(unit, zone, t)
    assert span.start <= t < span.end
    assert span_at(unit, zone, span.start) == span and span_at(unit, zone, span.end).start == span.end


@settings(max_examples=500, deadline=None)
@given(places, st.integers(-300_000, 300_000))
def test_a_wall_clock_splits_where_its_instants_do(place: tuple[str, datetime], minutes: int) -> None:
    """first_instant and wall_boundary are each other's inverse as orders: w >= boundary(t) exactly if instant(w) >= t."""
    zone, t = place
    boundary = wall_boundary(zone, t)
    for w in (
        boundary,
        boundary - timedelta(microseconds=1),
        boundary + timedelta(minutes=minutes / 1000),
        t + timedelta(minutes=minutes / 1000),
    ):
        assert (w >= boundary) == (first_instant(zone, w) >= t)


@settings(max_examples=300, deadline=None)
@given(places)
def test_the_first_instant_shows_the_wall_clock_or_skips_it(place: tuple[str, datetime]) -> None:
    zone, t = place
    shown = wall(zone, t)
    first = first_instant(zone, shown)
    assert first <= t and wall(zone, first) == shown  # t exists, so it was not skipped; autumn's first pass is earlier
    assert wall(zone, first_instant(zone, shown + DAY)) >= shown + DAY


def test_known_days() -> None:
    apia = spans("day", "Pacific/Apia", datetime(2011, 12, 29, 12), datetime(2011, 12, 31, 9))
    assert [s.date for s in apia] == [date(2011, 12, 29), date(2011, 12, 31)]
    berlin = spans("day", "Europe/Berlin", datetime(2025, 3, 29, 23), datetime(2025, 3, 30, 22))
    assert berlin == (Span(datetime(2025, 3, 29, 23), datetime(2025, 3, 30, 22), date(2025, 3, 30)),)
    howe = spans("hour", "Australia/Lord_Howe", datetime(2025, 4, 5, 14), datetime(2025, 4, 5, 16))
    assert [(s.end - s.start).total_seconds() / 60 for s in howe] == [90, 60]
    # the midnight of 31 March 1919 was skipped in Toronto: the day begins at the change
    assert span_at("day", "America/Toronto", datetime(1919, 3, 31, 12)).start == datetime(1919, 3, 31, 4, 30)
    assert spans("day", "UTC", datetime(2025, 1, 1), datetime(2025, 1, 1)) == ()


def test_labels() -> None:
    berlin = "Europe/Berlin"
    t = datetime(2025, 5, 14, 11, 30)
    shown = [label(unit, span_at(unit, berlin, t), berlin) for unit in ("hour", "day", "week", "month")]
    assert shown == ["hour 2025-05-14 13:00+02:00", "day 2025-05-14", "week of 2025-05-12", "month 2025-05"]
    autumn = spans("hour", berlin, datetime(2025, 10, 26, 0), datetime(2025, 10, 26, 2))
    assert [label("hour", s, berlin)[-11:] for s in autumn] == ["02:00+02:00", "02:00+01:00"]


def test_mistakes() -> None:
    t = datetime(2025, 1, 1)
    with pytest.raises(UsageError, match="Europe/Berlin"):
        spans("day", "Europe/Berln", t, t + DAY)
    with pytest.raises(UsageError, match="fortnight"):
        spans("fortnight", "UTC", t, t + DAY)
    with pytest.raises(UsageError, match="calendar"):
        spans("day", "UTC", datetime(1, 1, 1), t)
    with pytest.raises(UsageError, match="calendar"):
        span_at("month", "UTC", datetime.max - DAY)
