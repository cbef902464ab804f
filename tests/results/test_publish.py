"""What a reader sees: one run a unit and all of its rows, never a run that is unpublished, replaced or abandoned."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta

import pytest

from warehouse_drift.results import read, write
from warehouse_drift.results.tables import WHOLE_BASELINE


def counts(results) -> dict[str, int]:
    return {r["cell_key"]: r["n"] for r in results.q("SELECT cell_key, n FROM drift.wd_v_cells")}


def segments(results) -> dict[str, int]:
    return {r["segment"]: r["row_count"] for r in results.q("SELECT segment, row_count FROM drift.profile_history")}


def test_a_restated_unit_shows_the_new_run_only_with_its_fewer_values(results) -> None:
    results.cells("r1", 0, {"a": 5, "b": 3, "c": 3})
    results.publish("r1", 0)
    results.cells("r2", 0, {"a": 6, "b": 2})
    assert counts(results) == {"a": 5, "b": 3, "c": 3}, "not published yet"
    results.publish("r2", 0)
    assert counts(results) == {"a": 6, "b": 2}
    assert segments(results) == {"all": 8}


def test_a_restated_segment_unit_loses_values_too(results) -> None:
    results.cells("r1", 0, {"DE": 5, "FR": 3}, key="country")
    results.publish("r1", 0, key="country")
    results.cells("r2", 0, {"DE": 4}, key="country")
    results.publish("r2", 0, key="country")
    assert segments(results) == {"country=DE": 4}


def test_rows_without_a_publish_record_are_invisible(results) -> None:
    results.cells("r1", 0, {"a": 1})
    results.put("wd_results", results.result("r1", 0, "alert"))
    for view in ("wd_v_cells", "wd_v_profiles", "profile_history", "drift_history", "drift_latest", "drift_alerts", "drift_series"):
        assert results.q(f"SELECT * FROM drift.{view}") == [], view


def test_an_empty_bucket_replaces_a_full_one(results) -> None:
    results.cells("r1", 0, {"a": 1})
    results.publish("r1", 0)
    results.publish("r2", 0)
    assert counts(results) == {}
    assert len(results.q("SELECT * FROM drift.wd_v_units")) == 1


def test_the_newest_scan_wins_whatever_the_order_of_publishing(results) -> None:
    early, late = results.tick(), results.tick()
    results.cells("slow", 0, {"a": 1})
    results.cells("fast", 0, {"a": 2})
    results.publish("fast", 0, scan=late)
    results.publish("slow", 0, scan=early)
    assert counts(results) == {"a": 2}


def test_two_interleaved_runs_show_one_set_a_unit(results) -> None:
    """Any order of their steps gives, per unit, all rows of exactly one run; a tie goes to the larger run_id."""
    at = results.tick()
    for number, order in enumerate(itertools.permutations(["r1", "r1p", "r2", "r2p"])):
        if order.index("r1") > order.index("r1p") or order.index("r2") > order.index("r2p"):
            continue
        for step in order:
            run = f"{step[:2]}-{number}"
            if step.endswith("p"):
                results.publish(run, number, scan=at)
            else:
                results.cells(run, number, {"a": 1, "b": 1} if step == "r1" else {"a": 7})
        rows = results.q(f"SELECT cell_key, n, run_id FROM drift.wd_v_cells WHERE bucket_start = TIMESTAMP '{results.day(number)}'")
        assert [(r["cell_key"], r["n"], r["run_id"]) for r in rows] == [("a", 7, f"r2-{number}")]


def test_units_of_different_grids_and_segment_keys_do_not_replace_each_other(results) -> None:
    for grid, key in (("g1", ""), ("g2", ""), ("g1", "country")):
        results.cells("r1", 0, {"a": 1}, grid=grid, key=key)
        results.publish("r1", 0, grid=grid, key=key)
    assert len(results.q("SELECT * FROM drift.wd_v_cells")) == 3
    assert segments(results) == {"all": 1, "country=a": 1}
    assert len(results.q("SELECT * FROM drift.profile_history")) == 2, "one row a bucket and segment, of the newest scan"


def test_an_abandoned_run_disappears_and_the_one_before_returns(results) -> None:
    results.cells("r1", 0, {"a": 1})
    results.publish("r1", 0)
    results.decide("r1", 0, "ok")
    results.cells("r2", 0, {"a": 2})
    results.publish("r2", 0)
    results.decide("r2", 0, "alert")
    results.event("r2", "abandoned", monitor="other")
    assert counts(results) == {"a": 2}, "another monitor of the same run is not concerned"
    results.event("r2", "abandoned")
    assert counts(results) == {"a": 1}
    assert [r["decision"] for r in results.q("SELECT decision FROM drift.drift_history")] == ["ok"]
    assert results.q("SELECT * FROM drift.drift_alerts") == []


def test_a_window_decided_again_loses_rows_that_are_gone(results) -> None:
    write.publish_results(results.wh, "drift", [results.result("r1", 0, "ok"), results.result("r1", 0, "alert", column_name="gone")])
    results.decide("r2", 0, "warn")
    shown = results.q("SELECT column_name, decision, run_id FROM drift.drift_history")
    assert shown == [{"column_name": "c", "decision": "warn", "run_id": "r2"}]
    write.withdraw_window(results.wh, "drift", {k: v for k, v in results.result("r3", 0, "ok").items() if k in (*write.WINDOW, "run_id", "decided_at", "config_hash")})
    assert results.q("SELECT * FROM drift.drift_history") == []


def test_the_history_has_one_row_a_grain(results) -> None:
    for run in ("r1", "r2", "r3"):
        rows = [results.result(run, w, "ok", statistic=s, segment=g) for w in range(3) for s in ("psi", "ks") for g in ("all", "x=1")]
        write.publish_results(results.wh, "drift", rows)
    results.decide("r4", 0, "ok", baseline_version="b2")
    rows = results.q(f"SELECT {', '.join(write.GRAIN)}, row_key FROM drift.drift_history")
    assert len(rows) == 13 and len({r["row_key"] for r in rows}) == 13
    assert all(r["row_key"] == write.row_key(r) for r in rows)


def test_no_nan_no_infinity_and_no_null_where_forbidden(results) -> None:
    results.decide("r1", 0, "none", float("nan"), value_lower=float("-inf"), p_value=float("inf"))
    results.decide("r1", 1, "ok", 0.5, value_upper=float("inf"), statistic="ks")
    # and if something else wrote them: the view does not show them
    results.wh.execute("UPDATE drift.wd_results SET p_value = 'nan', alert_threshold = 'inf', value_lower = '-inf'", name="t")
    first, second = results.q("SELECT * FROM drift.drift_history ORDER BY window_start")
    assert (first["value"], first["value_lower"], first["p_value"]) == (None, None, None)
    assert first["severity"] is None and first["reason_code"] == "no_data"
    assert (second["value"], second["value_upper"], second["alert_threshold"]) == (0.5, 0.5, None)
    assert second["segment"] == "all" and second["segment_column"] is None and second["severity"] == 0


def test_latest_is_the_newest_complete_window(results) -> None:
    for w in range(3):
        results.decide("r1", w, "ok")
    results.decide("r1", 3, "alert", is_complete=False)
    results.decide("r1", 0, "warn", comparison="weekly")
    results.decide("r9", 2, "warn", baseline_version="b2")
    shown = results.q("SELECT comparison, window_start, baseline_version, decision FROM drift.drift_latest ORDER BY comparison")
    assert shown == [
        {"comparison": "daily", "window_start": results.day(2), "baseline_version": "b2", "decision": "warn"},
        {"comparison": "weekly", "window_start": results.day(0), "baseline_version": "b1", "decision": "warn"},
    ]


def test_monitors_and_projects_are_apart(results) -> None:
    results.decide("r1", 0, "ok")
    results.decide("r1", 0, "alert", project="other")
    results.decide("r2", 0, "warn", monitor="m2")
    shown = results.q("SELECT project, monitor, decision FROM drift.drift_history ORDER BY project, monitor")
    assert [tuple(r.values()) for r in shown] == [("other", "m", "alert"), ("p", "m", "ok"), ("p", "m2", "warn")]


def test_a_filter_reaches_the_tables(results) -> None:
    """Monitor and window_date are partition keys of the publish rule, so a filter on them is pushed into both scans."""
    for w in range(5):
        results.decide("r1", w, "ok")
        results.decide("r1", w, "ok", monitor="m2")
    sql = "EXPLAIN (FORMAT json) SELECT * FROM drift.drift_history WHERE monitor = 'm2' AND window_date = DATE '2025-01-02'"
    waiting, scans = json.loads(results.q(sql)[0]["explain_value"]), {}
    while waiting:
        node = waiting.pop()
        waiting += node["children"]
        if "Table" in node["extra_info"]:
            scans[node["extra_info"]["Table"].split(".")[-1]] = str(node["extra_info"].get("Filters"))
    for table in ("wd_results", "wd_windows"):
        assert "2025-01-02" in scans[table] and "monitor" in scans[table], scans


def test_profile_history_hides_the_whole_baseline_and_bad_numbers(results) -> None:
    results.cells("r1", 0, {"a": 4})
    results.publish("r1", 0)
    whole = (WHOLE_BASELINE - results.day(0)).days
    results.cells("r1", whole, {"a": 9})
    results.publish("r1", whole)
    results.wh.execute("UPDATE drift.wd_profiles SET mean = 'nan', stddev = 'inf', p50 = 3", name="t")
    (row,) = results.q("SELECT * FROM drift.profile_history")
    assert (row["mean"], row["stddev"], row["p50"], row["window_date"]) == (None, None, 3.0, results.day(0).date())


@pytest.mark.parametrize(("kind", "value", "shown"), [("value", "DE", "c=DE"), ("null", "", "c=<null>"), ("other", "", "c=<other>"), ("unseen", "", "c=<unseen>"), ("value", "other", "c=other")])
def test_segments_are_shown_apart(results, kind: str, value: str, shown: str) -> None:
    unit = {**results.base, "column_name": "c", "grid_id": "g1", "segment_key": "c", "bucket_start": results.day(0), "run_id": "r"}
    results.put("wd_profiles", {**unit, "segment_kind": kind, "segment_value": value, "column_kind": "numeric", "row_count": 1})
    results.publish("r", 0, key="c")
    assert segments(results) == {shown: 1}


def test_drift_bins_follow_their_window(results) -> None:
    row = results.result("r1", 0, "alert")
    key = {k: row[k] for k in (*write.WINDOW, "segment", "column_name", "run_id")}
    bins = [{**key, "bin_index": i, "bin_label": str(i), "bin_lower": None if i == 0 else float(i), "share_current": 0.5, "share_reference": 0.5, "contribution": 0.0} for i in range(2)]
    results.put("wd_bins", *[{**b, "run_id": "killed"} for b in bins])
    assert results.q("SELECT * FROM drift.drift_bins") == []
    write.publish_results(results.wh, "drift", [row], bins)
    shown = results.q("SELECT statistic, bin_index, bin_lower FROM drift.drift_bins ORDER BY bin_index")
    assert shown == [{"statistic": "psi", "bin_index": 0, "bin_lower": None}, {"statistic": "psi", "bin_index": 1, "bin_lower": 1.0}]


def test_runs_and_status(results) -> None:
    results.event("r1", "started", versions='{"x": 1}')
    assert [r["state"] for r in results.q("SELECT state FROM drift.run_history")] == ["running"]
    (status,) = read.status(results.wh, "drift")
    assert status["stale"] is True and status["decision"] == "none" and status["last_run_state"] == "running"
    write.publish_results(
        results.wh,
        "drift",
        [results.result("r1", 0, d, statistic=d) for d in ("ok", "warn", "alert", "none", "not_judged")],
    )
    results.event("r1", "finished", units_profiled=3, rows_scanned=100, decided=3, undecided=1)
    (run,) = results.q("SELECT * FROM drift.run_history")
    assert run["state"] == "finished" and run["finished_at"] > run["started_at"] and run["versions"] == '{"x": 1}'
    assert (run["units_profiled"], run["rows_scanned"], run["decided"], run["undecided"]) == (3, 100, 3, 1)
    (status,) = read.status(results.wh, "drift", "p")
    assert [status[f"{d}_count"] for d in ("ok", "warn", "alert", "none", "not_judged")] == [1] * 5
    assert status["decision"] == "alert" and status["open_incidents"] == 1 and status["last_window_end"] == results.day(1)
    assert status["stale"] is True, "2025 is long ago"
    assert read.run_state(results.wh, "drift", "r1", "p", "m") == "finished"
    assert read.run_state(results.wh, "drift", "r0", "p", "m") is None


def test_a_monitor_with_a_window_of_today_is_not_stale(results) -> None:
    today = read.now(results.wh).replace(hour=0, minute=0, second=0, microsecond=0)
    results.decide("r1", (today - results.day(0)).days - 1, "ok")
    assert read.status(results.wh, "drift")[0]["stale"] is False
    results.decide("r1", (today - results.day(0)).days - 9, "ok", comparison="old")
    assert read.status(results.wh, "drift")[0]["stale"] is True


def test_grids_and_baselines_of_the_first_run_count(results) -> None:
    grid = {**results.base, "column_name": "c", "column_kind": "numeric", "role": "feature", "status": "ok"}
    for run, name in (("r2", "late"), ("r1", "early")):
        at = results.clock + timedelta(seconds=5 if name == "late" else 1)
        results.put("wd_grid_bins", *[{**results.base, "column_name": "c", "grid_id": name, "bin_index": i, "bin_label": name, "run_id": run} for i in range(2)])
        results.put("wd_grids", {**grid, "grid_id": name, "run_id": run, "created_at": at, "spec": "{}"})
        results.put("wd_baselines", {**results.base, "baseline_counter": 1, "definition_hash": "d", "row_count": 5, "run_id": run, "created_at": at})
    results.event("r1", "abandoned")
    assert read.grids(results.wh, "drift", "p", "m", "b1")["c"]["grid_id"] == "early"
    assert [b["bin_label"] for b in read.grid_bins(results.wh, "drift", "p", "m", "b1", "c")["c"]] == ["early"] * 2
    assert [b["run_id"] for b in read.baselines(results.wh, "drift", "p", "m")] == ["r1"]
