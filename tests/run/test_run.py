"""What a run writes, against answers worked out from the raw rows."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from scipy import stats
from typer.testing import CliRunner

from warehouse_drift import verbs_run
from warehouse_drift.cli import app
from warehouse_drift.errors import WarehouseError
from warehouse_drift.pipeline import facts, profile, windows
from warehouse_drift.pipeline import run as running
from warehouse_drift.plan.explain import as_dict
from warehouse_drift.results import read as reading
from warehouse_drift.results.vacuum import Retention, vacuum
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse

from .conftest import BASE_DAYS, OWN_TO_A_RUN, World, assert_same, day, rows_of, scratch

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
    made.known = made.history()
    made.bins = made.q("SELECT * FROM {s}.drift_bins ORDER BY bin_index")
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
    wanted = {"column_name": column, "comparison": comparison, "window_start": day(BASE_DAYS + n), "segment": segment}
    found = [b for b in ran.bins if all(b[k] == v for k, v in wanted.items())]
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
    assert_same(world.views(), scratch(world, folder).views(), context)


@pytest.fixture
def world(ran_small: World, tmp_path: Path) -> World:
    """A copy of a small world that has run: two weeks of baseline, six days, the last of them not over."""
    made = World.__new__(World)
    made.folder, made.types, made.result_schema = tmp_path, dict(ran_small.types), "drift"
    made.file, made.yml, made.columns = tmp_path / "x.duckdb", str(tmp_path / "drift.yml"), ["x", "k", "c"]
    made.file.write_bytes(ran_small.file.read_bytes())
    made.configure()
    return made


@pytest.fixture(scope="module")
def ran_small(tmp_path_factory: pytest.TempPathFactory) -> World:
    made = World(tmp_path_factory.mktemp("small"))
    made.insert(BASE)
    made.insert([r for n in range(6) for r in AFTER[n]])
    made.run()
    return made


NEWEST = BASE_DAYS + 5
"""The day that is not over in ``world``."""


def test_a_new_bucket_is_the_only_one_that_is_scanned(world: World) -> None:
    known = units(world)
    world.insert(AFTER[6])
    planned = as_dict(world.plan())["monitors"][0]
    assert [b["start"][:10] for b in planned["units"]["buckets"]] == [f"{day(NEWEST):%Y-%m-%d}"]
    assert planned["units"]["late_buckets"] == []
    result = world.run()
    now = units(world)
    assert now[: len(known)] == known
    assert {u["bucket_start"] for u in now[len(known) :]} == {day(NEWEST)}
    assert {u["rows_scanned"] for u in now[len(known) :]} == {len(AFTER[5])}
    assert result.monitors[0].rows_scanned == len(AFTER[5])
    assert [w.span.start for w in result.monitors[0].windows] == [day(NEWEST)]


def late_world(world: World, **config: Any) -> World:
    """``world`` with a late horizon of three buckets, daily against the baseline and against the day before."""
    shape: Any = {
        "timestamp": {"column": "ts", "late": 3},
        "comparisons": [
            {"name": "daily", "window": "day", "k_of_n": "2 of 3"},
            {"name": "day_on_day", "window": "day", "against": "previous"},
        ],
    }
    world.configure(**(shape | config))
    world.run()
    return world


def decided(result: Any, comparison: str = "daily") -> list[int]:
    """Days after the baseline whose windows a run decided."""
    return [(w.span.start - day(BASE_DAYS)).days for w in result.monitors[0].windows if w.comparison == comparison]


@pytest.mark.slow
def test_late_rows_restate_a_bucket_and_all_that_hangs_on_it(world: World, tmp_path: Path) -> None:
    late_world(world)
    quiet = world.run()
    assert (quiet.monitors[0].units, quiet.monitors[0].windows, quiet.monitors[0].unchanged) == (0, [], 3)
    world.insert(rows_of([BASE_DAYS + 2], 30, seed=9, shift=4.0))
    result = world.run()
    # the day itself, and the two days whose "2 of 3" looks back at it; the next day has it as its reference
    assert decided(result) == [2, 3, 4]
    assert decided(result, "day_on_day") == [2, 3, 4]
    assert {u["bucket_start"] for u in units(world) if u["run_id"] == result.run_id} == {day(BASE_DAYS + 2)}
    same_as_scratch(world, tmp_path)


@pytest.mark.slow
def test_a_late_bucket_that_becomes_empty_and_is_filled_again(world: World, tmp_path: Path) -> None:
    late_world(world)
    where = f"ts >= '{day(BASE_DAYS + 3)}' AND ts < '{day(BASE_DAYS + 4)}'"
    world.sql(f"DELETE FROM t WHERE {where}")
    world.run()
    assert world.value(":table", "row_count", BASE_DAYS + 3)["value"] == 0.0
    same_as_scratch(world, tmp_path)
    world.insert(AFTER[3])
    world.run()
    assert world.value(":table", "row_count", BASE_DAYS + 3)["value"] == pytest.approx(1.0)
    same_as_scratch(world, tmp_path)


@pytest.mark.slow
def test_a_restatement_that_keeps_count_sum_and_range_is_seen(world: World, tmp_path: Path) -> None:
    late_world(world)
    rows = [AFTER[4][0] | {"id": -i, "x": 9.5 + v / 1000} for i, v in enumerate([1, 3, 7, 9])]  # all in one cell
    world.insert(rows)
    world.run()
    world.sql("UPDATE t SET x = 9.505 WHERE id IN (-1, -2)")
    assert world.run().monitors[0].unchanged == 2
    same_as_scratch(world, tmp_path)


def test_a_changed_threshold_decides_everything_again_without_the_source(world: World, tmp_path: Path) -> None:
    before = world.value("x", "psi", BASE_DAYS + 3)
    assert before["severity"] == 1  # "2 of 3" days: the first alert is a warning
    world.configure(thresholds={"psi": {"warn": 50, "alert": 60}})
    read: list[str] = []
    original = Warehouse._running

    @contextmanager
    def running(self: Warehouse, sql: str, name: str) -> Iterator[Any]:
        if re.search(r'(FROM|JOIN) "?(main"?\.)?"?t"? ', sql):
            read.append(name)
        with original(self, sql, name) as result:
            yield result

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Warehouse, "_running", running)
        result = world.run()
    assert set(read) <= {"newest row", "rows without a usable time", "columns of t"}
    assert result.monitors[0].rows_scanned == 0
    assert decided(result) == [0, 1, 2, 3, 4]
    after = world.value("x", "psi", BASE_DAYS + 3)
    assert (after["decision"], after["warn_threshold"]) == ("ok", 50.0)
    assert after["value"] != before["value"], "another limit merges other bins"
    own = {*OWN_TO_A_RUN, "threshold_source"}  # it names the file
    assert_same(world.views(without=own), scratch(world, tmp_path).views(without=own))


@pytest.mark.slow
def test_backfill_sees_what_lies_beyond_the_horizon(world: World, tmp_path: Path) -> None:
    world.insert(rows_of([BASE_DAYS + 1], 60, seed=8, shift=3.0))
    before = world.views()
    world.run()
    assert_same(world.views(), before, "beyond the horizon nothing is seen")
    result = world.backfill(BASE_DAYS + 1, BASE_DAYS + 2)
    assert decided(result) == [1, 2, 3]
    assert {u["bucket_start"] for u in units(world) if u["run_id"] == result.run_id} == {day(BASE_DAYS + 1)}
    same_as_scratch(world, tmp_path)


def test_baseline_refresh_begins_a_new_version_and_keeps_the_old_history(world: World) -> None:
    old = world.views()
    version = {r["baseline_version"] for r in old["drift_history"]}
    world.insert(rows_of(range(BASE_DAYS), 40, seed=5, shift=1.0))
    result = verbs_run.refresh_baseline(world.yml)
    assert not result.failed
    now = world.views()
    assert [r for r in now["drift_history"] if r["baseline_version"] in version] == old["drift_history"]
    newer = {r["baseline_version"] for r in now["drift_history"]} - version
    assert [v.rsplit("-", 1)[1] for v in (*version, *newer)] == ["1", "2"]
    assert {r["baseline_version"] for r in now["drift_latest"]} == newer
    row = next(r for r in now["drift_latest"] if r["column_name"] == "x" and r["statistic"] == "missing_rate_change")
    rows = [r for r in [*BASE, *rows_of(range(BASE_DAYS), 40, seed=5, shift=1.0)]]
    missing = 1 - len(values(rows, "x")) / len(rows)
    assert row["value"] == pytest.approx(1 - len(values(AFTER[4], "x")) / len(AFTER[4]) - missing, abs=1e-12)
    assert world.run().monitors[0].windows == []


def test_a_column_that_vanishes_and_one_that_appears(world: World) -> None:
    world.configure(columns=["x", "k", {"match": "c*"}, {"match": "z*"}])
    world.sql("ALTER TABLE t DROP COLUMN c")
    world.sql("ALTER TABLE t ADD COLUMN zz DOUBLE")
    del world.types["c"]
    world.insert([{k: v for k, v in r.items() if k != "c"} | {"zz": 1.5} for r in AFTER[6]])
    world.run()
    found = {r["column_name"]: r for r in world.history(f"window_start = TIMESTAMP '{day(NEWEST)}' AND statistic = 'column_state'")}
    assert (found["zz"]["decision"], found["zz"]["reason_code"]) == ("none", "no_baseline")
    assert world.value("x", "psi", NEWEST)["value"] is not None
    world.configure(columns=["x", "k", "c"])
    world.insert([{k: v for k, v in r.items() if k != "c"} for r in AFTER[7]])
    world.run()
    row = world.value("c", "column_state", NEWEST + 1)
    assert (row["decision"], row["reason_code"], row["value"]) == ("alert", "column_missing", None)


def test_a_type_that_changes(world: World) -> None:
    world.sql("ALTER TABLE t ALTER COLUMN k TYPE VARCHAR")
    world.types["k"] = "VARCHAR"
    world.insert(AFTER[6])
    world.run()
    row = world.value("k", "column_state", NEWEST)
    assert (row["decision"], row["reason_code"]) == ("none", "type_changed")
    assert world.value("x", "psi", NEWEST)["value"] is not None


def test_an_empty_bucket_is_published_and_alerts_by_its_rows(world: World) -> None:
    world.insert(AFTER[7])  # the sixth day after the baseline has no row
    world.run()
    empty = [u for u in units(world) if u["bucket_start"] == day(NEWEST + 1)]
    assert {u["column_name"] for u in empty} == {"x", "k", "c", ":table"}
    assert {u["rows_scanned"] for u in empty} == {0}
    row = world.value(":table", "row_count", NEWEST + 1)
    assert (row["value"], row["n_current"], row["decision"]) == (0.0, 0, "warn")  # an alert, once it is "2 of 3"
    others = world.history(f"window_start = TIMESTAMP '{day(NEWEST + 1)}' AND column_name <> ':table'")
    assert {(r["decision"], r["reason_code"], r["value"]) for r in others} == {("none", "no_data", None)}
    assert {r["statistic"] for r in others} >= {"psi", "ks", "missing_rate_change", "unseen_rate"}


def test_future_rows_and_rows_without_a_time_are_counted(world: World) -> None:
    before = world.views()
    world.insert([r | {"ts": None} for r in AFTER[6][:7]])
    world.insert([r | {"ts": datetime(2999, 1, 1)} for r in AFTER[6][:4]])
    planned = world.plan().monitors[0]
    assert (planned.null_times, planned.future_rows) == (7, 4)
    world.run()
    assert_same(world.views(), before, "they belong to no bucket")


def test_one_failing_monitor_does_not_stop_the_others(world: World) -> None:
    world.configure(
        world.monitor(name="broken", relation="no_such_table"),
        world.monitor(name="dividing", columns=[{"name": "bad", "expression": "CAST(c AS INTEGER)", "kind": "numeric"}]),
        world.monitor(name="m2"),
    )
    result = verbs_run.run(world.yml)
    assert [m.name for m in result.failed] == ["broken", "dividing"]
    assert all(m.failed and "Traceback" not in m.failed for m in result.failed)
    shown = {r["monitor"] for r in world.history()}
    assert shown == {"m", "m2"}
    done = CliRunner().invoke(app, ["run", "-c", world.yml])
    assert done.exit_code == 2
    assert {r["state"] for r in world.q("SELECT state FROM {s}.run_history WHERE monitor = 'dividing'")} == {"failed"}


@pytest.mark.slow
def test_snapshots_without_a_timestamp(worlds: Any) -> None:
    world = worlds("snapshots")
    world.sql("CREATE TABLE base AS SELECT * FROM t")
    world.insert(BASE, "base")
    world.configure(
        timestamp=None,
        baseline={"relation": "base"},
        comparisons=[{"name": "daily"}, {"name": "change", "against": "previous"}],
    )
    snapshots = {10: AFTER[0], 11: AFTER[3], 14: AFTER[3] + AFTER[4]}
    before: list[Any] = []
    for d, rows in snapshots.items():
        world.sql("DELETE FROM t")
        world.insert(rows)
        world.run(as_of=f"2025-06-{d}")
        row = world.q(f"SELECT * FROM {{s}}.drift_history WHERE window_date = DATE '2025-06-{d}' AND column_name = 'x' AND statistic = 'ks' AND comparison = 'daily'")[0]
        truth = stats.ks_2samp(values(BASE, "x"), values(rows, "x"), method="asymp").statistic
        assert row["value_lower"] - 1e-9 <= truth <= row["value_upper"] + 1e-9
        assert row["n_current"] == len(values(rows, "x"))
        change = world.q(f"SELECT * FROM {{s}}.drift_history WHERE window_date = DATE '2025-06-{d}' AND column_name = ':table' AND statistic = 'row_count' AND comparison = 'change'")[0]
        if before:
            assert change["value"] == pytest.approx(len(rows) / len(before))
        else:
            assert (change["value"], change["reason_code"]) == (None, "no_data")
        before = rows
    shown = {r["bucket_start"].day for r in world.q("SELECT * FROM {s}.profile_history")}
    assert shown == set(snapshots)
    views = world.views()
    world.run(as_of="2025-06-14")
    assert_same(world.views(), views)


@pytest.mark.parametrize("kind", ["INTEGER", *(pytest.param(k, marks=pytest.mark.slow) for k in ("VARCHAR", "DATE"))])
def test_days_written_as_numbers_or_texts(worlds: Any, kind: str) -> None:
    world = worlds("days", types={"id": "BIGINT", "x": "DOUBLE", "ds": kind})
    data = [r for some in (BASE, *(AFTER[n] for n in range(4))) for r in some]
    write = {"INTEGER": lambda t: int(f"{t:%Y%m%d}"), "VARCHAR": lambda t: f"{t:%Y%m%d}", "DATE": lambda t: t.date()}[kind]
    world.insert([{"id": r["id"], "x": r["x"], "ds": write(r["ts"])} for r in data])
    column = {"column": "ds", "late": 0} | ({} if kind == "DATE" else {"format": "yyyymmdd"})
    world.configure(timestamp=column | {"time_zone": "Europe/Berlin"}, columns=["x"])
    world.run()
    found = world.history("column_name = 'x' AND statistic = 'ks'")
    assert [r["window_date"] for r in sorted(found, key=lambda r: r["window_start"])] == [day(BASE_DAYS + n).date() for n in range(3)]
    for r in found:
        n = (r["window_date"] - day(BASE_DAYS).date()).days
        truth = stats.ks_2samp(values(BASE, "x"), values(AFTER[n], "x"), method="asymp").statistic
        assert r["value_lower"] - 1e-9 <= truth <= r["value_upper"] + 1e-9
        assert r["n_current"] == len(values(AFTER[n], "x"))


@pytest.mark.slow
def test_local_days_over_a_change_of_clocks(worlds: Any) -> None:
    """Berlin goes from +01 to +02 on 30 March 2025; the column is naive UTC. The days are worked out with zoneinfo."""
    berlin = ZoneInfo("Europe/Berlin")
    world = worlds("zone")
    data = [r for some in (BASE, *(AFTER[n] for n in range(15))) for r in some]
    world.insert(data)
    world.configure(timestamp={"column": "ts", "late": 0, "time_zone": "Europe/Berlin", "naive": "utc"}, columns=["x"])
    world.run()

    def local(r: dict[str, Any]) -> Any:
        return r["ts"].replace(tzinfo=ZoneInfo("UTC")).astimezone(berlin).date()

    base = [r for r in data if day(0).date() <= local(r) < day(BASE_DAYS).date()]
    found = {r["window_date"]: r for r in world.history("column_name = 'x' AND statistic = 'ks'")}
    spring = datetime(2025, 3, 30).date()
    assert found[spring]["window_end"] - found[spring]["window_start"] == timedelta(hours=23)
    assert len(found) == 14
    for date, r in found.items():
        mine = [v for v in data if local(v) == date]
        truth = stats.ks_2samp(values(base, "x"), values(mine, "x"), method="asymp").statistic
        assert (r["n_reference"], r["n_current"]) == (len(values(base, "x")), len(values(mine, "x")))
        assert r["value_lower"] - 1e-9 <= truth <= r["value_upper"] + 1e-9


@pytest.mark.slow
def test_a_baseline_that_is_another_relation(worlds: Any, tmp_path: Path) -> None:
    world = worlds("other")
    world.sql("CREATE TABLE base AS SELECT * FROM t")
    world.insert(BASE, "base")
    world.insert([r for n in range(4) for r in AFTER[n]])
    world.configure(baseline={"relation": "base"}, segments=["seg"])
    world.run()
    assert {r["window_start"] for r in world.history()} == {day(BASE_DAYS + n) for n in range(3)}
    for segment in SEGMENTS:
        row = world.value("x", "ks", BASE_DAYS + 2, segment=segment)
        reference, current = (values(part(rows, segment), "x") for rows in (BASE, AFTER[2]))
        truth = stats.ks_2samp(reference, current, method="asymp").statistic
        assert row["value_lower"] - 1e-9 <= truth <= row["value_upper"] + 1e-9
    world.configure(
        baseline={"relation": "base"}, segments=["seg"],
        comparisons=[{"name": "daily", "window": "day"}, {"name": "later", "window": "day"}],
    )  # fmt: skip
    world.run()
    same_as_scratch(world, tmp_path, "a comparison that is added later begins where the rows begin")


@pytest.mark.slow
def test_exact_values_equal_scipy(ran: World, tmp_path: Path) -> None:
    world = copied(ran, tmp_path)
    world.configure(comparisons=COMPARISONS, segments=["seg"], precision="exact")
    world.backfill(BASE_DAYS + 3, BASE_DAYS + 6)
    for comparison, n in (("daily", 3), ("daily", 5), ("day_on_day", 4), ("weekly", 0)):
        for segment in SEGMENTS:
            reference, current = (values(part(rows, segment), "x") for rows in pair_of(comparison, n))
            for statistic, truth in (
                ("ks", stats.ks_2samp(reference, current, method="asymp").statistic),
                ("wasserstein", stats.wasserstein_distance(reference, current)),
            ):
                row = world.value("x", statistic, BASE_DAYS + n, segment=segment, comparison=comparison)
                assert (row["precision"], row["value"]) == ("exact", pytest.approx(truth, rel=1e-9, abs=1e-9))


@pytest.mark.parametrize("budget", [None, 0])
def test_refinement_only_where_it_decides_and_within_its_budget(world: World, budget: int | None) -> None:
    known = world.value("x", "ks", BASE_DAYS + 3)
    assert known["value_lower"] < known["value_upper"]
    between = (known["value_lower"] + known["value_upper"]) / 2
    world.configure(thresholds={"ks": {"alert": between}}, refine_budget=budget)
    result = world.backfill(BASE_DAYS + 3, BASE_DAYS + 4)
    row = world.value("x", "ks", BASE_DAYS + 3)
    truth = stats.ks_2samp(values(BASE, "x"), values(AFTER[3], "x"), method="asymp").statistic
    if budget is None:
        assert row["value"] == row["value_lower"] == row["value_upper"] == pytest.approx(truth, abs=1e-9)
        assert row["decision"] == ("warn" if truth >= between else "ok")  # an alert, once it is "2 of 3"
        assert 0 < result.monitors[0].refined_rows < len(BASE) + len(AFTER[3])
    else:
        assert (row["decision"], row["reason_code"]) == ("none", "not_refinable")
        assert (row["value_lower"], row["value_upper"]) == (known["value_lower"], known["value_upper"])
        assert result.monitors[0].refined_rows == 0


@pytest.mark.slow
def test_a_column_that_is_added_to_the_configuration(world: World, tmp_path: Path) -> None:
    """Its grid and noise belong to the same baseline version; past windows get it by a backfill."""
    world.configure(columns=["x", "k"], comparisons=COMPARISONS[:1])
    late_world(world, columns=["x"], comparisons=COMPARISONS[:1])
    world.configure(columns=["x", "c"], timestamp={"column": "ts", "late": 3}, comparisons=COMPARISONS[:1])
    world.insert(AFTER[6])
    world.run()
    assert world.value("c", "psi", NEWEST)["value"] is not None
    world.backfill(BASE_DAYS, NEWEST + 1)
    mine = world.views()
    for rows in mine.values():
        rows[:] = [r for r in rows if r.get("column_name") != "k"]
    assert_same(mine, scratch(world, tmp_path).views())


@pytest.mark.slow
def test_a_window_whose_cells_have_expired_is_profiled_again(world: World) -> None:
    """A week is decided again for one restated day; the cells of its other days were past their retention."""
    world.insert([r for n in range(6, 15) for r in AFTER[n]])
    world.configure(comparisons=COMPARISONS[:2])
    world.run()
    with open_warehouse(f"duckdb:///{world.file}") as warehouse:
        gone = vacuum(warehouse, "drift", now=datetime(2030, 1, 1), retention=Retention(cells=timedelta(days=35)))
    assert gone.expired["wd_cells"] > 0
    more = rows_of([BASE_DAYS + 1], 60, seed=8, shift=3.0)
    world.insert(more)
    world.backfill(BASE_DAYS + 1, BASE_DAYS + 2)
    reference, current = pair_of("weekly", 0)
    row = world.value("x", "ks", BASE_DAYS, comparison="weekly")
    mine = values(current, "x") + values(more, "x")
    assert (row["n_reference"], row["n_current"]) == (len(values(reference, "x")), len(mine))
    truth = stats.ks_2samp(values(reference, "x"), mine, method="asymp").statistic
    assert row["value_lower"] - 1e-9 <= truth <= row["value_upper"] + 1e-9


@pytest.mark.parametrize("per_bucket", [1_000, pytest.param(10_000, marks=pytest.mark.slow), pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_stored_profile_keeps_its_promised_size(worlds: Any, per_bucket: int) -> None:
    """Rows per (bucket, segment, column) are at most min(n, K + 8); K is 100 up to 1,000 rows a bucket, and a tenth of them
    above, to 1,000."""
    world = worlds("size", types={"ts": "TIMESTAMP", "n": "DOUBLE", "p": "DOUBLE", "i": "BIGINT", "c": "VARCHAR"})
    days = 6
    world.sql(
        f"""INSERT INTO t SELECT TIMESTAMP '{day(0)}' + INTERVAL 1 SECOND * ((r * 86399 // {per_bucket}) % 86400 + 86400 * (r // {per_bucket})),
            sqrt(-2 * ln(u1)) * cos(6.283185307179586 * u2), 1 / u1, CAST(floor(40 * u2 * u1) AS BIGINT), chr(97 + CAST(floor(20 * u1 * u1) AS INTEGER))
        FROM (SELECT r, (hash(r) % 1000003 + 1) / 1000004.0 AS u1, (hash(r + 7000000000) % 1000003 + 1) / 1000004.0 AS u2 FROM range({per_bucket * days}) AS s(r))"""
    )
    world.configure(columns=["n", "p", "i", "c"], baseline={"from": f"{day(0):%Y-%m-%d}", "to": f"{day(3):%Y-%m-%d}"})
    world.run()
    k = min(1000, max(100, per_bucket // 10))
    stored = world.q("SELECT bucket_start, column_name, COUNT(*) AS cells, SUM(n) AS n FROM {s}.wd_v_cells GROUP BY ALL")
    assert {r["bucket_start"] for r in stored} >= {day(n) for n in range(5)}
    assert all(r["cells"] <= min(r["n"], k + 8) for r in stored), max(stored, key=lambda r: r["cells"])
    ours = sum(r["cells"] for r in stored if r["bucket_start"] >= day(0))
    source = 4 * per_bucket * len({r["bucket_start"] for r in stored if r["bucket_start"] >= day(0)})
    assert ours <= source * {1_000: 0.11, 10_000: 0.10, 100_000: 0.011}[per_bucket]


def test_results_that_are_too_many_come_in_turns(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same windows, first measured and then decided again, a few columns and a few segments at a time."""
    world.configure(segments=["seg"])
    verbs_run.refresh_baseline(world.yml)
    whole = [r for r in world.views(["drift_history"])["drift_history"] if r["baseline_version"].endswith("-2")]
    monkeypatch.setattr(windows, "ROWS", 12)
    monkeypatch.setattr(reading, "TURN", 40)
    verbs_run.refresh_baseline(world.yml)
    world.configure(segments=["seg"], thresholds={"psi": {"alert": 50}})
    world.run()
    world.configure(segments=["seg"])
    world.run()
    again = world.views(["drift_history"])["drift_history"]
    newer = max(r["baseline_version"] for r in again)
    own = {"baseline_version", "row_key", "grid_id"}

    def bare(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        found = [{k: v for k, v in r.items() if k not in own} for r in rows]
        return sorted(found, key=lambda r: [str(r[k]) for k in ("window_start", "segment", "column_name", "statistic")])

    assert_same({"h": bare([r for r in again if r["baseline_version"] == newer])}, {"h": bare(whole)})


def test_segments_that_are_added_wait_for_a_new_baseline(world: World) -> None:
    world.configure(segments=["seg"])
    world.insert(AFTER[6])
    world.run()
    found = world.history(f"window_start = TIMESTAMP '{day(NEWEST)}' AND statistic = 'column_state'")
    assert {(r["column_name"], r["decision"], r["reason_code"]) for r in found} == {(c, "none", "grid_changed") for c in ("x", "k", "c")}
    assert "baseline refresh" in found[0]["reason"]
    assert world.run().monitors[0].units == 0
    verbs_run.refresh_baseline(world.yml)
    rows = [r for r in world.history(f"window_start = TIMESTAMP '{day(NEWEST)}' AND segment = 'seg=a' AND column_name = 'x' AND statistic = 'psi'")]
    assert [r["n_current"] for r in rows] == [len(values(part(AFTER[5], "seg=a"), "x"))]


def test_an_id_survives_a_rename(worlds: Any) -> None:
    """Results carry the monitor's name; with an id the history follows it to a new one."""
    here: World = worlds("renamed")
    here.insert(rows_of(range(BASE_DAYS + 4)))
    asked = "SELECT window_start, column_name, segment, statistic, value FROM {s}.drift_history ORDER BY ALL"
    here.configure(here.monitor() | {"id": "fraud-1"})
    here.run()
    before = here.q(asked)
    assert before and {r["monitor"] for r in here.q("SELECT monitor FROM {s}.drift_history")} == {"m"}
    here.configure(here.monitor() | {"id": "fraud-1", "name": "renamed"})
    again = here.run()
    assert here.q(asked) == before
    assert [r["monitor"] for r in here.q("SELECT monitor FROM {s}.monitor_status")] == ["renamed"]
    assert again.monitors[0].windows == [], "nothing is computed anew"
    assert again.monitors[0].units == 0


def test_another_window_under_the_same_name_has_its_own_noise(world: World, tmp_path: Path) -> None:
    """Two weeks of baseline give 14 daily windows and 2 weekly ones: limits raised by the first are none of the second."""
    for n in (6, 7):
        world.insert(AFTER[n])
    daily = world.run()
    assert daily.monitors[0].noise["daily"][("all", "x", "psi")][1] == 14
    before = world.history()
    world.configure(comparisons=[{"name": "daily", "window": "week"}])
    weekly = world.run()
    assert weekly.monitors[0].noise["daily"][("all", "x", "psi")][1] == 2 and weekly.monitors[0].units == 0
    wanted = scratch(world, tmp_path).views(["drift_history"])["drift_history"]
    ours = [r for r in world.views(["drift_history"])["drift_history"] if (r["window_end"] - r["window_start"]).days == 7]
    assert wanted and {r["granularity"] for r in wanted} == {"week"}
    assert_same({"h": ours}, {"h": wanted})
    kept = [r for r in world.history() if r["granularity"] == "day"]
    assert sorted(map(str, kept)) == sorted(map(str, before)), "what was decided by days stays as it was"
    assert world.run().monitors[0].windows == []
    world.configure()
    again = world.run().monitors[0]
    assert again.noise["daily"][("all", "x", "psi")][1] == 14 and again.windows == [], "back again: nothing is measured twice"


@pytest.mark.parametrize("turned", [False, True])
def test_windows_of_two_lengths_that_begin_together_are_both_known(monkeypatch: pytest.MonkeyPatch, turned: bool) -> None:
    """In whichever order the warehouse gives them."""
    decided = {"comparison": "daily", "window_start": day(14), "decided_at": day(30), "config_hash": "h"}
    rows = [decided | {"window_end": day(15)}, decided | {"window_end": day(21)}]
    monkeypatch.setattr(reading, "decided_windows", lambda *key, **given: rows[::-1] if turned else rows)
    monkeypatch.setattr(facts._Base, "newest_windows", lambda self, baseline: ())
    nobody: Any = SimpleNamespace(project="p", monitor_id="m", version="b")
    known = facts._Base(nobody, nobody, "drift", True).windows(nobody, day(0))
    assert {(w.start, w.end) for w in known} == {(day(14), day(15)), (day(14), day(21))}


def test_a_window_decided_while_another_run_publishes_and_fails_is_decided_again(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Run A scans a day, run B decides the day's window on the old cells, A publishes and fails before it decides."""
    late = BASE_DAYS + 2
    world.run()
    world.insert(rows_of([late], seed=7, shift=3.0))
    between: list[int] = []
    store, decide = profile.store, running._windows

    def publishes(*args: Any, **more: Any) -> int:
        if not between:
            between.append(1)
            world.configure(thresholds={"ks": {"warn": 0.01, "alert": 50}})
            assert [w.span.start for w in world.run().monitors[0].windows], "B decides again by other rules"
        return store(*args, **more)

    def fails(*args: Any, **more: Any) -> None:
        if between == [1, 2]:
            raise WarehouseError("the connection is gone")
        decide(*args, **more)
        if between:
            between.append(2)

    monkeypatch.setattr(profile, "store", publishes)
    monkeypatch.setattr(running, "_windows", fails)
    failed = verbs_run.backfill(world.yml, f"{day(late):%Y-%m-%d}", f"{day(late + 1):%Y-%m-%d}")
    assert between == [1, 2] and "connection is gone" in failed.monitors[0].failed
    monkeypatch.undo()
    assert world.value("x", "psi", late)["n_current"] < 100, "B saw the old cells, and nothing has corrected it yet"
    world.run()
    own = {*OWN_TO_A_RUN, "threshold_source"}  # it names the file
    assert_same(world.views(["drift_history"], without=own), scratch(world, tmp_path).views(["drift_history"], without=own))
    assert world.run().monitors[0].windows == []
