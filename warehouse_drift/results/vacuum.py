"""Taking out what nobody sees any more: runs that died, rows that were replaced, rows past their retention."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from markupsafe import Markup

from warehouse_drift.errors import DialectError
from warehouse_drift.results.place import change, prefix_in
from warehouse_drift.results.tables import WHOLE_BASELINE
from warehouse_drift.results.write import WINDOW, run_event
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

SILENCE = timedelta(hours=24)
"""A run without a sign of life for this long is abandoned."""
_GRID = ("project", "monitor", "baseline_version", "column_name", "grid_id")
_UNIT = (*_GRID, "segment_key", "bucket_start")
_UNSEEN: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("wd_cells", "wd_v_units", _UNIT),
    ("wd_profiles", "wd_v_units", _UNIT),
    ("wd_units", "wd_v_units", _UNIT),
    ("wd_results", "wd_v_windows", WINDOW),
    ("wd_bins", "wd_v_windows", WINDOW),
    ("wd_windows", "wd_v_windows", WINDOW),
    ("wd_noise", "wd_v_noise", ("project", "monitor", "comparison", "baseline_version")),  # of every basis the newest
    ("wd_grid_bins", "wd_v_grids", _GRID),
    ("wd_grids", "wd_v_grids", _GRID),
)
"""(table, its publish records, shared key); the records themselves go after the rows that they publish."""
_EXPIRED: tuple[tuple[str, str, str, bool], ...] = (
    ("wd_cells", "bucket_start", "cells", True),
    ("wd_profiles", "bucket_start", "history", True),
    ("wd_units", "bucket_start", "history", True),
    ("wd_bins", "window_end", "bins", False),
    ("wd_results", "window_end", "history", False),
    ("wd_windows", "window_end", "history", False),
)


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows are kept, counted back from now; None keeps them. Buckets of a baseline always stay."""

    cells: timedelta | None = None
    bins: timedelta | None = None
    history: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """``abandoned``: (run_id, project, monitor) marked now; rows by table that were (or would be) deleted."""

    abandoned: tuple[tuple[str, str, str], ...] = ()
    unseen: Mapping[str, int] = field(default_factory=dict)
    expired: Mapping[str, int] = field(default_factory=dict)


def vacuum(warehouse: Warehouse, schema: str, *, now: datetime, project: str | None = None, retention: Retention | None = None, dry_run: bool = False) -> Vacuumed:
    """Marks silent runs as abandoned, then deletes unseen rows of runs that have ended, then expired rows.

    Rows of a run that is still alive are never touched, nor those that it has replaced so far (it may yet be abandoned,
    and they return), so a run and a vacuum may overlap. ``now`` is the warehouse's
    clock. ``dry_run`` only counts (rows of runs that would be marked are not among them).

    Raises DialectError with the reason, after silent runs were marked, where result tables take no DELETE.
    """
    s = prefix_in(warehouse, schema)
    shared: dict[str, Any] = {"s": s, "project": project}
    silent = render("results/silent_runs", {**shared, "since": now - SILENCE}, warehouse.dialect).sql
    dead = tuple((r["run_id"], r["project"], r["monitor"]) for r in warehouse.fetch(silent, name="silent runs"))
    for run_id, owner, monitor in () if dry_run else dead:
        lost = _published(warehouse, s, run_id, owner, monitor)
        run_event(warehouse, schema, run_id=run_id, project=owner, monitor=monitor, event="abandoned", at=now, detail=lost)
    why = "" if dry_run else warehouse.dialect.why_not("row_changes")
    if why:
        raise DialectError(
            f"Rows cannot be deleted from the result tables on {warehouse.dialect.name}: {why}.",
            hint=f"No view shows them, so they only take room. Silent runs that were marked as abandoned: {len(dead)}.",
        )
    unseen = {}
    for table, view, keys in _UNSEEN:
        records: dict[str, Any] = {
            "table": Markup(table),
            "view": Markup(view),
            "records": Markup(view.replace("wd_v_", "wd_", 1)),
            "keys": [Markup(k) for k in keys],
        }
        unseen[table] = _delete(warehouse, "unseen", {**shared, **records}, dry_run)
    unseen["wd_run_events"] = _delete(warehouse, "heartbeats", {**shared, "table": Markup("wd_run_events")}, dry_run)
    expired = {}
    for table, column, what, baselines in _EXPIRED:
        age = getattr(retention, what) if retention else None
        if age is not None:
            params: dict[str, Any] = {"table": Markup(table), "column": Markup(column), "before": now - age, "baselines": baselines, "whole_baseline": WHOLE_BASELINE}
            expired[table] = _delete(warehouse, "expired", {**shared, **params}, dry_run)
    if retention and retention.history is not None:
        for table, column, threads in (("wd_alert_log", "sent_at", True), ("wd_alert_actions", "said_at", False)):
            params = {"table": Markup(table), "column": Markup(column), "before": now - retention.history, "threads": threads}
            expired[table] = _delete(warehouse, "old_alerts", {**shared, **params}, dry_run)
    return Vacuumed(dead, unseen, expired)


def _published(warehouse: Warehouse, s: Markup, run_id: str, project: str, monitor: str) -> str | None:
    """The time over which a run's rows are shown, as JSON: other runs may have relied on them and passed on, so the next
    run makes them again (``read.lost``)."""
    params = {"s": s, "run_id": run_id, "project": project, "monitor": monitor, "since": WHOLE_BASELINE + timedelta(days=1)}
    found = warehouse.fetch(render("results/published_range", params, warehouse.dialect).sql, name="published range")[0]
    return None if found["starts"] is None else json.dumps({"from": str(found["starts"]), "to": str(found["ends"])})


def _delete(warehouse: Warehouse, template: str, params: Mapping[str, Any], dry_run: bool) -> int:
    """Counts, then deletes the same rows if there are any: not every driver reports how many it deleted."""
    dialect, what = warehouse.dialect, f"{template} rows of {params['table']}"
    counted = warehouse.fetch(render(f"results/{template}", {**params, "count": True}, dialect).sql, name=f"count {what}")
    n = int(counted[0]["n"])
    if n and not dry_run:
        warehouse.execute(change(f"results/{template}", {**params, "count": False}, dialect), name=f"delete {what}")
    return n
