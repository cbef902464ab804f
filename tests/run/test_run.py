"""What a run writes, against answers worked out from the raw rows."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from .conftest import BASE_DAYS, World, assert_same, day, rows_of

BASE = rows_of(range(BASE_DAYS))
SHIFT = {3: 1.5, 8: 2.5}
"""Days after the baseline on which x is shifted."""
AFTER = {n: rows_of([BASE_DAYS + n], shift=SHIFT.get(n, 0.0)) for n in range(15)}
COMPARISONS = [
    {"name": "daily", "window": "day"},
    {"name": "weekly", "window": "week"},
    {"name": "day_on_day", "window": "day", "against": "previous"},
]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Two weeks of baseline, two weeks and a day after it, run once; nobody changes it."""
    made = World(tmp_path_factory.mktemp("ran"))
    made.insert(BASE)
    made.insert([r for some in AFTER.values() for r in some])
    made.configure(comparisons=COMPARISONS, segments=["seg"], statistics=["ks", "wasserstein", "chi_squared"])
    made.run()
    return made


def part(rows: list[dict[str, Any]], segment: str) -> list[dict[str, Any]]:
    wanted = {"all": None, "seg=a": "a", "seg=b": "b", "seg=<null>": ""}[segment]
    return [r for r in rows if wanted is None or (r["seg"] or "") == wanted]


