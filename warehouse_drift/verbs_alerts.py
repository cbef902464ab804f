"""The verbs about incidents: list, ack, mute, and a test message. They wire the stages and hold no logic."""

from __future__ import annotations

import getpass
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from zoneinfo import ZoneInfo

from warehouse_drift.alerts import store
from warehouse_drift.alerts.model import STATE, Due, Event, Incident, Silence, Told
from warehouse_drift.config.instants import instant
from warehouse_drift.config.load import load_config
from warehouse_drift.config.model import Config
from warehouse_drift.errors import UsageError
from warehouse_drift.results import migrate, read
from warehouse_drift.verbs_run import selected
from warehouse_drift.warehouse.connect import open_warehouse
from warehouse_drift.warehouse.execute import Warehouse


@dataclass(frozen=True, slots=True)
class OpenIncident:
    """An open incident, what people said about it, and which senders were told."""

    incident: Incident
    silence: Silence
    told: tuple[str, ...]
    muted: bool

    def as_dict(self) -> dict[str, Any]:
        i = self.incident
        return {
            "incident_id": i.incident_id, "monitor": i.monitor, "comparison": i.comparison, "column_name": i.column_name, "segment": i.segment,
            "statistic": i.statistic, "owner": i.owner, "opened_at": i.opened_at, "last_seen_at": i.last_seen_at, "windows": i.windows,
            "peak_value": i.peak_value, "times_beyond": None if i.times == STATE else i.times, "reason": i.peak_reason,
            "acknowledged": self.silence.acked, "muted_until": self.silence.muted_until if self.muted else None,
            "why": self.silence.why if self.muted else "", "told": list(self.told),
        }  # fmt: skip


def incidents(path: str, *, select: Sequence[str] = (), exclude: Sequence[str] = (), target: str | None = None) -> tuple[OpenIncident, ...]:
    """Open incidents of the chosen monitors, the oldest first. Reads published results only.

    Raises:
        SchemaVersionError: when nothing was ever stored.
    """
    config = load_config(path, target=target)
    chosen = selected(config, select, exclude)
    with open_warehouse(config.url, read_only=True, roles=config.roles, scratch=False) as warehouse:
        migrate.check_version(warehouse, config.warehouse.result_schema)
        found = store.incidents(warehouse, config, chosen)
        said = store.silences(warehouse, config, [i.incident_id for i in found])
        told = store.told(warehouse, config, chosen)
        now = read.now(warehouse)
    silent = Silence()
    return tuple(
        OpenIncident(
            i,
            said.get(i.incident_id, silent),
            tuple(sorted({t.sender for t in told if t.incident_id == i.incident_id})),
            said.get(i.incident_id, silent).mutes(now),
        )
        for i in found
    )


def ack(path: str, ids: Sequence[str], *, why: str = "", target: str | None = None) -> tuple[Incident, ...]:
    """Says that these incidents are seen: nobody is told that they get worse. They still end with a resolve.

    Args:
        ids: incident ids or their first six characters or more. The id of a message stands for all incidents in it.
    """
    return _say(path, ids, "ack", None, why, target)


def mute(path: str, ids: Sequence[str], until: str, why: str, *, target: str | None = None) -> tuple[tuple[Incident, ...], datetime]:
    """Tells nobody of these incidents before ``until`` (a date or a time, in the first one's monitor's zone).

    Returns:
        the incidents, and the end as a UTC instant without zone. One in the past ends a mute.
    """
    config = load_config(path, target=target)
    zones = {(m.timestamp or config.defaults.timestamp) for m in config.monitors}
    names = {z.time_zone for z in zones if z}
    try:
        end = instant(until, names.pop() if len(names) == 1 else "UTC")
    except ValueError as error:
        raise UsageError(f"--until {until}: {error}.", hint="Write a date, as 2025-05-14.") from error
    assert end is not None
    utc = end.astimezone(timezone.utc).replace(tzinfo=None) if end.tzinfo else end
    return _say(path, ids, "mute", utc, why, target), utc


def _say(path: str, ids: Sequence[str], action: str, until: datetime | None, why: str, target: str | None) -> tuple[Incident, ...]:
    config = load_config(path, target=target)
    with open_warehouse(config.url, existing=True, roles=config.roles, result_schema=config.warehouse.result_schema) as warehouse:
        migrate.check_version(warehouse, config.warehouse.result_schema)
        found = _meant(warehouse, config, ids)
        store.say(
            warehouse, config, [i.incident_id for i in found], action, at=read.now(warehouse), until=until, why=why, by=_user()
        )  # fmt: skip
    return found


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container without a name for its user
        return ""


def _meant(warehouse: Warehouse, config: Config, ids: Sequence[str]) -> tuple[Incident, ...]:
    """The open incidents that are named. Raises UsageError for a name that fits none or several."""
    found = store.incidents(warehouse, config, config.monitors)
    told = store.told(warehouse, config, config.monitors)
    chosen: dict[str, Incident] = {}
    for word in ids:
        for i in matching(word, found, told):
            chosen[i.incident_id] = i
    return tuple(chosen.values())


def matching(word: str, found: Sequence[Incident], told: Sequence[Told]) -> list[Incident]:
    """The open incidents that a person means by an id, the start of one, or the id of a message."""
    if len(word) < 6:
        raise UsageError(f"{word!r} is too short for an incident.", hint="Give at least its first six characters.")
    known = {i.incident_id for i in found} | {t.thread_id for t in told}
    fits = sorted(k for k in known if k.startswith(word.lower()))
    if len(fits) != 1:
        raise UsageError(
            f"{'No open incident' if not fits else 'More than one incident'} begins with {word!r}.",
            hint="Run: warehouse-drift incidents",
        )
    (key,) = fits
    wanted = {key} | {t.incident_id for t in told if t.thread_id == key}
    return [i for i in found if i.incident_id in wanted]


def send_test(path: str, *, target: str | None = None) -> tuple[tuple[str, str], ...]:
    """Sends a message that says that it is a test through every sender; (sender, error or '') of each. Nothing is
    stored, and no warehouse is asked."""
    from warehouse_drift.alerts.message import message
    from warehouse_drift.alerts.send import send_all

    config = load_config(path, target=target)
    alerts = config.alerts
    if not alerts.senders:
        raise UsageError("There is no sender.", hint="Add one under alerts: senders:")
    now = datetime.now(ZoneInfo("UTC")).replace(tzinfo=None)
    made = Incident(
        "test00000000", "test", "test", "test", "all", "test", "psi", "", (), now, f"{now:%Y-%m-%d}", now, None, 0.3, 0.2, now,
        "This is a test of warehouse-drift; nothing has drifted.", 1, "open",
    )  # fmt: skip
    letters = {}
    for s in alerts.senders:
        both = [Due(s.name, e, made.incident_id, "test", "test", (made,), frozenset(), (), "alert") for e in (Event.OPENED, Event.RESOLVED)]
        letters[s.name] = [(d, message(d, project=config.project, config=str(path))) for d in both]
    sent = send_all(letters, {s.name: s for s in alerts.senders}, alerts.timeout.total_seconds())
    errors = {name: next((s.error for s in sent if s.due.sender == name and s.error), "") for name in letters}
    return tuple(errors.items())
