"""The last stage of a run: finds which messages are due, sends them, and records how that went. It never raises."""

from __future__ import annotations

from collections.abc import Sequence

from warehouse_drift.alerts import store
from warehouse_drift.alerts.due import due
from warehouse_drift.alerts.message import message
from warehouse_drift.alerts.model import Bin, Due, Event, Sent
from warehouse_drift.alerts.send import Letter, send_all
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.errors import DriftError
from warehouse_drift.results import read
from warehouse_drift.warehouse.execute import Warehouse, first_line

AGAIN = "it is due again at the next run"


def tell(warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], run_id: str) -> tuple[str, ...]:
    """Sends what is due about these monitors; a line a sender for people. Nothing that goes wrong here fails a run."""
    if not config.alerts.senders:
        return ()
    try:
        return _tell(warehouse, config, monitors, run_id)
    except DriftError as error:
        return (f"alerts  FAILED: {error}; {AGAIN}",)
    except Exception as error:  # decisions are published: alerting must not turn a finished run into a failed one
        return (f"alerts  FAILED: {type(error).__name__}: {first_line(error)}; {AGAIN}",)


def _tell(warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], run_id: str) -> tuple[str, ...]:
    known = store.told(warehouse, config, monitors)
    found = store.incidents(warehouse, config, monitors, [t.incident_id for t in known])
    if not found and not known:
        return ()
    said = store.silences(warehouse, config, [i.incident_id for i in found])
    now = read.now(warehouse)
    owed = due(config.alerts, found, known, said, now)
    letters: dict[str, list[Letter]] = {}
    seen: dict[str, tuple[Bin, ...]] = {}
    for one in owed:
        bins: tuple[Bin, ...] = ()
        if one.incidents and one.event is not Event.RESOLVED:
            first = one.incidents[0]
            if first.incident_id not in seen:
                seen[first.incident_id] = store.bins(warehouse, config, first)
            bins = seen[first.incident_id]
        written = message(one, project=config.project, bins=bins, silences=said, report_url=config.alerts.report_url)
        letters.setdefault(one.sender, []).append((one, written))
    senders = {s.name: s for s in config.alerts.senders}
    sent = send_all(letters, senders, config.alerts.timeout.total_seconds()) if letters else []
    store.record(warehouse, config, run_id, sent, now)
    return tuple(summary(name, [s for s in sent if s.due.sender == name]) for name in letters)


def summary(sender: str, sent: Sequence[Sent]) -> str:
    """``alerts  slack: 2 opened, 1 resolved``, and what did not arrive."""
    arrived: dict[str, int] = {}
    for s in sent:
        if not s.error:
            arrived[s.due.event.value] = arrived.get(s.due.event.value, 0) + 1
    parts = [f"{n} {event}" for event, n in arrived.items()]
    failed = [s for s in sent if s.error]
    if failed:
        parts.append(f"{len(failed)} FAILED ({failed[0].error}); {AGAIN}")
    return f"alerts  {sender}: {', '.join(parts)}"


__all__ = ["Due", "summary", "tell"]
