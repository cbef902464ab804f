"""Commands about incidents: incidents, ack, mute, alert-test."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from warehouse_drift.cli_run import AsJson, Config, Exclude, Select, Target, parts

Ids = Annotated[list[str], typer.Argument(help="Incidents, as `incidents` and messages show them (six characters are enough).")]


def incidents(
    config: Config = "drift.yml",
    select: Select = None,
    exclude: Exclude = None,
    target: Target = None,
    as_json: AsJson = False,
) -> None:
    """Show the open incidents: since when, how big, who was told, what people said. Scans nothing."""
    from warehouse_drift import verbs_alerts

    found = verbs_alerts.incidents(config, select=parts(select), exclude=parts(exclude), target=target)
    if as_json:
        typer.echo(json.dumps({"incidents": [i.as_dict() for i in found]}, indent=2, allow_nan=False, default=str))
        return
    from rich.console import Console

    from warehouse_drift.reports.state import print_incidents

    print_incidents([i.as_dict() for i in found], Console(width=None if sys.stdout.isatty() else 100))


def ack(
    ids: Ids,
    why: Annotated[str, typer.Option(help="A few words for the others.")] = "",
    config: Config = "drift.yml",
    target: Target = None,
) -> None:
    """Say that incidents are seen: no message when they get worse. The resolve is still sent."""
    from warehouse_drift import verbs_alerts

    for i in verbs_alerts.ack(config, ids, why=why, target=target):
        typer.echo(f"{i.incident_id[:12]}  {i.monitor} {i.column_name} ({i.segment}): acknowledged")


def mute(
    ids: Ids,
    until: Annotated[str, typer.Option(help="A date or time; one in the past ends a mute.")],
    why: Annotated[str, typer.Option(help="Why, for the others.")],
    config: Config = "drift.yml",
    target: Target = None,
) -> None:
    """Tell nobody of incidents before a date. The resolve is still sent."""
    from warehouse_drift import verbs_alerts

    found, end = verbs_alerts.mute(config, ids, until, why, target=target)
    for i in found:
        typer.echo(f"{i.incident_id[:12]}  {i.monitor} {i.column_name} ({i.segment}): muted until {end:%Y-%m-%d %H:%M} UTC")


def alert_test(config: Config = "drift.yml", target: Target = None) -> None:
    """Send a test message, and its resolve, through every sender. Exit code 2 when one does not arrive."""
    from warehouse_drift import verbs_alerts

    sent = verbs_alerts.send_test(config, target=target)
    for name, error in sent:
        typer.echo(f"{name}: {'FAILED: ' + error if error else 'sent'}")
    if any(error for _, error in sent):
        raise typer.Exit(2)


def register(app: typer.Typer) -> None:
    """Adds these commands."""
    for command in (incidents, ack, mute):
        app.command()(command)
    app.command("alert-test")(alert_test)
