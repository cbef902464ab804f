"""The ``alerts`` part of ``drift.yml``: who is told of incidents, through what, and when not."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr

from warehouse_drift.config.base import Base, Duration, Patterns, Text, Texts, Zone
from warehouse_drift.config.values import clock_time

Severity = Literal["alert", "critical"]
Clock = Annotated[time, BeforeValidator(clock_time)]
Times = Annotated[float, Field(gt=1, allow_inf_nan=False)]


class SenderConfig(Base):
    """A way to tell people or programs: either an Apprise URL or a webhook. Write its address as `${VAR}`."""

    name: Text = Field(description="how routes and the alert log call it")
    apprise: SecretStr | None = Field(
        None, description="an Apprise URL, as slack://..., pagerduty://..., mailtos://... (extra `alerts`)"
    )
    webhook: SecretStr | None = Field(None, description="a URL that is sent the documented JSON")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="headers of the webhook, as Authorization")


class RouteConfig(Base):
    """Incidents that match every key of a route go to its senders."""

    to: Texts = Field(description="names of senders")
    monitors: Patterns = Field(("*",), description="monitors by name or pattern")
    columns: Patterns = Field(("*",), description="columns by name or pattern; `:table` for the table's own rows")
    owners: Patterns = Field(("*",), description="owners by name or pattern")
    tags: Texts = Field((), description="only monitors with one of these tags")
    severity: Severity = Field("alert", description="critical: only incidents of that size")


class QuietHoursConfig(Base):
    """Hours in which nothing is sent; what is due goes with the first run after them."""

    start: Clock = Field(alias="from", description="a time of day, as 22:00")
    end: Clock = Field(alias="to", description="a time of day, as 07:00")
    time_zone: Zone = Field("UTC", description="zone of these times (IANA name)")
    critical: bool = Field(True, description="critical messages are sent all the same")


class AlertsConfig(Base):
    """One message an incident: when it opens, gets clearly worse or spreads, and when it is resolved."""

    senders: tuple[SenderConfig, ...] = Field((), description="ways to tell; none: nothing is sent")
    routes: tuple[RouteConfig, ...] = Field((), description="what goes where; none: everything to every sender")
    quiet_hours: QuietHoursConfig | None = Field(None, description="hours in which nothing is sent")
    severity: Severity = Field("alert", description="critical: smaller incidents are sent to nobody")
    critical_at: Times = Field(3.0, description="an incident this many times beyond its alert limit is critical")
    worse: Times = Field(1.5, description="an update is sent when the peak has grown by this factor since the last message")
    timeout: Duration = Field(
        default=timedelta(seconds=10), description="most time that a run waits for all senders together; default: 10 seconds"
    )
    report_url: Text | None = Field(None, description="address of a report; put into every message")


class OnAlertConfig(Base):
    """A command or a webhook that is given the decision as JSON when a monitor has an open incident."""

    command: Texts = Field((), description="a command with its arguments, run without a shell; the JSON is its stdin")
    webhook: SecretStr | None = Field(None, description="a URL that is sent the JSON, instead of a command")
    headers: dict[str, SecretStr] = Field(default_factory=dict, description="headers of the webhook, as Authorization")
    at_most_every: Duration = Field(
        default=timedelta(hours=24), description="again for the same incident not before this; default: 24 hours"
    )
    severity: Severity = Field("alert", description="critical: only incidents of that size")
    timeout: Duration = Field(
        default=timedelta(seconds=60), description="a command that takes longer is stopped; default: 60 seconds"
    )
