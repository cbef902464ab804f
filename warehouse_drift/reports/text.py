"""Explanations for the terminal and reports as Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from warehouse_drift.decisions import sentences
from warehouse_drift.reports.headlines import shown_bin
from warehouse_drift.reports.tables import STYLE, interval

if TYPE_CHECKING:
    from warehouse_drift.verbs_read import Explanation, Report

_MARKS = {"alert": "🔴", "warn": "🟡", "ok": "🟢", "none": "⚪"}


def print_explanation(found: Explanation, console: Any) -> None:
    """Readable at 100 columns: what was decided, which bins and segments carry it, how it was before, the SQL."""
    from rich.table import Table

    console.print(
        f"[bold]{found.monitor} · {found.column}[/bold]  {found.comparison}, window {found.window_start:%Y-%m-%d %H:%M} to "
        f"{found.window_end:%Y-%m-%d %H:%M} UTC",
        highlight=False,
    )
    for r in found.rows:
        style = STYLE[r["decision"]]
        console.print(f"  [{style}]{r['decision']:10}[/{style}] {r['reason']}", highlight=False, soft_wrap=True)
        if r["decision"] in ("ok", "warn", "alert") and r["threshold_source"]:
            console.print(f"             limits: {limits(r)}", style="dim", highlight=False, soft_wrap=True)
    if found.bins:
        console.print("\n[bold]Where the difference is[/bold] (what each bin adds to PSI)")
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name in ("bin", "reference", "now", "adds", "of all"):
            table.add_column(name, justify="left" if name == "bin" else "right")
        total = float(found.bins[0]["total"] or 0.0)
        for b in found.bins:
            share = float(b["contribution"]) / total if total > 0 else 0.0
            table.add_row(
                shown_bin(b),
                f"{float(b['share_reference']):.1%}",
                f"{float(b['share_current']):.1%}",
                sentences.number(float(b["contribution"])),
                f"{share:.0%}",
            )
        console.print(table)
    if found.segments:
        console.print("\n[bold]By segment[/bold]")
        for r in found.segments[:12]:
            style = STYLE[r["decision"]]
            console.print(f"  [{style}]{r['decision']:10}[/{style}] {r['reason']}", highlight=False, soft_wrap=True)
    if found.history:
        console.print("\n[bold]Before[/bold]")
        by_window: dict[Any, list[str]] = {}
        for r in found.history:
            by_window.setdefault(r["window_date"], []).append(f"{r['statistic']} {interval(r)} {r['decision']}")
        for date, parts in by_window.items():
            console.print(f"  {date}  {'; '.join(parts)}", highlight=False, soft_wrap=True)
    for i in found.incidents:
        state = "open" if i["resolved_at"] is None else f"resolved {i['resolved_at']:%Y-%m-%d}"
        console.print(
            f"\nIncident since {i['opened_date']} ({i['windows']} window(s), {state}): {i['peak_reason']}",
            highlight=False,
            soft_wrap=True,
        )
    for title, text in found.sql:
        console.print(f"\n[bold]SQL: {title}[/bold]")
        console.print(text, markup=False, highlight=False, soft_wrap=True)


def limits(row: dict[str, Any]) -> str:
    shown = [
        f"{name} {sentences.limit(row['statistic'], float(row[f'{name}_threshold']))}"
        for name in ("warn", "alert")
        if row[f"{name}_threshold"] is not None
    ]
    return f"{', '.join(shown)} ({row['threshold_source']})"


def markdown(found: Report) -> str:
    """For pull requests and chat: how the monitors stand, what is open, and the decisions that need a look."""
    out = [f"# Drift report: {found.project}", ""]
    out += [
        "| monitor | newest window | decision | alert | warn | ok | undecided | open incidents |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for s in found.status:
        stale = " (stale)" if s["stale"] else ""
        out.append(
            f"| {cell(s['monitor'])} | {s['last_window_date'] or '-'}{stale} | {_MARKS.get(s['decision'], '')} {s['decision']} |"
            f" {s['alert_count']} | {s['warn_count']} | {s['ok_count']} | {s['none_count']} | {s['open_incidents']} |"
        )
    open_ones = [i for i in found.incidents if i["state"] == "open"]
    out += ["", "## Open incidents", ""]
    if not open_ones:
        out.append("None.")
    for i in open_ones:
        where = "" if i["segment"] == "all" else f" in {cell(i['segment'])}"
        out.append(
            f"- **{cell(i['column_name'])}**{where} ({cell(i['monitor'])}, {cell(i['comparison'])}): since {i['opened_date']},"
            f" {i['windows']} window(s). {cell(i['peak_reason'])}"
        )
    looked = [r for r in found.rows if r["decision"] in ("alert", "warn", "none")]
    out += ["", "## Newest windows: what is not ok", ""]
    if not looked:
        out.append("Everything that is judged is ok.")
    else:
        out += ["| monitor | window | column | statistic | value | decision | why |", "|---|---|---|---|--:|---|---|"]
    for r in looked:
        where = "" if r["segment"] == "all" else f" ({cell(r['segment'])})"
        out.append(
            f"| {cell(r['monitor'])} | {r['comparison']} {r['window_date']} | {cell(r['column_name'])}{where} | {r['statistic']} |"
            f" {interval(r)} | {_MARKS.get(r['decision'], '')} {r['decision']} | {cell(r['reason'])} |"
        )
    return "\n".join(out) + "\n"


def cell(text: str) -> str:
    """A text inside a Markdown table or list."""
    return str(text).replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ").replace("<", "&lt;")
