"""Tables about stored state for people, at 100 columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from warehouse_drift.reports.tables import STYLE


def print_status(rows: Sequence[Mapping[str, Any]], console: Any) -> None:
    """One line a monitor: its newest window, what it says, and whether that is old news."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("monitor", "decision", "last window", "alert", "warn", "ok", "none", "open", "last run", ""):
        right = name in ("alert", "warn", "ok", "none", "open")
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for r in rows:
        counts = [f"{r[f'{d}_count']:,}" for d in ("alert", "warn", "ok", "none")]
        run = f"{r['last_run_state']} {r['last_run_started_at']:%m-%d %H:%M}" if r["last_run_started_at"] else "never"
        people = [f"{r[f'{n}_incidents']:,} {n}" for n in ("acked", "muted") if r[f"{n}_incidents"]]
        outgrown = r["outgrown_columns"]
        notes = people + [f"{outgrown:,} grid{'s' if outgrown > 1 else ''} outgrown"] * bool(outgrown) + ["stale"] * bool(r["stale"]) + ["not in the configuration"] * (not r["configured"])
        verdict = f"[{STYLE[r['decision']]}]{r['decision']}[/]"
        window = str(r["last_window_date"] or "-")
        table.add_row(r["monitor"], verdict, window, *counts, f"{r['open_incidents']:,}", run, ", ".join(notes))
    console.print(table)


def print_vacuum(rows: Sequence[Mapping[str, Any]], abandoned: Sequence[tuple[str, str, str]], dry_run: bool, console: Any) -> None:
    """What went, or would go."""
    would = "would be " if dry_run else ""
    for run_id, _, monitor in abandoned:
        console.print(f"Run {run_id} of {monitor} gave no sign of life for a day: {would}marked as abandoned.", highlight=False)
    for r in rows:
        console.print(f"{r['table']:<14} {r['rows']:>12,} rows  {r['why']}", highlight=False)
    console.print(f"{sum(r['rows'] for r in rows):,} rows {would}deleted.", highlight=False)


def print_incidents(rows: Sequence[Mapping[str, Any]], console: Any) -> None:
    """One incident in two lines: what and since when, then how big and what people said."""
    for r in rows:
        where = "" if r["segment"] == "all" else f" in {r['segment']}"
        notes = ["acknowledged"] * bool(r["acknowledged"])
        if r["muted_until"]:
            notes.append(f"muted until {r['muted_until']:%Y-%m-%d %H:%M} UTC: {r['why']}")
        notes.append(f"told: {', '.join(r['told'])}" if r["told"] else "nobody was told")
        head = f"{r['incident_id'][:12]}  {r['monitor']}  {r['column_name']}{where}  ({r['comparison']})"
        since = f"since {r['opened_at']:%Y-%m-%d}, {r['windows']} window(s)"
        console.print(f"{head}  {since}", style="bold", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {r['reason']} {'; '.join(notes)}", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(rows)} open incident(s).", highlight=False)
