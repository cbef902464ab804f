"""Metrics in Prometheus' text format, for node-exporter's textfile collector. Names and labels are a contract
(docs/how-to/prometheus.md); the number of series is bounded."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse_drift.config.load import load_config
from warehouse_drift.errors import UsageError
from warehouse_drift.results import migrate, read
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.verbs_run import selected
from warehouse_drift.warehouse.connect import open_warehouse

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

Row = Mapping[str, Any]
MOST_SERIES = 1_000
"""Most (column, statistic) pairs that are exported: the most severe ones."""
DECISIONS = ("ok", "warn", "alert", "none")
MONITOR = ("project", "monitor")
COLUMN = ("project", "monitor", "comparison", "column_name", "statistic")
METRICS: dict[str, tuple[str, tuple[str, ...]]] = {
    "warehouse_drift_decisions": ("Decisions in the newest windows, segments included", (*MONITOR, "decision")),
    "warehouse_drift_open_incidents": ("Incidents that are open", MONITOR),
    "warehouse_drift_stale": ("1 when the newest window is older than it should be", MONITOR),
    "warehouse_drift_last_window_end_timestamp_seconds": ("End of the newest complete window", MONITOR),
    "warehouse_drift_last_run_success": ("1 when the newest run finished", MONITOR),
    "warehouse_drift_last_run_finished_timestamp_seconds": ("When the newest run finished or failed", MONITOR),
    "warehouse_drift_value": ("A judged statistic over all rows in the newest window", COLUMN),
    "warehouse_drift_alert_threshold": ("Its alert limit", COLUMN),
    "warehouse_drift_severity": ("Its decision: 0 ok, 1 warn, 2 alert, -1 none", COLUMN),
    "warehouse_drift_series_left_out": ("Column statistics beyond the cap, not exported", ("project",)),
}
"""name -> (help, labels). All are gauges. No label holds a value of the data."""


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: tuple[str, ...]
    value: float


def read_samples(
    path: str, *, select: Sequence[str] = (), exclude: Sequence[str] = (), target: str | None = None, most: int = MOST_SERIES
) -> list[Sample]:  # fmt: skip
    """The samples of the chosen monitors, from published views.

    Raises:
        SchemaVersionError: when nothing was ever stored.
    """
    config = load_config(path, target=target)
    chosen = [m.name for m in selected(config, select, exclude)]
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        schema = config.warehouse.result_schema
        migrate.check_version(warehouse, schema)
        params = {
            "s": prefix_in(warehouse, schema), "project": config.project, "monitors": chosen, "judged": True, "segments": False,
            "most": 10_000,
        }  # fmt: skip
        rows = warehouse.fetch(render("reports/latest", params, warehouse.dialect).sql, name="latest")
        status = [r for r in read.status(warehouse, schema, config.project) if r["monitor"] in chosen]
    return samples(config.project, status, rows, most)


def samples(project: str, status: Sequence[Row], rows: Sequence[Row], most: int = MOST_SERIES) -> list[Sample]:
    """Samples of rows of ``monitor_status`` and ``drift_latest`` (the most severe first, one per COLUMN)."""
    found: list[Sample] = []
    for s in status:
        of = (project, s["monitor"])
        found += [Sample("warehouse_drift_decisions", (*of, d), float(s[f"{d}_count"] or 0)) for d in DECISIONS]
        found.append(Sample("warehouse_drift_open_incidents", of, float(s["open_incidents"] or 0)))
        found.append(Sample("warehouse_drift_stale", of, float(bool(s["stale"]))))
        found.append(Sample("warehouse_drift_last_run_success", of, float(s["last_run_state"] == "finished")))
        for name, column in (("last_window_end", "last_window_end"), ("last_run_finished", "last_run_finished_at")):
            if s[column] is not None:
                found.append(Sample(f"warehouse_drift_{name}_timestamp_seconds", of, _seconds(s[column])))
    kept = list(rows[:most])
    for r in kept:
        of_column = (project, r["monitor"], r["comparison"], r["column_name"], r["statistic"])
        for name, value in (("value", r["value"]), ("alert_threshold", r["alert_threshold"])):
            if value is not None:
                found.append(Sample(f"warehouse_drift_{name}", of_column, float(value)))
        severity = -1.0 if r["severity"] is None else float(r["severity"])
        found.append(Sample("warehouse_drift_severity", of_column, severity))
    found.append(Sample("warehouse_drift_series_left_out", (project,), float(len(rows) - len(kept))))
    return found


def _seconds(at: datetime) -> float:
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()


def filled(found: Sequence[Sample]) -> CollectorRegistry:
    """The gauges as prometheus-client keeps them.

    Raises:
        UsageError: when prometheus-client is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, Gauge
    except ImportError as error:
        raise UsageError(
            "Metrics need prometheus-client.", hint="Run: pip install 'warehouse-drift[prometheus]'"
        ) from error
    registry = CollectorRegistry()
    gauges = {name: Gauge(name, words, labels, registry=registry) for name, (words, labels) in METRICS.items()}
    for sample in found:
        gauges[sample.name].labels(*sample.labels).set(sample.value)
    return registry


def exposition(found: Sequence[Sample]) -> str:
    """The text format.

    Raises:
        UsageError: when prometheus-client is not installed.
    """
    registry = filled(found)
    from prometheus_client import generate_latest

    return bytes(generate_latest(registry)).decode("utf-8")


def write_file(text: str, path: Path) -> None:
    """Writes beside the file and moves into place: the collector never reads half a file."""
    handle, name = tempfile.mkstemp(dir=path.parent or Path("."), prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
