"""Bucket numbers and ranges, run by the engine, against the answer in Python row by row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import duckdb
import pytest
import sqlglot
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup
from sqlglot import exp

from warehouse_drift.config.resolved import TimestampSpec
from warehouse_drift.errors import UsageError
from warehouse_drift.plan.calendar import Span, spans
from warehouse_drift.plan.clock import (
    bucket_sql,
    epoch_sql,
    instant_of,
    newest_params,
    range_sql,
    stray_params,
)
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.portable import violations
from warehouse_drift.sql.render import render
from warehouse_drift.sql.transpile import transpile

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Apia",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "UTC",
    "Asia/Kathmandu",
)
EPOCH, TICK, SECOND = datetime(1970, 1, 1), timedelta(microseconds=1), timedelta(seconds=1)
X = Markup("src.") + identifier('at"; --')
T = identifier("rows")
SPECS = {
    "timestamptz": TimestampSpec("at", "timestamptz"),
    "local": TimestampSpec("at", "timestamp"),
    "utc": TimestampSpec("at", "timestamp", naive="utc"),
    "date": TimestampSpec("at", "date"),
    "integer": TimestampSpec("at", "integer", format="yyyymmdd"),
    "text": TimestampSpec("at", "text", format="yyyymmdd"),
}
TYPES = {
    "timestamptz": "TIMESTAMPTZ",
    "local": "TIMESTAMP",
    "utc": "TIMESTAMP",
    "date": "DATE",
    "integer": "UINTEGER",
    "text": "VARCHAR",
}
DATED = ("date", "integer", "text")


def wall(zone: str, t: datetime) -> datetime:
    return t.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0)


def stored(name: str, zone: str, t: datetime) -> str:
    """What a source writes for an event at ``t``, as the text that the engine casts to the column's type."""
    if name == "timestamptz":
        return t.isoformat(sep=" ") + "+00:00"
    if name == "utc":
        return t.isoformat(sep=" ")
    local = wall(zone, t)
    return (
        local.isoformat(sep=" ")
        if name == "local"
        else local.date().isoformat()
        if name == "date"
        else (local.strftime("%Y%m%d"))
    )


def where(buckets: Sequence[Span], t: datetime) -> int | None:
    return next((i for i, s in enumerate(buckets) if s.start <= t < s.end), None)


def expected(name: str, zone: str, t: datetime, unit: str, buckets: Sequence[Span]) -> int | None:
    """By the row's instant, asked of the zone for this row alone; a wall clock that autumn shows twice counts in its
    first pass; a date counts in the unit that has it."""
    local = t.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(zone))
    if name in DATED:
        return next((i for i, s in enumerate(buckets) if key(unit, s.date) == key(unit, local.date())), None)
    if name == "local" and local.fold:
        t -= (local.replace(fold=0).utcoffset() or timedelta()) - (local.utcoffset() or timedelta())
    return where(buckets, t)


def key(unit: str, day: date) -> date:
    if unit == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday()) if unit == "week" else day


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/Los_Angeles'")  # the session's zone must not matter
    return connection


def put(engine: duckdb.DuckDBPyConnection, name: str, values: Sequence[str | None]) -> None:
    column = 'at"; --'.replace('"', '""')
    engine.execute(f'CREATE OR REPLACE TABLE "rows" (id INTEGER, "{column}" {TYPES[name]})')
    rows = ", ".join(f"({i}, {'NULL' if v is None else repr(v)})" for i, v in enumerate(values))
    if rows:
        engine.execute(f'INSERT INTO "rows" VALUES {rows}')


def numbers(engine: duckdb.DuckDBPyConnection, bucket: Markup, filter: Markup) -> dict[int, int]:
    found = engine.execute(f'SELECT id, {bucket} FROM "rows" AS src WHERE {filter}').fetchall()
    assert all(isinstance(b, int) for _, b in found)
    return dict(found)


@st.composite
def cases(draw: st.DrawFn) -> tuple[str, str, tuple[Span, ...], list[datetime]]:
    """(unit, zone, buckets, instants of rows): anywhere in 1900 to 2100, often around a change and on boundaries."""
    zone, unit = draw(st.sampled_from(ZONES)), draw(st.sampled_from(["hour", "day", "week", "month"]))
    size = {"hour": 3600, "day": 86_400, "week": 7 * 86_400, "month": 30 * 86_400}[unit]
    first = datetime(1900, 1, 1) + draw(st.integers(0, 199 * 365 * 86_400)) * SECOND
    near = {"Pacific/Apia": datetime(2011, 12, 30, 10), "Asia/Kathmandu": datetime(1985, 12, 31, 18, 30)}
    if zone in near and draw(st.booleans()):
        first = near[zone] - draw(st.integers(0, 20)) * size * SECOND
    last = first + draw(st.integers(1, 500 if unit in ("hour", "day") else 60)) * size * SECOND
    buckets = spans(unit, zone, first, last)
    inside = int((buckets[-1].end - buckets[0].start).total_seconds() * 1e6)
    rows = [
        buckets[0].start + m * TICK
        for m in draw(st.lists(st.integers(-size * 10**6, inside + size * 10**6), max_size=40))
    ]
    for edge in draw(st.lists(st.sampled_from([b.start for b in buckets] + [buckets[-1].end]), max_size=20)):
        rows += [edge, edge - TICK, edge + TICK]
    return unit, zone, buckets, rows


