"""What a message says: what drifted, how much, since when, where it shows, and what to do next. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warehouse_drift.alerts.model import STATE, Bin, Due, Event, Incident, Message, Silence
from warehouse_drift.decisions.sentences import config_option, explain_command

SCHEMA = "warehouse_drift.alert/1"
"""The ``schema`` of the JSON. A field may be added under this name; none changes its meaning or goes."""
SHOWN = 8
"""Columns that the text names."""
LISTED = 50
"""Incidents that the JSON lists; ``incidents_total`` counts all."""


def message(
    due: Due, *, project: str, bins: Sequence[Bin] = (), silences: Mapping[str, Silence] | None = None, report_url: str | None = None,
    config: str = "drift.yml",
) -> Message:  # fmt: skip
    """The message of ``due``. ``bins``: those that carry the drift of its first incident, the largest first; ``config``
    is what the commands that it proposes name."""
    proposed = _next(due, config) if due.incidents and due.event is not Event.RESOLVED else []
    text = _text(due, bins, report_url, proposed)
    return Message(_title(due), text, _body(due, project, bins, silences or {}, report_url, text, proposed))


def _names(due: Due) -> list[str]:
    return list(dict.fromkeys(i.column_name for i in due.incidents))


def _monitor(due: Due) -> str:
    return due.incidents[0].monitor if due.incidents else due.monitor_id


def _title(due: Due) -> str:
    names = _names(due)
    what = "the table" if names == [":table"] else ", ".join(_shown(n) for n in names[:2])
    if len(names) > 2:
        what += f" and {len(names) - 2} more"
    words = {Event.OPENED: "drifted", Event.UPDATED: "drifted further", Event.RESOLVED: "back to normal"}[due.event]
    mark = {"critical": "CRITICAL ", "alert": ""}[due.severity] if due.event is not Event.RESOLVED else ""
    return f"{mark}{_monitor(due)}: {what or 'an incident'} {words}"


def _shown(column: str) -> str:
    return "table" if column == ":table" else column


def _text(due: Due, bins: Sequence[Bin], report_url: str | None, proposed: Sequence[str]) -> str:
    resolved = due.event is Event.RESOLVED
    out = []
    # all rows first; a column that only drifts in a segment has its own line, others name their segments
    lines: dict[str, list[Incident]] = {}
    for i in due.incidents:
        lines.setdefault(i.column_name, []).append(i)
    for name, some in list(lines.items())[:SHOWN]:
        out.append(_line(name, some, due, resolved))
    if len(lines) > SHOWN:
        out.append(f"... and {len(lines) - SHOWN} more columns")
    if not due.incidents:
        out.append("What was told before is no alert any more, by newer decisions.")
    if bins and not resolved:
        parts = [f"{b.label} ({b.share_reference:.1%} -> {b.share_current:.1%}, {b.of_all:.0%} of it)" for b in bins]
        out.append(f"Where in {due.incidents[0].column_name}: {'; '.join(parts)}")
    if report_url:
        out.append(f"Report: {report_url}")
    if proposed:
        out.append("Next: " + "\n      ".join(proposed))
    return "\n".join(out)


def _line(name: str, some: Sequence[Incident], due: Due, resolved: bool) -> str:
    first = some[0]
    segments = [i.segment for i in some if i.segment != "all"]
    where = f" [{', '.join(segments[:3])}{', ...' if len(segments) > 3 else ''}]" if segments else ""
    if resolved:
        until = f" to {first.resolved_at:%Y-%m-%d}" if first.resolved_at else ""
        return f"- {_shown(name)}{where}: {first.opened_date}{until}, {first.windows} window(s), peak: {first.peak_reason}"
    new = " (new)" if due.event is Event.UPDATED and first.incident_id in due.fresh else ""
    return f"- {_shown(name)}{where}{new}: {first.peak_reason} Since {first.opened_date}, {first.windows} window(s)."


def _next(due: Due, config: str) -> list[str]:
    short, option = due.thread_id[:12], config_option(config)
    first = due.incidents[0]
    return [
        explain_command(first.monitor, first.column_name, config),
        f'warehouse-drift ack {short}{option}, or mute {short} --until DATE --why "..."{option}',
    ]


def _body(
    due: Due, project: str, bins: Sequence[Bin], silences: Mapping[str, Silence], report_url: str | None,
    text: str, proposed: Sequence[str],
) -> dict[str, object]:  # fmt: skip
    first = due.incidents[0] if due.incidents else None
    opened = min((i.opened_at for i in due.incidents), default=None)
    resolved = max((i.resolved_at for i in due.incidents if i.resolved_at), default=None)
    return {
        "schema": SCHEMA,
        "event": due.event.value,
        "dedup_key": due.thread_id,
        "severity": due.severity,
        "project": project,
        "monitor": _monitor(due),
        "comparison": due.comparison,
        "owner": first.owner if first else "",
        "tags": list(first.tags) if first else [],
        "title": _title(due),
        "text": text,
        "opened_at": _utc(opened),
        "resolved_at": _utc(resolved) if due.event is Event.RESOLVED else None,
        "incidents_total": len(due.incidents),
        "incidents": [_incident(i, due, silences.get(i.incident_id, Silence())) for i in due.incidents[:LISTED]],
        "top_bins": [
            {"bin": b.label, "share_reference": b.share_reference, "share_current": b.share_current, "share_of_drift": b.of_all}
            for b in bins
        ],
        "next": list(proposed),
        "report_url": report_url,
    }  # fmt: skip


def _incident(i: Incident, due: Due, silence: Silence) -> dict[str, Any]:
    return {
        "incident_id": i.incident_id,
        "column_name": i.column_name,
        "segment": i.segment,
        "statistic": i.statistic,
        "state": i.state,
        "fresh": i.incident_id in due.fresh,
        "acknowledged": silence.acked,
        "opened_at": _utc(i.opened_at),
        "last_seen_at": _utc(i.last_seen_at),
        "windows": i.windows,
        "peak_value": i.peak_value,
        "alert_threshold": i.peak_threshold,
        "times_beyond": None if i.times == STATE else round(i.times, 4),
        "reason": i.peak_reason,
    }


def _utc(at: Any) -> str | None:
    return None if at is None else f"{at:%Y-%m-%dT%H:%M:%S}Z"
