"""Vacuum takes nothing that a reader sees, and nothing of a run that is alive."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from warehouse_drift.results import read, vacuum, write
from warehouse_drift.results.views import PUBLIC


def views(results) -> dict[str, Any]:
    hidden = ("stale",)
    return {
        v.name: sorted(str({k: x for k, x in r.items() if k not in hidden}) for r in results.q(f"SELECT * FROM drift.{v.name}"))
        for v in PUBLIC
    }


def size(results, table: str) -> int:
    return int(results.q(f"SELECT COUNT(*) AS n FROM drift.{table}")[0]["n"])


def withdraw(results, run: str, window: int) -> None:
    row = results.result(run, window, "ok")
    write.withdraw_window(results.wh, "drift", {k: row[k] for k in (*write.WINDOW, "run_id", "decided_at", "config_hash")})


def test_replaced_rows_go_and_views_stay(results) -> None:
    for run in ("r1", "r2"):
        results.event(run, "started")
        for b in range(3):
            results.cells(run, b, {"a": 5, "b": 1})
            results.publish(run, b)
            results.decide(run, b, "alert")
        results.event(run, "heartbeat")
        results.event(run, "finished")
    before = views(results)
    done = vacuum.vacuum(results.wh, "drift", now=results.tick(), dry_run=True)
    assert done.unseen["wd_cells"] == 6 and size(results, "wd_cells") == 12
    done = vacuum.vacuum(results.wh, "drift", now=results.tick())
    assert done.abandoned == () and done.unseen["wd_cells"] == 6 and done.unseen["wd_units"] == 3 and done.unseen["wd_results"] == 3
    assert size(results, "wd_cells") == 6 and size(results, "wd_windows") == 3 and done.unseen["wd_run_events"] == 2
    assert views(results) == before
    assert sum(vacuum.vacuum(results.wh, "drift", now=results.tick()).unseen.values()) == 0


def test_a_run_that_is_alive_is_left_alone(results) -> None:
    results.event("r1", "started")
    results.cells("r1", 0, {"a": 5})
    done = vacuum.vacuum(results.wh, "drift", now=results.clock + timedelta(hours=23))
    assert done.abandoned == () and size(results, "wd_cells") == 1
    results.publish("r1", 0)
    assert len(results.q("SELECT * FROM drift.wd_v_cells")) == 1


def test_what_a_living_run_has_replaced_returns_when_it_is_abandoned(results) -> None:
    results.event("r1", "started")
    results.cells("r1", 0, {"a": 1})
    results.publish("r1", 0)
    for w in (0, 1):
        results.decide("r1", w, "alert")
    results.event("r1", "finished")
    before = views(results)
    results.event("r2", "started")
    results.cells("r2", 0, {"a": 2})
    results.publish("r2", 0)
    results.decide("r2", 0, "ok")
    withdraw(results, "r2", 1)
    done = vacuum.vacuum(results.wh, "drift", now=results.tick())
    assert sum(done.unseen.values()) == 0
    assert vacuum.vacuum(results.wh, "drift", now=results.clock + timedelta(hours=25)).abandoned == (("r2", "p", "m"),)
    hidden = {"run_history", "monitor_status"}
    assert {k: v for k, v in views(results).items() if k not in hidden} == {k: v for k, v in before.items() if k not in hidden}


def test_a_withdrawn_window_stays_withdrawn(results) -> None:
    """Also where the run that decided it is still alive, so that its record stays."""
    results.event("r1", "started")
    results.decide("r1", 0, "alert")
    results.event("r2", "started")
    withdraw(results, "r2", 0)
    results.event("r2", "finished")
    vacuum.vacuum(results.wh, "drift", now=results.tick())
    assert results.q("SELECT * FROM drift.drift_history") == []
    results.event("r1", "finished")
    vacuum.vacuum(results.wh, "drift", now=results.tick())
    assert results.q("SELECT * FROM drift.drift_history") == [] and size(results, "wd_results") == 0


def test_a_silent_run_is_abandoned_and_its_rows_go(results) -> None:
    results.event("r0", "started")
    results.cells("r0", 0, {"a": 1})
    results.publish("r0", 0)
    results.event("r0", "finished")
    results.event("r1", "started")
    results.event("r1", "heartbeat")
    results.cells("r1", 0, {"a": 2})
    results.publish("r1", 0)
    results.cells("r1", 1, {"a": 3})
    late = results.clock + timedelta(hours=25)
    dry = vacuum.vacuum(results.wh, "drift", now=late, dry_run=True)
    assert dry.abandoned == (("r1", "p", "m"),)
    assert results.q("SELECT n FROM drift.wd_v_cells") == [{"n": 2}]
    done = vacuum.vacuum(results.wh, "drift", now=late)
    assert done.abandoned == (("r1", "p", "m"),) and done.unseen["wd_cells"] == 2
    assert results.q("SELECT n, run_id FROM drift.wd_v_cells") == [{"n": 1, "run_id": "r0"}]
    states = {r["run_id"]: r["state"] for r in results.q("SELECT run_id, state FROM drift.run_history")}
    assert states == {"r0": "finished", "r1": "abandoned"}
    results.publish("r1", 1)
    assert len(results.q("SELECT * FROM drift.wd_v_units")) == 1, "a late publish of an abandoned run stays unseen"


def test_the_grid_of_a_dead_run_stays_while_it_counts(results) -> None:
    results.event("r1", "started")
    grid = {**results.base, "column_name": "c", "grid_id": "g1", "run_id": "r1"}
    results.put("wd_grid_bins", {**grid, "bin_index": 0, "bin_label": "x"})
    results.put("wd_grids", {**grid, "column_kind": "numeric", "role": "feature", "status": "ok", "created_at": results.tick()})
    results.put("wd_grid_bins", {**grid, "column_name": "unfinished", "bin_index": 0, "bin_label": "x"})
    done = vacuum.vacuum(results.wh, "drift", now=results.clock + timedelta(days=2))
    assert done.unseen["wd_grid_bins"] == 1 and done.unseen["wd_grids"] == 0
    assert len(results.q("SELECT * FROM drift.wd_v_grid_bins")) == 1


def test_retention_keeps_baselines_and_what_is_young(results) -> None:
    results.event("r1", "started")
    for b in (-9, 0, 50, 99):
        results.cells("r1", b, {"a": 1})
        results.publish("r1", b)
        results.decide("r1", b, "ok")
    whole = (datetime(1900, 1, 1) - results.day(0)).days
    results.cells("r1", whole, {"a": 1})
    results.publish("r1", whole)
    results.put("wd_baselines", {**results.base, "baseline_counter": 1, "definition_hash": "d", "reference_start": results.day(-10), "reference_end": results.day(-5), "run_id": "r1", "created_at": results.tick()})
    results.event("r1", "finished")
    kept = vacuum.Retention(cells=timedelta(days=10), bins=None, history=timedelta(days=60))
    done = vacuum.vacuum(results.wh, "drift", now=results.day(100), retention=kept)
    assert done.expired == {"wd_cells": 2, "wd_profiles": 1, "wd_units": 1, "wd_results": 2, "wd_windows": 2, "wd_alert_log": 0, "wd_alert_actions": 0}
    known = read.bucket_counts(results.wh, "drift", "p", "m", "b1")
    assert sorted(known) == [datetime(1900, 1, 1), results.day(-9), results.day(99)], "a unit whose cells are gone is not complete"
    assert results.q("SELECT COUNT(*) AS n FROM drift.wd_v_units") == [{"n": 4}]
    days = [r["bucket_start"] for r in results.q("SELECT bucket_start FROM drift.wd_v_cells ORDER BY 1")]
    assert days == [datetime(1900, 1, 1), results.day(-9), results.day(99)]


def test_what_was_told_of_open_incidents_stays_whatever_its_age(results) -> None:
    for n, decision in enumerate(("alert", "ok", "ok", "alert", "alert")):
        results.decide("r1", n, decision, column_name="c")
    over, still = (r["incident_id"] for r in results.q("SELECT incident_id FROM drift.drift_alerts ORDER BY opened_at"))
    sent = {**results.base, "comparison": "daily", "sender": "hook", "event": "opened", "state": "sent", "run_id": "r1"}
    del sent["baseline_version"]
    threads = ((over, over, 0), (over, over, 95), (still, still, 0), ("gone", still, 0), ("gone", "gone", 0))
    results.put("wd_alert_log", *({**sent, "incident_id": i, "thread_id": t, "sent_at": results.day(d)} for i, t, d in threads))
    said = {"project": "p", "action": "ack", "why": "", "said_by": "me", "said_at": results.day(0)}
    results.put("wd_alert_actions", {**said, "incident_id": over}, {**said, "incident_id": still})
    kept = vacuum.Retention(history=timedelta(days=30))
    done = vacuum.vacuum(results.wh, "drift", now=results.day(31) - timedelta(hours=1), retention=kept)
    assert (done.expired["wd_alert_log"], done.expired["wd_alert_actions"]) == (2, 1)
    left = results.q("SELECT incident_id, thread_id FROM drift.wd_alert_log ORDER BY sent_at, incident_id")
    assert {(r["incident_id"], r["thread_id"]) for r in left} == {(over, over), (still, still), ("gone", still)}
    assert [r["incident_id"] for r in results.q("SELECT incident_id FROM drift.wd_alert_actions")] == [still]


def test_other_projects_are_left_alone(results) -> None:
    for project in ("p", "other"):
        for run in ("r1", "r2"):
            results.event(run, "started", project=project)
            write.publish_results(results.wh, "drift", [results.result(run, 0, "ok", project=project)])
            results.event(run, "finished", project=project)
    done = vacuum.vacuum(results.wh, "drift", now=results.tick(), project="other")
    assert done.unseen["wd_results"] == 1 and size(results, "wd_results") == 3