@pytest.mark.parametrize("name", SPECS)
def test_every_row_is_in_its_bucket(name: str, engine: duckdb.DuckDBPyConnection) -> None:
    @settings(max_examples=60, deadline=None)
    @given(cases())
    def run(case: tuple[str, str, tuple[Span, ...], list[datetime]]) -> None:
        unit, zone, buckets, rows = case
        if unit == "hour" and name in DATED:
            return
        spec = replace(SPECS[name], time_zone=zone, bucket=unit)
        put(engine, name, [*(stored(name, zone, t) for t in rows), None])
        inside = range_sql(spec, X, buckets[0].start, buckets[-1].end)
        found = numbers(engine, bucket_sql(spec, X, buckets), inside)
        truth = {i: expected(name, zone, t, unit, buckets) for i, t in enumerate(rows)}
        assert found == {i: b for i, b in truth.items() if b is not None}
        # the half-open halves at any boundary are those of the buckets
        middle = buckets[len(buckets) // 2]
        late = numbers(engine, Markup("0"), range_sql(spec, X, middle.start, buckets[-1].end))
        assert set(late) == {i for i, b in found.items() if b >= len(buckets) // 2}
        early = numbers(engine, Markup("0"), range_sql(spec, X, None, middle.start))
        assert not set(late) & set(early) and set(found) - set(late) <= set(early)
        # what the column shows, read back, lies in the same bucket
        shown = dict(engine.execute(f'SELECT id, {epoch_sql(spec, X)} FROM "rows" AS src WHERE {inside}').fetchall())
        assert {i: where(buckets, instant_of(spec, us)) for i, us in shown.items()} == found
        if name in ("timestamptz", "utc"):
            assert all(instant_of(spec, us) == rows[i] for i, us in shown.items())

    run()


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Pacific/Apia"])
def test_ranges_cut_at_the_middle_of_a_day(name: str, zone: str, engine: duckdb.DuckDBPyConnection) -> None:
    """Instants inside a day: time types cut there, dates count at their midnight."""
    spec = replace(SPECS[name], time_zone=zone)
    rows = [datetime(2011, 12, 27) + h * timedelta(hours=1) for h in range(150)]
    put(engine, name, [stored(name, zone, t) for t in rows])
    start, end = datetime(2011, 12, 29, 3), datetime(2011, 12, 31, 17)
    found = set(numbers(engine, Markup("0"), range_sql(spec, X, start, end)))

    def counted(t: datetime) -> datetime:
        local = wall(zone, t)
        return t - (local - datetime.combine(local.date(), datetime.min.time())) if name in DATED else t

    assert found == {i for i, t in enumerate(rows) if start <= counted(t) < end}
    assert 0 < len(found) < len(rows)


@pytest.mark.parametrize("name", SPECS)
def test_long_histories_stay_short_and_translate(name: str, engine: duckdb.DuckDBPyConnection) -> None:
    zone = "Europe/Berlin"
    spec = replace(SPECS[name], time_zone=zone)
    buckets = spans("day", zone, datetime(2024, 12, 31, 23), datetime(2025, 12, 31, 23))
    assert len(buckets) == 365
    bucket, inside = bucket_sql(spec, X, buckets), range_sql(spec, X, buckets[0].start, buckets[-1].end)
    text = f'SELECT {bucket} AS bucket_no, COUNT(*) AS n, MIN({epoch_sql(spec, X)}) AS us FROM "rows" AS src WHERE {inside} GROUP BY 1'
    assert violations(sqlglot.parse_one(text, read="duckdb")) == []
    translated = transpile(text, load_dialect("postgres"))
    assert "EPOCH_US" not in translated and "//" not in translated
    tree = sqlglot.parse_one(translated, read="postgres")
    bare = [n for n in tree.find(exp.Where).find_all(exp.GTE, exp.LT)]
    assert len(bare) == 2 and all(isinstance(n.this, exp.Column) and n.this.name == 'at"; --' for n in bare)
    zoned = tree.find(exp.AtTimeZone, exp.ConvertTimezone, exp.DateTrunc, exp.TimestampTrunc)
    assert zoned is None and zone not in translated
    if name == "timestamptz":
        assert bucket.count(" WHEN ") == 4  # winter, 23 hours, summer, 25 hours, winter
        assert "+00:00' AS TIMESTAMPTZ" in inside
    if name in ("local", "utc"):
        assert bucket.count(" WHEN ") == {"local": 0, "utc": 4}[name]
        assert ("2025-01-01 00:00:00" if name == "local" else "2024-12-31 23:00:00") in inside
    if name == "date":
        assert " WHEN " not in bucket and "CAST('2025-01-01' AS DATE)" in inside
    if name == "integer":
        assert bucket.count(" WHEN ") <= 24 and ">= 20250101" in inside
    if name == "text":
        assert ">= '20250101'" in inside


def test_uncommon_values_of_written_dates(engine: duckdb.DuckDBPyConnection) -> None:
    """Numbers and texts that are no dates never fail a statement and never leave 0 to n - 1."""
    buckets = spans("day", "UTC", datetime(2025, 1, 1), datetime(2025, 3, 1))
    bad = ["20250145", "20250199", "0", "4294967295", "20250115"]
    for name, values in (("integer", bad), ("text", [*bad, "2025-01-15", "2025010x", "", "20250115 ", "abc"])):
        spec = SPECS[name]
        put(engine, name, values)
        inside = range_sql(spec, X, buckets[0].start, buckets[-1].end)
        found = numbers(engine, bucket_sql(spec, X, buckets), inside)
        assert found[4] == 14 and all(0 <= b < len(buckets) for b in found.values())
        assert set(found) == ({0, 1, 4} if name == "integer" else {0, 1, 4, 6})
        shown = [r[0] for r in engine.execute(f'SELECT {epoch_sql(spec, X)} FROM "rows" AS src').fetchall()]
        assert instant_of(spec, shown[4]) == datetime(2025, 1, 15)
        duckdb_dialect = load_dialect("duckdb")
        after = datetime(2026, 1, 1)
        strays = engine.execute(render("profile/strays", stray_params(spec, X, T, None, after), duckdb_dialect).sql)
        assert strays.fetchall() == [(0, 0, 2) if name == "integer" else (0, 0, 6)]


@pytest.mark.parametrize("name", SPECS)
def test_newest_and_strays(name: str, engine: duckdb.DuckDBPyConnection) -> None:
    zone = "America/New_York"
    spec = replace(SPECS[name], time_zone=zone)
    rows = [datetime(1969, 7, 1, 5) + d * timedelta(hours=13) for d in range(400)]
    put(engine, name, [None, *(stored(name, zone, t) for t in rows), None, None])
    start, end = datetime(1969, 8, 1, 4), datetime(1969, 11, 1, 5)
    dialect = load_dialect("duckdb")
    for filter in (range_sql(spec, X, start, end), Markup("1 = 0")):
        sql = render("profile/newest", newest_params(spec, X, T, filter), dialect).sql
        count, first, last = engine.execute(sql).fetchone() or ()
        if filter == "1 = 0":
            assert (count, first, last) == (0, None, None)
            continue
        inside = [t for t in rows if start <= t < end]
        assert count == len(inside)
        for us, t in ((first, inside[0]), (last, inside[-1])):
            local = wall(zone, t)
            midnight = t - (local - datetime.combine(local.date(), datetime.min.time()))
            assert instant_of(spec, us) == (midnight if name in DATED else t)
    sql = render("profile/strays", stray_params(spec, X, T, Markup("src.id < 402"), end), dialect).sql
    later = sum(t >= end for t in rows)
    assert engine.execute(sql).fetchall() == [(2, later, 0)]
    put(engine, name, [])
    assert engine.execute(sql).fetchall() == [(0, 0, 0)]


def test_beyond_the_calendar() -> None:
    for name in SPECS:
        spec = replace(SPECS[name], time_zone="Asia/Kathmandu")
        assert instant_of(spec, 2**62) == datetime.max and instant_of(spec, -(2**62)) == datetime.min


def test_a_clock_reading_in_autumn_and_spring() -> None:
    berlin = replace(SPECS["local"], time_zone="Europe/Berlin")

    def at(*parts: int) -> datetime:
        return instant_of(berlin, (datetime(*parts) - EPOCH) // TICK)

    assert at(2025, 10, 26, 2, 30) == datetime(2025, 10, 26, 0, 30)
    assert at(2025, 3, 30, 2, 30) == datetime(2025, 3, 30, 1)
    assert at(2025, 3, 30, 3) == datetime(2025, 3, 30, 1)


def test_buckets_must_be_adjacent() -> None:
    days = spans("day", "UTC", datetime(2025, 1, 1), datetime(2025, 1, 4))
    for some in ((), (days[0], days[2])):
        with pytest.raises(UsageError, match="adjacent"):
            bucket_sql(SPECS["utc"], X, some)
    with pytest.raises(UsageError):
        range_sql(SPECS["utc"], X, None, None)
    assert bucket_sql(SPECS["utc"], X, days[:1]) == "0"
