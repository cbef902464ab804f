"""The last stage of a run: finds which messages are due, sends them, and records how that went. It never raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from warehouse_drift.alerts import store
from warehouse_drift.alerts.due import due
from warehouse_drift.alerts.hooks import Call, call_all, hooks_due
from warehouse_drift.alerts.message import message
from warehouse_drift.alerts.model import Bin, Due, Event, Message, Sent, Silence
from warehouse_drift.alerts.send import Letter, send_all
from warehouse_drift.config.model import Config, MonitorConfig
from warehouse_drift.errors import DriftError
from warehouse_drift.results import read
from warehouse_drift.warehouse.execute import Warehouse, first_line

AGAIN = "it is due again at the next run"


def tell(
    warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], run_id: str, path: str = "drift.yml"
) -> tuple[str, ...]:
    """Sends what is due about these monitors and calls their hooks; a line each for people. Nothing that goes wrong
    here fails a run. ``path``: of the configuration, for the commands that messages propose."""
    hooked = [m for m in monitors if m.on_alert or config.defaults.on_alert]
    lines: list[str] = []
    for name, stage, about in (("alerts", _tell, monitors if config.alerts.senders else ()), ("on_alert", _call, hooked)):
        try:
            lines += stage(warehouse, config, about, run_id, path) if about else ()
        except DriftError as error:
            lines.append(f"{name}  FAILED: {error}; {AGAIN}")
        except Exception as error:  # decisions are published: this must not turn a finished run into a failed one
            lines.append(f"{name}  FAILED: {type(error).__name__}: {first_line(error)}; {AGAIN}")
    return tuple(lines)


def _tell(warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], run_id: str, path: str) -> list[str]:
    known = store.told(warehouse, config, monitors)
    found = store.incidents(warehouse, config, monitors, [t.incident_id for t in known])
    if not found and not known:
        return []
    said = store.silences(warehouse, config, [i.incident_id for i in found])
    now = read.now(warehouse)
    letters: dict[str, list[Letter]] = {}
    written = _Writer(warehouse, config, said, path)
    for one in due(config.alerts, found, known, said, now):
        letters.setdefault(one.sender, []).append((one, written.message(one)))
    senders = {s.name: s for s in config.alerts.senders}
    sent = send_all(letters, senders, config.alerts.timeout.total_seconds()) if letters else []
    store.record(warehouse, config, run_id, sent, now)
    return [summary(name, [s for s in sent if s.due.sender == name]) for name in letters]


def _call(warehouse: Warehouse, config: Config, monitors: Sequence[MonitorConfig], run_id: str, path: str) -> list[str]:
    found = store.incidents(warehouse, config, monitors)
    names = [i.incident_id for i in found]
    said, called = store.silences(warehouse, config, names), store.called(warehouse, config, names)
    now = read.now(warehouse)
    written = _Writer(warehouse, config, said, path)
    calls: list[Call] = []
    for m in monitors:
        hook = m.on_alert or config.defaults.on_alert
        assert hook is not None
        own = [i for i in found if i.monitor_id == (m.name)]
        owed = hooks_due(hook, own, called, said, now, config.alerts.critical_at)
        calls += [(hook, one, written.message(one)) for one in owed]
    sent = call_all(calls)
    store.record(warehouse, config, run_id, sent, now)
    return [
        f"on_alert  {s.due.incidents[0].monitor}: " + (f"FAILED ({s.error}); {AGAIN}" if s.error else "called") for s in sent
    ]  # fmt: skip


class _Writer:
    """Writes messages, and asks for the bins of an incident once."""

    def __init__(self, warehouse: Warehouse, config: Config, said: Mapping[str, Silence], path: str) -> None:
        self.warehouse, self.config, self.said, self.path = warehouse, config, said, path
        self.seen: dict[str, tuple[Bin, ...]] = {}

    def message(self, one: Due) -> Message:
        bins: tuple[Bin, ...] = ()
        if one.incidents and one.event is not Event.RESOLVED:
            first = one.incidents[0]
            if first.incident_id not in self.seen:
                self.seen[first.incident_id] = store.bins(self.warehouse, self.config, first)
            bins = self.seen[first.incident_id]
        url = self.config.alerts.report_url
        return message(one, project=self.config.project, bins=bins, silences=self.said, report_url=url, config=self.path)


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

