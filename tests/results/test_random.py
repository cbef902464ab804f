"""Random histories of several runs that overlap, die anywhere and are cleaned up after, against a plain model of what a
reader must see after every single step."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest

from warehouse_drift.results import vacuum, write
from warehouse_drift.results.tables import TABLES

BUCKETS, WINDOWS = 3, 4
Cells = dict[str, int]


@dataclass
class Run:
    name: str
    last_sign: datetime
    state: str = "running"
    waiting: dict[int, Cells] = field(default_factory=dict)
    """cells that are written and not published yet, by bucket"""
    units: set[int] = field(default_factory=set)
    windows: set[int] = field(default_factory=set)


@dataclass
class Model:
    """Every publication ever made, in no order; what is seen follows from the rule alone."""

    runs: dict[str, Run] = field(default_factory=dict)
    units: list[tuple[int, datetime, str, Cells]] = field(default_factory=list)
    windows: list[tuple[int, datetime, str, str | None]] = field(default_factory=list)

    def seen(self, records: list[tuple[int, datetime, str, Any]]) -> dict[int, Any]:
        newest: dict[int, tuple[datetime, str, Any]] = {}
        for key, at, run, what in records:
            if self.runs[run].state != "abandoned" and (key not in newest or (at, run) > newest[key][:2]):
                newest[key] = (at, run, what)
        return {key: what for key, (_, _, what) in newest.items()}


def step(results, model: Model, rng: random.Random) -> str:
    """One random action on the tables and on the model; its name."""
    living = [r for r in model.runs.values() if r.state == "running"]
    silent = [r for r in model.runs.values() if r.state == "abandoned"]
    what = rng.choice(["start", "cells", "cells", "publish", "publish", "decide", "decide", "withdraw", "finish", "heartbeat", "wait", "vacuum", "late"])
    if what == "start" or (not living and what not in ("wait", "vacuum", "late")):
        run = Run(f"r{len(model.runs):03d}", results.clock)
        model.runs[run.name] = run
        results.event(run.name, "started")
        run.last_sign = results.clock
        return "start"
    if what == "wait":
        results.clock += timedelta(hours=rng.choice([1, 9, 20]))
        return what
    if what == "vacuum":
        now = results.tick()
        for run in living:
            if run.last_sign < now - vacuum.SILENCE:
                run.state = "abandoned"
        vacuum.vacuum(results.wh, "drift", now=now)
        return what
    if what == "late":  # a run that was given up lives on and publishes
        if silent:
            run = rng.choice(silent)
            bucket = rng.randrange(BUCKETS)
            if bucket not in run.units:
                run.units.add(bucket)
                results.cells(run.name, bucket, {"late": 1})
                results.publish(run.name, bucket)
        return what
    run = rng.choice(living)
    if what == "cells":
        bucket = rng.randrange(BUCKETS)
        if bucket not in run.waiting and bucket not in run.units:
            run.waiting[bucket] = {v: rng.randint(1, 9) for v in rng.sample("abcd", rng.randint(0, 3))}
            results.cells(run.name, bucket, run.waiting[bucket])
    elif what == "publish" and run.waiting:
        bucket = rng.choice(sorted(run.waiting))
        scan = results.tick() - timedelta(seconds=rng.choice([0, 0, 5, 3600]))
        results.publish(run.name, bucket, scan=scan)
        run.units.add(bucket)
        model.units.append((bucket, scan, run.name, run.waiting.pop(bucket)))
    elif what in ("decide", "withdraw"):
        window = rng.randrange(WINDOWS)
        if window in run.windows:
            return "nothing"
        run.windows.add(window)
        decision = rng.choice(["ok", "ok", "alert", "none"]) if what == "decide" else None
        row = results.result(run.name, window, decision or "ok")
        if rng.random() < 0.3:  # killed between the results and their record
            results.put("wd_results", row)
            return "results without a record"
        if decision:
            write.publish_results(results.wh, "drift", [row])
        else:
            write.withdraw_window(results.wh, "drift", {k: row[k] for k in (*write.WINDOW, "run_id", "decided_at", "config_hash")})
        model.windows.append((window, row["decided_at"], run.name, decision))
    elif what in ("finish", "heartbeat"):
        results.event(run.name, "finished" if what == "finish" else "heartbeat")
        run.state = "finished" if what == "finish" else run.state
        run.last_sign = results.clock
    return what


def shown(results) -> tuple[dict[int, Cells], set[int], dict[int, str]]:
    cells: dict[int, Cells] = {}
    for r in results.q("SELECT bucket_start, cell_key, n FROM drift.wd_v_cells"):
        bucket = cells.setdefault((r["bucket_start"] - results.day(0)).days, {})
        assert r["cell_key"] not in bucket, "two runs' rows in one unit"
        bucket[r["cell_key"]] = r["n"]
    units = {(r["bucket_start"] - results.day(0)).days for r in results.q("SELECT bucket_start FROM drift.wd_v_units")}
    history = results.q("SELECT window_start, decision FROM drift.drift_history")
    decisions = {(r["window_start"] - results.day(0)).days: r["decision"] for r in history}
    assert len(decisions) == len(history), "two rows of one grain"
    return cells, units, decisions


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_every_step_shows_what_the_rule_says(results, seed: int) -> None:
    rng, model, steps = random.Random(seed), Model(), []
    for _ in range(60):
        steps.append(step(results, model, rng))
        units = model.seen(model.units)
        wanted = {k: v for k, v in units.items() if v}, set(units), {k: v for k, v in model.seen(model.windows).items() if v}
        assert shown(results) == wanted, steps
    states = {r["run_id"]: r["state"] for r in results.q("SELECT run_id, state FROM drift.run_history")}
    assert states == {r.name: r.state for r in model.runs.values()}
    vacuum.vacuum(results.wh, "drift", now=results.clock + timedelta(days=9))
    for run in model.runs.values():
        run.state = "abandoned" if run.state == "running" else run.state
    units = model.seen(model.units)
    assert shown(results)[:2] == ({k: v for k, v in units.items() if v}, set(units))
    stored = {t.name: results.q(f"SELECT COUNT(*) AS n FROM drift.{t.name}")[0]["n"] for t in TABLES}
    assert stored["wd_cells"] == sum(len(c) for c in units.values()), "nothing unseen is left behind"
    assert stored["wd_units"] == len(units) and stored["wd_results"] == len(shown(results)[2])
