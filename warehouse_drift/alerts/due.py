"""Which messages are due: a pure decision from incidents, what was told of them, and what people said about them.

Incidents of one monitor and comparison share a thread of messages, so that 40 columns that drift together are one
message. The thread is named after its oldest incident and ends when all its incidents are resolved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

from warehouse_drift.alerts.model import Due, Event, Incident, Silence, Told
from warehouse_drift.config.alerts import AlertsConfig, QuietHoursConfig, RouteConfig
from warehouse_drift.config.values import matches

Key = tuple[str, str]
"""(monitor_id, comparison)"""


def due(
    alerts: AlertsConfig,
    incidents: Sequence[Incident],
    told: Iterable[Told],
    silences: Mapping[str, Silence],
    now: datetime,
) -> list[Due]:
    """The messages that every sender is owed at ``now`` (naive UTC).

    Args:
        incidents: all open ones, and the resolved ones that a sender was told of.
        told: what senders know of incidents whose thread has not ended.
        silences: by incident id.
    """
    known: dict[tuple[str, Key], list[Told]] = {}
    for t in told:
        known.setdefault((t.sender, (t.monitor_id, t.comparison)), []).append(t)
    by_key: dict[Key, list[Incident]] = {}
    for i in incidents:
        by_key.setdefault((i.monitor_id, i.comparison), []).append(i)
    found: list[Due] = []
    for sender in alerts.senders:
        for key in sorted(set(by_key) | {k for name, k in known if name == sender.name}):
            here = by_key.get(key, [])
            live = [i for i in here if i.is_open and routed(alerts, sender.name, i) and not _silent(silences, i, now)]
            groups = _threads(known.get((sender.name, key), []))
            ids = {t.incident_id for group in groups for t in group}
            new = [i for i in live if i.incident_id not in ids and not _acked(silences, i)]
            for n, group in enumerate(groups or [[]]):
                found += _of_thread(alerts, sender.name, key, here, live, group, new if n == 0 else [], silences)
    quiet = is_quiet(alerts.quiet_hours, now)
    return [d for d in found if not quiet or _passes(alerts.quiet_hours, d)]


def _of_thread(
    alerts: AlertsConfig, sender: str, key: Key, here: Sequence[Incident], live: Sequence[Incident], told: Sequence[Told],
    joined: Sequence[Incident], silences: Mapping[str, Silence],
) -> list[Due]:  # fmt: skip
    """The messages of one thread; ``told`` is empty when nothing is known yet, ``joined`` are incidents new to it."""
    before = {t.incident_id: t.times for t in told}
    found = []
    if told and not any(i.is_open for i in here if i.incident_id in before):
        over = [i for i in here if i.incident_id in before]
        logged = tuple((t.incident_id, t.times) for t in told)
        found.append(_due(alerts, sender, Event.RESOLVED, told[0].thread_id, key, over, (), logged))
        told, before = (), {}
    if not told and joined:
        thread = min(joined, key=lambda i: (i.opened_at, i.incident_id)).incident_id
        found.append(_due(alerts, sender, Event.OPENED, thread, key, joined, joined, None))
    elif told:
        grown = [i for i in live if i.incident_id in before and not _acked(silences, i) and i.times >= alerts.worse * before[i.incident_id]]
        fresh = [*joined, *grown]
        if fresh:
            shown = [i for i in here if i.is_open and (i in fresh or i.incident_id in before)]
            found.append(_due(alerts, sender, Event.UPDATED, told[0].thread_id, key, shown, fresh, None))
    return found


def _due(
    alerts: AlertsConfig, sender: str, event: Event, thread: str, key: Key, incidents: Sequence[Incident], fresh: Sequence[Incident],
    logged: tuple[tuple[str, float], ...] | None,
) -> Due:  # fmt: skip
    ordered = sorted(incidents, key=lambda i: (i.segment != "all", -i.times, i.column_name, i.segment))
    sized = fresh or incidents
    return Due(
        sender, event, thread, *key, tuple(ordered), frozenset(i.incident_id for i in fresh),
        tuple((i.incident_id, i.times) for i in fresh) if logged is None else logged,
        "critical" if any(i.times >= alerts.critical_at for i in sized) else "alert",
    )  # fmt: skip


def _threads(told: Sequence[Told]) -> list[list[Told]]:
    """By thread. There is one, unless two runs at once opened two: then what is new joins the first."""
    found: dict[str, list[Told]] = {}
    for t in told:
        found.setdefault(t.thread_id, []).append(t)
    return [found[thread] for thread in sorted(found)]


def _acked(silences: Mapping[str, Silence], incident: Incident) -> bool:
    return silences.get(incident.incident_id, Silence()).acked


def _silent(silences: Mapping[str, Silence], incident: Incident, now: datetime) -> bool:
    return silences.get(incident.incident_id, Silence()).mutes(now)


def routed(alerts: AlertsConfig, sender: str, incident: Incident) -> bool:
    """Whether an incident goes to a sender."""
    critical = incident.times >= alerts.critical_at
    if alerts.severity == "critical" and not critical:
        return False
    return not alerts.routes or any(sender in r.to and _on(r, incident, critical) for r in alerts.routes)


def _on(route: RouteConfig, incident: Incident, critical: bool) -> bool:
    return (
        (route.severity == "alert" or critical)
        and any(matches(p, incident.monitor) for p in route.monitors)
        and any(matches(p, incident.column_name) for p in route.columns)
        and any(matches(p, incident.owner) for p in route.owners)
        and (not route.tags or bool(set(route.tags) & set(incident.tags)))
    )


def is_quiet(quiet: QuietHoursConfig | None, now: datetime) -> bool:
    """Whether ``now`` (naive UTC) lies in the quiet hours; they may run over midnight."""
    if quiet is None:
        return False
    local = now.replace(tzinfo=timezone.utc).astimezone(ZoneInfo(quiet.time_zone)).time()
    if quiet.start < quiet.end:
        return quiet.start <= local < quiet.end
    return local >= quiet.start or local < quiet.end


def _passes(quiet: QuietHoursConfig | None, due: Due) -> bool:
    return bool(quiet and quiet.critical and due.severity == "critical" and due.event is not Event.RESOLVED)
