"""What alerting reads from the result schema and writes to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from warehouse_drift.alerts.model import Bin, Incident, Sent, Silence, Told
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.reports.headlines import shown_bin
from warehouse_drift.results import write
from warehouse_drift.results.place import prefix_in
from warehouse_drift.sql.render import render
from warehouse_drift.warehouse.execute import Warehouse

Row = dict[str, Any]


def _rows(warehouse: Warehouse, config: Config, template: str, **params: Any) -> list[Row]:
    params |= {"s": prefix_in(warehouse, config.warehouse.result_schema), "project": config.project}
    sql = render(f"alerts/{template}", params, warehouse.dialect).sql
    return warehouse.fetch(sql, name=template.replace("_", " "))


def ids(monitors: Sequence[MonitorConfig]) -> dict[str, MonitorConfig]:
    """Monitors by the name that results have."""
    return {m.name: m for m in monitors}


def told(warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig]) -> list[Told]:
    """What senders know of incidents of these monitors; rows of senders that are configured no more are left out."""
    senders = {s.name for s in config.alerts.senders}
    found = _rows(warehouse, config, "told", monitors=sorted(ids(monitors)))
    return [
        Told(r["sender"], r["thread_id"], r["incident_id"], r["monitor"], r["comparison"], float(r["times_beyond"] or 0.0))
        for r in found
        if r["sender"] in senders
    ]


def incidents(
    warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], known: Sequence[str] = ()
) -> list[Incident]:
    """Open incidents of these monitors, and those of ``known`` (incident ids) whatever their state."""
    by_id = ids(monitors)
    if not by_id:
        return []
    found = _rows(warehouse, config, "incidents", monitors=sorted(by_id), told=sorted(set(known)))
    return [_incident(r, by_id[r["monitor"]], config) for r in found]


def _incident(r: Row, monitor: MonitorConfig, config: Config) -> Incident:
    return Incident(
        r["incident_id"], r["monitor"], monitor.name, r["comparison"], r["segment"], r["column_name"], r["statistic"],
        r["owner"] or monitor.owner or config.defaults.owner or "", monitor.tags or config.defaults.tags, r["opened_at"],
        str(r["opened_date"]), r["last_seen_at"], r["resolved_at"], r["peak_value"], r["peak_threshold"],
        r["peak_window_start"], r["peak_reason"], int(r["windows"]), r["state"],
    )  # fmt: skip


def silences(warehouse: Warehouse, config: Config, incident_ids: Sequence[str]) -> dict[str, Silence]:
    """What people said about these incidents."""
    if not incident_ids:
        return {}
    found: dict[str, dict[str, Any]] = {}
    for r in _rows(warehouse, config, "actions", incidents=sorted(set(incident_ids))):
        one = found.setdefault(r["incident_id"], {})
        if r["action"] == "ack":
            one["acked"] = True
        else:
            one["muted_until"], one["why"] = r["until_at"], r["why"]
    return {i: Silence(**one) for i, one in found.items()}


def called(warehouse: Warehouse, config: Config, incident_ids: Sequence[str]) -> dict[str, datetime]:
    """When the on_alert hook last succeeded, by incident."""
    if not incident_ids:
        return {}
    found = _rows(warehouse, config, "hooked", incidents=sorted(set(incident_ids)))
    return {r["incident_id"]: r["sent_at"] for r in found}


def bins(warehouse: Warehouse, config: Config, incident: Incident, most: int = 3) -> tuple[Bin, ...]:
    """Bins that carry the drift of an incident at its peak, the largest first; none without a PSI."""
    rows = _rows(
        warehouse, config, "peak_bins", monitor=incident.monitor_id, comparison=incident.comparison,
        start=incident.peak_window_start, segment=incident.segment, column_name=incident.column_name, most=most,
    )  # fmt: skip
    total = float(rows[0]["total"] or 0.0) if rows else 0.0
    if total <= 0:
        return ()
    return tuple(
        Bin(shown_bin(r), float(r["share_reference"]), float(r["share_current"]), float(r["contribution"]) / total)
        for r in rows
        if float(r["contribution"]) / total >= 0.05
    )


def record(warehouse: Warehouse, config: Config, run_id: str, sent: Sequence[Sent], at: datetime) -> None:
    """One row a message and an incident in it."""
    rows = [
        {
            "project": config.project, "monitor": s.due.monitor_id, "comparison": s.due.comparison, "sender": s.due.sender,
            "thread_id": s.due.thread_id, "incident_id": incident_id, "event": s.due.event.value,
            "state": "failed" if s.error else "sent", "times_beyond": times, "error": s.error or None, "run_id": run_id, "sent_at": at,
        }
        for s in sent
        for incident_id, times in s.due.logged
    ]  # fmt: skip
    if rows:
        write.insert_rows(warehouse, config.warehouse.result_schema, "wd_alert_log", rows)


def say(
    warehouse: Warehouse, config: Config, incident_ids: Sequence[str], action: str, *, at: datetime,
    until: datetime | None = None, why: str = "", by: str = "",
) -> None:  # fmt: skip
    """Records what a person said about incidents."""
    shared: Mapping[str, Any] = {
        "project": config.project, "action": action, "until_at": until, "why": why, "said_by": by, "said_at": at,
    }  # fmt: skip
    rows = [{**shared, "incident_id": i} for i in incident_ids]
    write.insert_rows(warehouse, config.warehouse.result_schema, "wd_alert_actions", rows)
