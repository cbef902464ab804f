"""The plain values of alerting: incidents as they stand, what was told of them, and what is due."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

STATE = 1e6
"""Times beyond the limit of an alert that has no size of its own: a column that is gone, a table without rows."""


class Event(str, Enum):
    """What a message is about."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class Incident:
    """A row of ``drift_alerts``, with what routes ask for. Instants are naive UTC."""

    incident_id: str
    monitor_id: str
    monitor: str
    """name in the configuration"""
    comparison: str
    segment: str
    column_name: str
    statistic: str
    owner: str
    tags: tuple[str, ...]
    opened_at: datetime
    opened_date: str
    last_seen_at: datetime
    resolved_at: datetime | None
    peak_value: float | None
    peak_threshold: float | None
    peak_window_start: datetime
    peak_reason: str
    windows: int
    state: str

    @property
    def is_open(self) -> bool:
        return self.state == "open"

    @property
    def times(self) -> float:
        """How many times its alert limit the peak is; ``STATE`` where that has no meaning."""
        return times_beyond(self.statistic, self.peak_value, self.peak_threshold)


def times_beyond(statistic: str, value: float | None, limit: float | None) -> float:
    """``value`` in units of its alert limit. A row count is a ratio: half as many rows count as much as twice as many."""
    if value is None or not limit or limit < 0 or not math.isfinite(value):
        return STATE
    size = abs(value)
    if statistic == "row_count":
        if value <= 0:
            return STATE
        size = math.exp(min(abs(math.log(value)), 50.0)) - 1
    return min(size / limit, STATE)


@dataclass(frozen=True, slots=True)
class Told:
    """The last that a sender was told of an incident: in which thread of messages, and its size then."""

    sender: str
    thread_id: str
    incident_id: str
    monitor_id: str
    comparison: str
    times: float


@dataclass(frozen=True, slots=True)
class Silence:
    """What a person said about an incident: seen (``acked``), or not to be told of it until ``muted_until``."""

    acked: bool = False
    muted_until: datetime | None = None
    why: str = ""

    def mutes(self, now: datetime) -> bool:
        return self.muted_until is not None and now < self.muted_until


@dataclass(frozen=True, slots=True)
class Due:
    """A message that one sender is owed. ``incidents``: all it is about, the largest first; ``fresh``: ids of those that
    are new or clearly worse; ``logged``: (incident_id, times) to remember once it has arrived."""

    sender: str
    event: Event
    thread_id: str
    monitor_id: str
    comparison: str
    incidents: tuple[Incident, ...]
    fresh: frozenset[str]
    logged: tuple[tuple[str, float], ...]
    severity: str
    """alert or critical"""


@dataclass(frozen=True, slots=True)
class Sent:
    """How sending went. ``error``: one sentence without any secret; empty when the message arrived."""

    due: Due
    error: str = ""
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Bin:
    """A bin that carries drift, for people. Shares and ``of_all`` are between 0 and 1."""

    label: str
    share_reference: float
    share_current: float
    of_all: float


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: a title, a text of a few lines, and the documented JSON."""

    title: str
    text: str
    body: dict[str, object] = field(default_factory=dict)