def pair_of(comparison: str, n: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(reference rows, window rows) of the window that starts on day ``n`` after the baseline."""
    if comparison == "weekly":
        return BASE, [r for d in range(n, n + 7) for r in AFTER[d]]
    if comparison == "daily":
        return BASE, AFTER[n]
    return (AFTER[n - 1] if n else rows_of([BASE_DAYS - 1])), AFTER[n]


WINDOWS = [("daily", 3), ("daily", 5), ("weekly", 0), ("weekly", 7), ("day_on_day", 0), ("day_on_day", 4)]
SEGMENTS = ["all", "seg=a", "seg=b", "seg=<null>"]


def values(rows: list[dict[str, Any]], column: str) -> list[Any]:
    return [r[column] for r in rows if r[column] is not None]


@pytest.mark.parametrize(("comparison", "n"), WINDOWS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_ks_and_wasserstein_hold_the_truth(ran: World, comparison: str, n: int, segment: str) -> None:
    for column in ("x", "k"):
        reference, current = (values(part(rows, segment), column) for rows in pair_of(comparison, n))
        for statistic, truth in (
            ("ks", stats.ks_2samp(reference, current, method="asymp").statistic),
            ("wasserstein", stats.wasserstein_distance(reference, current)),
        ):
            row = ran.value(column, statistic, BASE_DAYS + n, segment=segment, comparison=comparison)
            assert row["value_lower"] - 1e-9 <= truth <= row["value_upper"] + 1e-9, (column, statistic)
            assert row["value_lower"] <= row["value"] <= row["value_upper"]
            assert (row["n_reference"], row["n_current"]) == (len(reference), len(current))


@pytest.mark.parametrize(("comparison", "n"), WINDOWS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_psi_of_numbers_on_the_stored_edges(ran: World, comparison: str, n: int, segment: str) -> None:
    for column in ("x", "k"):
        reference, current = (values(part(rows, segment), column) for rows in pair_of(comparison, n))
        bins = bins_of(ran, column, comparison, n, segment)
        total = 0.0
        for i, b in enumerate(bins):
            low = -math.inf if b["bin_lower"] is None else b["bin_lower"]
            last = i == len(bins) - 1
            high = math.inf if b["bin_upper"] is None or last else bins[i + 1]["bin_lower"]
            c, m = (sum(low <= v < high for v in some) for some in (current, reference))
            assert (b["count_reference"], b["count_current"]) == (m, c), (column, b)
            total += share_term(m / len(reference), c / len(current), len(reference), len(current))
        row = ran.value(column, "psi", BASE_DAYS + n, segment=segment, comparison=comparison)
        assert row["value"] == pytest.approx(total, abs=1e-9)
        assert sum(b["contribution"] for b in bins) == pytest.approx(row["value"], abs=1e-9)


def bins_of(ran: World, column: str, comparison: str, n: int, segment: str) -> list[dict[str, Any]]:
    found = ran.q(
        f"SELECT * FROM {{s}}.drift_bins WHERE column_name = '{column}' AND comparison = '{comparison}'"
        f" AND window_start = TIMESTAMP '{day(BASE_DAYS + n)}' AND segment = '{segment}' ORDER BY bin_index"
    )
    assert found
    return found


def share_term(p: float, q: float, m: int, n: int) -> float:
    """A share of zero counts as half a row, or as the other side's share if that is less."""
    p, q = p or min(0.5 / m, q), q or min(0.5 / n, p)
    return (q - p) * math.log(q / p)


@pytest.mark.parametrize(("comparison", "n"), WINDOWS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_categories_against_raw_rows(ran: World, comparison: str, n: int, segment: str) -> None:
    rows_r, rows_c = (part(rows, segment) for rows in pair_of(comparison, n))
    reference, current = (Counter(values(rows, "c")) for rows in (rows_r, rows_c))
    names = sorted(set(reference) | set(current))
    table = np.array([[side[v] for v in names] for side in (reference, current)])
    start = BASE_DAYS + n
    row = ran.value("c", "chi_squared", start, segment=segment, comparison=comparison)
    missing = ran.value("c", "missing_rate_change", start, segment=segment, comparison=comparison)
    unseen = ran.value("c", "unseen_rate", start, segment=segment, comparison=comparison)
    bins = bins_of(ran, "c", comparison, n, segment)
    assert sum(b["count_reference"] for b in bins) == sum(reference.values())
    assert sum(b["count_current"] for b in bins) == sum(current.values())
    assert row["value"] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic, rel=1e-9, abs=1e-12)
    rate = [1 - len(values(rows, "c")) / len(rows) for rows in (rows_r, rows_c)]
    assert missing["value"] == pytest.approx(rate[1] - rate[0], abs=1e-12)
    new = sum(count for v, count in current.items() if not reference[v])
    assert unseen["value"] == pytest.approx(new / sum(current.values()), abs=1e-12)


@pytest.mark.parametrize(("comparison", "n"), WINDOWS)
@pytest.mark.parametrize("segment", SEGMENTS)
def test_row_count_is_the_ratio_to_a_usual_window(ran: World, comparison: str, n: int, segment: str) -> None:
    reference, current = (len(part(rows, segment)) for rows in pair_of(comparison, n))
    usual = {"daily": 1 / BASE_DAYS, "weekly": 7 / BASE_DAYS, "day_on_day": 1.0}[comparison] * reference
    row = ran.value(":table", "row_count", BASE_DAYS + n, segment=segment, comparison=comparison)
    assert row["value"] == pytest.approx(current / usual, rel=1e-12)


def test_the_windows_are_those_that_are_due(ran: World) -> None:
    found = ran.q("SELECT DISTINCT comparison, window_start, window_end FROM {s}.drift_history")
    days = {(c, day(BASE_DAYS + n), day(BASE_DAYS + n + 1)) for n in range(14) for c in ("daily", "day_on_day")}
    weeks = {("weekly", day(BASE_DAYS + n), day(BASE_DAYS + n + 7)) for n in (0, 7)}
    assert {tuple(r.values()) for r in found} == days | weeks


def test_profiles_are_those_of_the_raw_rows(ran: World) -> None:
    for n in (0, 8):
        for segment in SEGMENTS:
            x = values(part(AFTER[n], segment), "x")
            row = ran.q(
                f"SELECT * FROM {{s}}.profile_history WHERE column_name = 'x' AND segment = '{segment}'"
                f" AND bucket_start = TIMESTAMP '{day(BASE_DAYS + n)}'"
            )[0]
            assert row["row_count"] - row["null_count"] == len(x)
            assert (row["min_value"], row["max_value"]) == (min(x), max(x))
            assert row["mean"] == pytest.approx(np.mean(x), rel=1e-12)
            assert row["stddev"] == pytest.approx(np.std(x, ddof=1), rel=1e-9)


def test_the_shifted_days_are_the_only_alerts_of_x(ran: World) -> None:
    found = ran.history("column_name = 'x' AND statistic = 'psi' AND segment = 'all' AND comparison = 'daily' AND severity > 0")
    assert {r["window_start"] for r in found} == {day(BASE_DAYS + n) for n in SHIFT}


def copied(ran: World, folder: Path) -> World:
    """The same file and configuration in a folder of its own."""
    made = World(folder / "copy")
    made.file.write_bytes(ran.file.read_bytes())
    return made


def test_a_second_run_changes_nothing_that_a_reader_sees(ran: World, tmp_path: Path) -> None:
    world = copied(ran, tmp_path)
    world.configure(comparisons=COMPARISONS, segments=["seg"])
    before = world.views(without=())
    result = world.run()
    assert (result.monitors[0].units, result.monitors[0].windows) == (0, [])
    after = world.views(without=())
    ran_last = {"last_run_id", "last_run_started_at", "last_run_finished_at"}
    for rows in (*before["monitor_status"], *after["monitor_status"]):
        assert ran_last <= rows.keys()
        for name in ran_last:
            del rows[name]
    assert after == before


def stamp(n: int) -> datetime:
    return day(BASE_DAYS + n)


def units(world: World) -> list[dict[str, Any]]:
    return world.q("SELECT * FROM {s}.wd_units ORDER BY bucket_start, column_name")


def same_as_scratch(world: World, folder: Path, context: str = "") -> None:
    """Every public view is what a first run on the same rows into an empty schema shows."""
    fresh = World(folder / "fresh")
    fresh.file.write_bytes(world.file.read_bytes())
    fresh.sql("DROP SCHEMA IF EXISTS drift CASCADE")
    Path(fresh.yml).write_text(Path(world.yml).read_text().replace(str(world.file), str(fresh.file)))
    fresh.run()
    assert_same(world.views(), fresh.views(), context)
